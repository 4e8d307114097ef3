import { describe, expect, it } from "vitest";
import { bothForms, callRaw, startGuarded } from "../support/guarded.ts";
import { app, builtServer, type ServerProcess, user } from "../support/server-process.ts";
import type { Upstream } from "../support/upstream.ts";

const target = `"app_id":"${app}","user_id":"${user}"`;
const withProfile = (profile: string) => `{${target},"profile":${profile}}`;
const oneKey = (name: string) => `{${JSON.stringify(name)}:"x"}`;

/** Sends each in both forms and expects that it is refused for its keys, and nothing sent. */
const expectRefused = async (server: ServerProcess, upstream: Upstream, members: string[]) => {
  for (const member of members) {
    for (const form of bothForms(`{${target},${member}}`)) {
      const { structured, isError } = await callRaw(server, form);
      const { status, updated_keys, error } = structured;
      const said = { status, updated_keys, code: error?.code, retryable: error?.retryable };
      expect({ member, isError, ...said, sent: upstream.received.length }).toEqual({
        member,
        isError: true,
        status: "not_updated",
        updated_keys: [],
        code: expect.stringMatching(/^(?:key_not_allowed|invalid_arguments)$/),
        retryable: false,
        sent: 0,
      });
    }
  }
};

/** How a key that may not be written might be sent all the same. */
const ways = (name: string, free: string): string[] => [
  `"profile":{"${name}":"x"}`,
  `"profile":{"${free}":"x","${name}":"y"}`,
  `"profile":{"${name}":"x","${name}":"y"}`,
  `"profile":{"\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${name.slice(1)}":"x"}`,
  `"profile":${JSON.stringify(oneKey(name))}`,
  `"profile":{"${free}":"x"},"profile":{"${name}":"y"}`,
  `"profile":{"${free}":"x","${name}":"y"},"on_reserved_key":"skip"`,
  `"profile":{"${free}":{"${name}":"x"}}`,
];

describe("PRELUDE_ALLOWED_KEYS", () => {
  const env = { PRELUDE_ALLOWED_KEYS: "first_name, last_name" };

  it("refuses everything else, however it is sent", async () => {
    const { server, upstream } = await startGuarded({ env });
    const others = ["First_Name", "first_nam\u00e9", "__proto__", "constructor", "toString"];
    await expectRefused(server, upstream, [
      ...ways("role", "first_name"),
      ...others.map((name) => `"profile":${oneKey(name)}`),
      '"profile":{"__proto__":{"first_name":"x"}}',
    ]);
  });
});

describe("PRELUDE_BLOCKED_KEYS", () => {
  const env = { PRELUDE_BLOCKED_KEYS: "role, tenant_id, caf\u00e9" };

  it("refuses these keys, however they are sent", async () => {
    const { server, upstream } = await startGuarded({ env });
    await expectRefused(server, upstream, ways("role", "plan"));
  });

  it("refuses look-alikes of these keys, and says why", async () => {
    const { server, upstream } = await startGuarded({ env });
    const lookAlikes = [
      ...["ROLE", "\uff52ole", "ro le", "ro\u200ble", "ro\u00adle", "\u202erole", "role\ufe0f"],
      ...["role\u0000", "ro\u001b[31mle", "cafe\u0301", "cafe", "r\u00f4le", "ro\uffffle"],
      ...["ro\ufdd0le", "ro\u{1d159}le", "ro\u115fle", "role "],
    ];
    await expectRefused(
      server,
      upstream,
      lookAlikes.map((name) => `"profile":${oneKey(name)}`),
    );
    const { structured } = await callRaw(server, withProfile(oneKey("ROLE")));
    expect(structured.error?.message).toContain(
      "differs from a blocked key only by case, accents and other combining marks",
    );
  });
});

it("the lists hold in the sandbox too", async () => {
  const env = { PRELUDE_ALLOWED_KEYS: "first_name", PRELUDE_BLOCKED_KEYS: "role" };
  const command = [process.execPath, builtServer, "--sandbox"];
  const { server, upstream } = await startGuarded({ env, command });
  await expectRefused(server, upstream, ['"profile":{"plan":"x"}', '"profile":{"role":"x"}']);
  const { structured } = await callRaw(server, withProfile(oneKey("first_name")));
  expect(structured).toMatchObject({ status: "updated", sandbox: true });
});
