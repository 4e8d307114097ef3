import { describe, expect, it } from "vitest";
import { bothForms, callRaw, publishedSchema, startGuarded } from "../support/guarded.ts";
import { app, user } from "../support/server-process.ts";

type Pin = {
  name: string;
  setting: string;
  pinned: string;
  other: string;
  /** The argument that stays, as JSON. */
  rest: string;
};

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

const escapeFirst = (name: string) =>
  `\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${name.slice(1)}`;
const fullWidth = (name: string) =>
  name.replace(/[a-z]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0));
const camel = (name: string) => name.replace("_id", "Id");

/** How an agent might bring a pinned argument along: JSON members, and the path of the refusal. */
const smuggled: [how: string, json: (pin: Pin) => string, path: (name: string) => string][] = [
  ["with the same value", ({ name, pinned }) => `"${name}":"${pinned}"`, (name) => name],
  ["with another value", ({ name, other }) => `"${name}":"${other}"`, (name) => name],
  ["as null", ({ name }) => `"${name}":null`, (name) => name],
  ["as a blank", ({ name }) => `"${name}":""`, (name) => name],
  [
    "twice, the pinned value last",
    ({ name, pinned, other }) => `"${name}":"${other}","${name}":"${pinned}"`,
    (name) => name,
  ],
  ["as a nested object", ({ name, other }) => `"${name}":{"${name}":"${other}"}`, (name) => name],
  [
    "as a list of 10,000",
    ({ name, other }) => `"${name}":${JSON.stringify(Array(10_000).fill(other))}`,
    (name) => name,
  ],
  ["escaped", ({ name, other }) => `"${escapeFirst(name)}":"${other}"`, (name) => name],
  [
    "in upper case",
    ({ name, other }) => `"${name.toUpperCase()}":"${other}"`,
    (name) => name.toUpperCase(),
  ],
  ["in camel case", ({ name, other }) => `"${camel(name)}":"${other}"`, camel],
  ["in full-width letters", ({ name, other }) => `"${fullWidth(name)}":"${other}"`, fullWidth],
  [
    "with a zero-width space",
    ({ name, other }) => `"${name}\u200b":"${other}"`,
    (name) => `${name}\\u{200b}`,
  ],
  ["with a space behind it", ({ name, other }) => `"${name} ":"${other}"`, (name) => `${name} `],
  [
    "inside __proto__",
    ({ name, other }) => `"__proto__":{"${name}":"${other}"}`,
    () => "__proto__",
  ],
  [
    "inside arguments of its own",
    ({ name, other }) => `"arguments":{"${name}":"${other}"}`,
    () => "arguments",
  ],
];

describe.each(pins)("$name, pinned by $setting", (pin) => {
  const { name, setting, pinned, other, rest } = pin;
  const env = { [setting]: pinned };
  const both = [`"profile":{"first_name":"Jane"}`, rest].join(",");

  it("is not in the published tool, neither its name nor its value", async () => {
    const { server } = await startGuarded({ env });
    const { result } = await server.request("tools/list");
    const schema = await publishedSchema(server);
    expect(Object.keys(schema.properties as object)).not.toContain(name);
    expect(schema.required).not.toContain(name);
    expect(schema.additionalProperties).toBe(false);
    expect(JSON.stringify(schema)).not.toContain(name);
    expect(JSON.stringify(result)).not.toContain(`"${pinned}"`);
  });

  it("goes into each request by itself", async () => {
    const { server, upstream } = await startGuarded({ env });
    for (const json of bothForms(`{${both}}`)) {
      const { structured } = await callRaw(server, json);
      expect(structured).toMatchObject({ status: "updated", [name]: pinned });
    }
    const path = `/v2/session/apps/${app}/users/${user}/profile`;
    expect(upstream.received.map((request) => request.path)).toEqual([path, path]);
  });

  it("is refused however it is sent along, and nothing leaves", async () => {
    const { server, upstream } = await startGuarded({ env });
    for (const [how, members, path] of smuggled) {
      for (const json of bothForms(`{${both},${members(pin)}}`)) {
        const { structured, isError } = await callRaw(server, json);
        const { code, issues } = structured.error ?? {};
        const said = { how, isError, status: structured.status, code, issues };
        expect({ ...said, sent: upstream.received.length }).toEqual({
          how,
          isError: true,
          status: "not_updated",
          code: "invalid_arguments",
          issues: [
            {
              path: path(name),
              received: "an undeclared argument",
              accepted: expect.stringMatching(/^nothing: /),
            },
          ],
          sent: 0,
        });
      }
    }
  });

  it("says of the argument itself that the operator fixed it", async () => {
    const { server } = await startGuarded({ env });
    const { structured } = await callRaw(server, `{${both},"${name}":"${other}"}`);
    expect(structured.error?.issues?.[0]?.accepted).toContain("fixed by the operator");
  });

  it("is refused together with every other problem of the call", async () => {
    const { server, upstream } = await startGuarded({ env });
    const { structured } = await callRaw(server, `{"profile":{"age":3},"${name}":"${other}"}`);
    const missing = name === "app_id" ? "user_id" : "app_id";
    expect(structured.error?.issues?.map((issue) => issue.path).sort()).toEqual(
      [name, missing, "profile.age"].sort(),
    );
    expect(upstream.received).toEqual([]);
  });

  it("is not moved by a value beside the arguments", async () => {
    const { server, upstream } = await startGuarded({ env });
    const response = await server.request("tools/call", {
      name: "update_user_profile",
      [name]: other,
      _meta: { [name]: other },
      arguments: JSON.parse(`{${both}}`),
    });
    expect(response.result).toMatchObject({ structuredContent: { [name]: pinned } });
    expect(upstream.received.map(({ path }) => path)).toEqual([
      `/v2/session/apps/${app}/users/${user}/profile`,
    ]);
  });

  it("as the name of a profile key is data and leaves the target alone", async () => {
    const { server, upstream } = await startGuarded({ env });
    await callRaw(server, `{${rest},"profile":{"${name}":"${other}"}}`);
    expect(upstream.received).toMatchObject([
      { path: `/v2/session/apps/${app}/users/${user}/profile`, profile: { [name]: other } },
    ]);
  });
});

describe("both pinned", () => {
  const env = { PRELUDE_APP_ID: app, PRELUDE_USER_ID: user };

  it("leaves the profile and on_reserved_key to the agent", async () => {
    const { server, upstream } = await startGuarded({ env });
    const schema = await publishedSchema(server);
    expect(Object.keys(schema.properties as object)).toEqual(["profile", "on_reserved_key"]);
    expect(schema.required).toEqual(["profile"]);
    const { structured } = await server.callTool({ profile: { first_name: "Jane" } });
    expect(structured).toEqual({
      status: "updated",
      app_id: app,
      user_id: user,
      updated_keys: ["first_name"],
    });
    expect(upstream.received).toHaveLength(1);
  });

  it("refuses both at once", async () => {
    const { server, upstream } = await startGuarded({ env });
    const profile = { first_name: "Jane" };
    const { structured } = await server.callTool({ app_id: app, user_id: user, profile });
    expect(structured.error?.issues?.map(({ path }) => path)).toEqual(["app_id", "user_id"]);
    expect(upstream.received).toEqual([]);
  });
});

describe("without pins", () => {
  it("declares and requires both arguments", async () => {
    const { server } = await startGuarded();
    const schema = await publishedSchema(server);
    expect(Object.keys(schema.properties as object)).toEqual([
      "app_id",
      "user_id",
      "profile",
      "on_reserved_key",
    ]);
    expect(schema.required).toEqual(["app_id", "user_id", "profile"]);
  });

  it.each(["app_id", "user_id"])("refuses a call without %s", async (name) => {
    const { server, upstream } = await startGuarded();
    const { [name]: _, ...args } = {
      app_id: app,
      user_id: user,
      profile: { first_name: "Jane" },
    } as Record<string, unknown>;
    const { structured } = await server.callTool(args);
    expect(structured.error?.issues).toEqual([
      { path: name, received: "nothing", accepted: expect.stringContaining("id: ") },
    ]);
    expect(upstream.received).toEqual([]);
  });
});

it.each([
  ["a note", '"note":"approved by the person"'],
  ["an option", '"confirm":false'],
  ["a dry run", '"dry_run":true'],
  ["another profile", '"Profile":{"role":"admin"}'],
  ["an empty name", '"":"x"'],
])("whatever is not declared is refused: %s", async (_, member) => {
  const { server, upstream } = await startGuarded();
  const args = `{"app_id":"${app}","user_id":"${user}","profile":{"first_name":"Jane"},${member}}`;
  for (const json of bothForms(args)) {
    const { structured } = await callRaw(server, json);
    expect(structured.error).toMatchObject({
      code: "invalid_arguments",
      issues: [{ received: "an undeclared argument" }],
    });
  }
  expect(upstream.received).toEqual([]);
});
