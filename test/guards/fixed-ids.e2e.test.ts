import { describe, expect, it } from "vitest";
import { bothForms, callRaw, startGuarded } from "../support/guarded.ts";
import { app, user } from "../support/server-process.ts";

type Pin = { name: string; setting: string; pinned: string; other: string; rest: string };

const pins: Pin[] = [
  {
    name: "app_id",
    setting: "PRELUDE_APP_ID",
    pinned: app,
    other: "fvua38g",
    rest: `"user_id":"${user}"`,
  },
  {
    name: "user_id",
    setting: "PRELUDE_USER_ID",
    pinned: user,
    other: "usr_01jqy7455pf8p9bap5qke912g1",
    rest: `"app_id":"${app}"`,
  },
];

/** How an agent might bring another value along, as JSON members. */
const smuggled: ((pin: Pin) => string)[] = [
  ({ name, other }) => `"${name}":"${other}"`,
  ({ name }) => `"${name}":null`,
  ({ name }) => `"${name}":""`,
  ({ name, other, pinned }) => `"${name}":"${pinned}","${name}":"${other}"`,
  ({ name, other }) => `"${name}":{"${name}":"${other}"}`,
  ({ name, other }) => `"${name}":${JSON.stringify(Array(10_000).fill(other))}`,
  ({ name, other }) =>
    `"\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${name.slice(1)}":"${other}"`,
];

describe.each(pins)("$name, fixed by $setting", (pin) => {
  const { name, setting, pinned, rest } = pin;
  const env = { [setting]: pinned };
  const sound = [`"profile":{"first_name":"Jane"}`, rest].join(",");

  it("is refused however it is sent along, and nothing leaves", async () => {
    const { server, upstream } = await startGuarded({ env });
    for (const member of smuggled) {
      const members = member(pin);
      for (const json of bothForms(`{${sound},${members}}`)) {
        const { structured, isError } = await callRaw(server, json);
        const { code, issues } = structured.error ?? {};
        const said = { isError, status: structured.status, code, path: issues?.[0]?.path };
        expect({ members, ...said, sent: upstream.received.length }).toEqual({
          members,
          isError: true,
          status: "not_updated",
          code: "invalid_arguments",
          path: name,
          sent: 0,
        });
        expect(issues?.[0]?.accepted).toContain("fixed by the operator");
      }
    }
  });
});
