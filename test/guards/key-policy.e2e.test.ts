import { describe, expect, it } from "vitest";
import { maxBodyBytes } from "../../src/lib/contract.ts";
import { escapeInvisible } from "../../src/lib/text.ts";
import { bothForms, callRaw, publishedSchema, startGuarded } from "../support/guarded.ts";
import { app, builtServer, type ServerProcess, user } from "../support/server-process.ts";
import { apiError, noContent, type Upstream } from "../support/upstream.ts";

const target = `"app_id":"${app}","user_id":"${user}"`;
const withProfile = (profile: string) => `{${target},"profile":${profile}}`;
const oneKey = (name: string) => `{${JSON.stringify(name)}:"x"}`;

type Refusal = {
  how: string;
  /** The JSON of the profile, or of the members that hold one. */
  json: string;
  /** As the result names them. */
  keys: string[];
};

/** Sends each in both forms and expects `key_not_allowed`, all refused keys named, nothing sent. */
const expectRefused = async (server: ServerProcess, upstream: Upstream, rows: Refusal[]) => {
  for (const { how, json, keys } of rows) {
    const args = json.startsWith("{") ? withProfile(json) : `{${target},${json}}`;
    for (const form of bothForms(args)) {
      const { structured, isError } = await callRaw(server, form);
      const { status, updated_keys, error } = structured;
      const sent = upstream.received.length;
      expect({ how, isError, status, updated_keys, ...error, sent }).toMatchObject({
        how,
        isError: true,
        status: "not_updated",
        updated_keys: [],
        code: "key_not_allowed",
        keys,
        retryable: false,
        sent: 0,
      });
    }
  }
};

describe("PRELUDE_ALLOWED_KEYS", () => {
  const env = { PRELUDE_ALLOWED_KEYS: "first_name, last_name" };

  it("publishes a closed object with exactly these keys", async () => {
    const { server } = await startGuarded({ env });
    const { properties } = (await publishedSchema(server)) as {
      properties: Record<string, { description: string }>;
    };
    expect(properties.profile).toEqual({
      type: "object",
      description: expect.stringContaining("Only the keys listed here may be written."),
      properties: {
        first_name: { type: "string", description: expect.any(String) },
        last_name: { type: "string", description: expect.any(String) },
      },
      additionalProperties: false,
    });
  });

  it("lets each of them through", async () => {
    const { server, upstream } = await startGuarded({ env });
    for (const profile of [`{"first_name":"Jane"}`, `{"last_name":"Roe","first_name":"Jane"}`]) {
      for (const json of bothForms(withProfile(profile))) {
        const { structured } = await callRaw(server, json);
        expect(structured.status).toBe("updated");
      }
    }
    expect(upstream.received.map(({ profile }) => profile)).toEqual([
      { first_name: "Jane" },
      { first_name: "Jane" },
      { last_name: "Roe", first_name: "Jane" },
      { last_name: "Roe", first_name: "Jane" },
    ]);
  });

  it("refuses everything else, however it is sent", async () => {
    const { server, upstream } = await startGuarded({ env });
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, "x"]));
    await expectRefused(server, upstream, [
      { how: "a key", json: oneKey("role"), keys: ["role"] },
      {
        how: "beside an allowed key",
        json: `{"first_name":"Jane","role":"x"}`,
        keys: ["role"],
      },
      { how: "several", json: `{"role":"x","plan":"y"}`, keys: ["role", "plan"] },
      { how: "1,000", json: JSON.stringify(many), keys: Object.keys(many) },
      { how: "case", json: oneKey("First_Name"), keys: ["First_Name"] },
      { how: "a ligature", json: oneKey("\ufb01rst_name"), keys: ["\ufb01rst_name"] },
      { how: "a space inside", json: oneKey("first name"), keys: ["first name"] },
      {
        how: "a zero-width space",
        json: oneKey("first_name\u200b"),
        keys: ["first_name\\u{200b}"],
      },
      { how: "an escape", json: `{"\\u0072ole":"x"}`, keys: ["role"] },
      { how: "a repeated key", json: `{"first_name":"a","role":"x","role":"y"}`, keys: ["role"] },
      { how: "__proto__", json: `{"__proto__":"x"}`, keys: ["__proto__"] },
      { how: "a nested __proto__", json: `{"__proto__":{"first_name":"x"}}`, keys: ["__proto__"] },
      { how: "constructor", json: oneKey("constructor"), keys: ["constructor"] },
      { how: "toString", json: oneKey("toString"), keys: ["toString"] },
      {
        how: "the profile as text",
        json: `"profile":${JSON.stringify(oneKey("role"))}`,
        keys: ["role"],
      },
      {
        how: "a second profile",
        json: `"profile":{"first_name":"x"},"profile":{"role":"x"}`,
        keys: ["role"],
      },
      {
        how: "with on_reserved_key",
        json: `"profile":{"first_name":"x","role":"x"},"on_reserved_key":"skip"`,
        keys: ["role"],
      },
    ]);
  });

  it("names the allowed keys and tells the agent not to look for a way round", async () => {
    const { server } = await startGuarded({ env });
    const { text, structured } = await callRaw(server, withProfile(oneKey("role")));
    expect(structured.error?.message).toBe(
      'This server may not write "role"; nothing was written.',
    );
    expect(structured.error?.next_step).toContain(
      'only these may be written: "first_name", "last_name"',
    );
    expect(structured.error?.next_step).toContain("Do not try other spellings.");
    expect(JSON.parse(text)).toEqual(structured);
  });

  it("is checked on what is sent: of repeated members the last counts for both", async () => {
    const { server, upstream } = await startGuarded({ env });
    const members = [
      `"profile":{"role":"x"},"profile":{"first_name":"last"}`,
      `"profile":{"first_name":"x","first_name":"last"}`,
    ];
    for (const member of members) await callRaw(server, `{${target},${member}}`);
    expect(upstream.received.map(({ rawBody }) => rawBody)).toEqual([
      '{"profile":{"first_name":"last"}}',
      '{"profile":{"first_name":"last"}}',
    ]);
  });

  it("does not let a nested value carry a key", async () => {
    const { server, upstream } = await startGuarded({ env });
    for (const value of ['{"role":"admin"}', '[{"role":"admin"}]']) {
      const { structured } = await callRaw(server, withProfile(`{"first_name":${value}}`));
      expect(structured.error?.code).toBe("invalid_arguments");
      expect(structured.error?.issues?.map(({ path }) => path)).toEqual(["profile.first_name"]);
    }
    expect(upstream.received).toEqual([]);
  });

  it("is named together with every other problem of the call", async () => {
    const { server, upstream } = await startGuarded({ env });
    const { structured } = await callRaw(
      server,
      `{"app_id":"..","profile":{"first_name":1,"role":"x","plan":"y"}}`,
    );
    expect(structured.error?.code).toBe("invalid_arguments");
    expect(structured.error?.issues).toMatchObject([
      { path: "app_id" },
      { path: "user_id" },
      { path: "profile.first_name" },
      { path: "profile.role", received: "a key that this server may not write" },
      { path: "profile.plan", received: "a key that this server may not write" },
    ]);
    expect(upstream.received).toEqual([]);
  });

  it("answers a huge call with no more than the largest call that would be sent", async () => {
    const allowed = Array.from({ length: 40 }, (_, i) => `allowed_${i}`).join(",");
    const { server, upstream } = await startGuarded({ env: { PRELUDE_ALLOWED_KEYS: allowed } });
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, "x"]));
    const profile = `"profile":${JSON.stringify(many)}`;
    for (const members of [profile, `${profile},"extra":1`]) {
      const { text } = await callRaw(server, `{${target},${members}}`);
      expect(text.length).toBeLessThan(maxBodyBytes);
    }
    expect(upstream.received).toEqual([]);
  });

  it.each(["constructor", "toString", "__proto__"])(
    "takes the name %s as any other",
    async (name) => {
      const env = { PRELUDE_ALLOWED_KEYS: `first_name,${name}` };
      const { server, upstream } = await startGuarded({ env });
      const { properties } = (await publishedSchema(server)) as {
        properties: { profile: { properties: object } };
      };
      expect(Object.keys(properties.profile.properties)).toEqual(["first_name", name]);
      const bodies = [`{"first_name":"x"}`, oneKey(name)];
      for (const body of bodies) {
        const { structured } = await callRaw(server, withProfile(body));
        expect(structured.status).toBe("updated");
      }
      expect(upstream.received.map(({ rawBody }) => rawBody)).toEqual(
        bodies.map((body) => `{"profile":${body}}`),
      );
    },
  );
});

describe("PRELUDE_BLOCKED_KEYS", () => {
  const env = { PRELUDE_BLOCKED_KEYS: "role, tenant_id, caf\u00e9" };

  it("leaves the published profile open", async () => {
    const { server } = await startGuarded({ env });
    const { properties } = (await publishedSchema(server)) as { properties: { profile: object } };
    expect(properties.profile).toEqual({
      type: "object",
      description: expect.any(String),
      additionalProperties: { type: "string" },
    });
  });

  it("lets other keys through, also those that only resemble a blocked one", async () => {
    const { server, upstream } = await startGuarded({ env });
    const profile = { roles: "a", r0le: "b", tenant: "c", caf: "d", "tenant-id": "e" };
    const { structured } = await callRaw(server, withProfile(JSON.stringify(profile)));
    expect(structured.status).toBe("updated");
    expect(upstream.received.map((request) => request.profile)).toEqual([profile]);
  });

  it("refuses these keys, however they are sent", async () => {
    const { server, upstream } = await startGuarded({ env });
    await expectRefused(server, upstream, [
      { how: "a key", json: oneKey("role"), keys: ["role"] },
      { how: "beside a free key", json: `{"plan":"x","role":"y"}`, keys: ["role"] },
      { how: "several", json: `{"role":"x","a":"b","tenant_id":"y"}`, keys: ["role", "tenant_id"] },
      { how: "an escape", json: `{"\\u0072ole":"x"}`, keys: ["role"] },
      { how: "a repeated key", json: `{"role":"x","role":"y"}`, keys: ["role"] },
      {
        how: "the profile as text",
        json: `"profile":${JSON.stringify(oneKey("role"))}`,
        keys: ["role"],
      },
      {
        how: "with on_reserved_key",
        json: `"profile":{"a":"x","role":"x"},"on_reserved_key":"skip"`,
        keys: ["role"],
      },
    ]);
  });

  it("refuses look-alikes of these keys, and says why", async () => {
    const { server, upstream } = await startGuarded({ env });
    const lookAlikes = [
      "ROLE",
      "\uff52ole",
      "ro\u200ble",
      "ro le",
      "ro\u00a0le",
      "ro\u00adle",
      "\u202erole",
      "role\ufe0f",
      "role\u{e0065}",
      "role\u0000",
      "\u001brole",
      "ro\u001b[31mle",
      "cafe\u0301",
      "cafe",
      "r\u00f4le",
    ];
    await expectRefused(
      server,
      upstream,
      lookAlikes.map((name) => ({
        how: JSON.stringify(name),
        json: oneKey(name),
        keys: [escapeInvisible(name)],
      })),
    );
    const { structured } = await callRaw(server, withProfile(oneKey("ROLE")));
    expect(structured.error?.message).toContain(
      "differs from a blocked key only by case, white space, accents and other combining marks",
    );
  });

  it.each(["role ", "\u00a0role", '"role"', "role\n", ""])(
    "says what is wrong with a broken key before anything is compared: %j",
    async (name) => {
      const { server, upstream } = await startGuarded({ env });
      const { structured } = await callRaw(server, withProfile(oneKey(name)));
      expect(structured.error?.code).toBe("invalid_arguments");
      expect(upstream.received).toEqual([]);
    },
  );

  it("holds beside allowed keys too", async () => {
    const both = { PRELUDE_ALLOWED_KEYS: "first_name,plan", PRELUDE_BLOCKED_KEYS: "role" };
    const { server, upstream } = await startGuarded({ env: both });
    await expectRefused(server, upstream, [
      { how: "the blocked key", json: oneKey("role"), keys: ["role"] },
      { how: "its look-alike", json: oneKey("Role"), keys: ["Role"] },
      { how: "a key on neither list", json: oneKey("other"), keys: ["other"] },
    ]);
  });

  it("is not softened by the search for reserved keys", async () => {
    const reserved = apiError(400, "reserved_profile_key");
    const { server, upstream } = await startGuarded({ env, answers: [reserved, noContent] });
    const profile = `"profile":{"a":"1","role":"2","b":"3"}`;
    const { structured } = await callRaw(server, `{${target},${profile},"on_reserved_key":"skip"}`);
    expect(structured.error).toMatchObject({ code: "key_not_allowed", keys: ["role"] });
    expect(upstream.received).toEqual([]);
  });
});

describe("one key of very many characters", () => {
  const blocked = { PRELUDE_BLOCKED_KEYS: "role" };
  const allowed = { PRELUDE_ALLOWED_KEYS: "first_name" };
  // Marks whose order normalisation must change: that is what takes it quadratic time.
  const marks = (count: number) => `role${"\u0301\u0323".repeat(count / 2)}`;
  const rows: [what: string, key: string, env: Record<string, string>][] = [
    ["130,000 combining marks", marks(130_000), blocked],
    ["400,000 combining marks", marks(400_000), blocked],
    ["400,000, with both lists", marks(400_000), { ...blocked, ...allowed }],
    ["130,000, without any list", marks(130_000), {}],
  ];

  it.each(rows)("%s: is refused at once, and holds up nobody", async (_, key, settings) => {
    const { server, upstream } = await startGuarded({ env: settings });
    const started = performance.now();
    const call = callRaw(server, withProfile(oneKey(key)));
    const pong = server.request("ping");
    const { structured } = await call;
    await pong;
    // Folding them would take minutes.
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(structured.status).toBe("not_updated");
    expect(["invalid_arguments", "key_not_allowed"]).toContain(structured.error?.code);
    expect(upstream.received).toEqual([]);
  });
});

it("the lists hold in the sandbox too", async () => {
  const env = { PRELUDE_ALLOWED_KEYS: "first_name", PRELUDE_BLOCKED_KEYS: "role" };
  const command = [process.execPath, builtServer, "--sandbox"];
  const { server, upstream } = await startGuarded({ env, command });
  await expectRefused(server, upstream, [
    { how: "a key on neither list", json: oneKey("plan"), keys: ["plan"] },
    { how: "a blocked key", json: oneKey("role"), keys: ["role"] },
  ]);
  const { structured } = await callRaw(server, withProfile(oneKey("first_name")));
  expect(structured).toMatchObject({ status: "updated", sandbox: true });
});
