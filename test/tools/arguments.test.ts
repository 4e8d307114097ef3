import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maxBodyBytes } from "../../src/lib/contract.ts";
import { readArguments } from "../../src/tools/arguments.ts";
import * as get from "../../src/tools/get-profile/schema.ts";
import { jsonSchema } from "../../src/tools/json-schema.ts";
import type { ToolScope } from "../../src/tools/tool.ts";
import * as update from "../../src/tools/update-profile/schema.ts";

const app_id = "54e9ujn";
const user_id = "usr_01jqebhswje1ka1z7ahr9rfsgt";
const other = "usr_01jqy7455pf8p9bap5qke912g1";
const valid = { app_id, user_id, profile: { first_name: "Jane" } };
const open: ToolScope = { appId: undefined, userId: undefined, allowedKeys: undefined };
const fixed: ToolScope = { ...open, appId: app_id, userId: user_id };

const read = (raw: unknown, scope: Partial<ToolScope> = {}) =>
  readArguments(update.argumentsSpec({ ...open, ...scope }), raw, ["sk_secret"]);
const look = (raw: unknown, scope: Partial<ToolScope> = {}) =>
  readArguments(get.argumentsSpec({ ...open, ...scope }), raw, []);

/** Path of each issue, with what was received and what is accepted. */
const told = ({ issues }: ReturnType<typeof read | typeof look>): Record<string, string> =>
  Object.fromEntries(
    issues.map(({ path, received, accepted }) => [path, `${received} -> ${accepted}`]),
  );

const numbered = (count: number, value: unknown): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]));

describe("arguments that are as they should be", () => {
  test.each<[string, unknown, Partial<ToolScope>?]>([
    ["an object", valid],
    ["JSON text of it", JSON.stringify(valid)],
    ["the profile as JSON text", { ...valid, profile: '{"first_name":"Jane"}' }],
    ["null for what is optional", { ...valid, on_reserved_key: null }],
    ["no ids where they are fixed", { profile: valid.profile }, fixed],
  ])("%s", (_, raw, scope) => {
    const { data, issues, target } = read(raw, scope);
    expect(issues).toEqual([]);
    expect(data).toEqual({ ...valid, on_reserved_key: undefined });
    expect(target).toEqual({ appId: app_id, userId: user_id });
  });

  test.each([
    ["a.b"],
    ["a:b c/d"],
    ["имя"],
    ["नाम"],
    ["it's"],
    ["k".repeat(256)],
    ["constructor"],
    ["toString"],
    ["profile"],
    ["user_id"],
  ])("a key %s with any text as its value", (key) => {
    const profile = { [key]: '😀 {"a":"b"}' };
    expect(read({ ...valid, profile }).data?.profile).toEqual(profile);
  });

  test("a listed key that is also a member of every object need not be given", () => {
    const scope = { allowedKeys: ["constructor", "first_name"] };
    expect(read(valid, scope).data?.profile).toEqual(valid.profile);
    expect(read({ ...valid, profile: { constructor: "x" } }, scope).data?.profile).toEqual({
      constructor: "x",
    });
  });

  test("a body of exactly the limit, and not a byte more", () => {
    const first_name = "é".repeat((maxBodyBytes - '{"profile":{"first_name":""}}'.length) / 2 - 1);
    const rest = maxBodyBytes - Buffer.byteLength(JSON.stringify({ profile: { first_name } }));
    const ofLimit = `${first_name}${"x".repeat(rest)}`;
    expect(read({ ...valid, profile: { first_name: ofLimit } }).issues).toEqual([]);
    expect(told(read({ ...valid, profile: { first_name: `${ofLimit}x` } }))).toEqual({
      profile: "262145 bytes as JSON -> at most 262144 bytes",
    });
  });
});

const idForm = "a user id: usr_ followed by 1 to 128 letters, digits, _ or -";

describe("an id that is none", () => {
  test.each<[unknown, string]>([
    [undefined, "nothing"],
    ["", "an empty string"],
    [7, "a number"],
    ["jane@example.com", "an email address"],
    ["+33 6 12 34 56 78", "a phone number"],
    ["5f0c6e1e-8a4b-4d53-9d9b-0a4b7a1f8e11", "a UUID"],
    [`${user_id}\n`, "an id with invisible characters"],
    [`<${user_id}>`, "a string that does not begin with usr_"],
    ["usr_01jq…", "a string of another form"],
    [user_id.replace("_", "_\u200b"), "an id with invisible characters"],
    [user_id.toUpperCase(), "a string that does not begin with usr_"],
    ["usr_../../x", "a string of another form"],
    ["usr_a/b", "a string of another form"],
    [`usr_${"a".repeat(9_999)}`, "a very long string"],
  ])("%j as user_id", (id, received) => {
    expect(told(read({ ...valid, user_id: id }))).toEqual({ user_id: `${received} -> ${idForm}` });
  });

  test("several users: one call is for one", () => {
    expect(told(read({ ...valid, user_id: [user_id] }))).toEqual({
      user_id: `an array -> ${idForm}; one call is for one user`,
    });
  });

  test("both ids exchanged", () => {
    expect(told(read({ ...valid, app_id: user_id, user_id: app_id }))).toEqual({
      app_id: "a user id -> the app id (are the two ids exchanged?)",
      user_id: `a string that does not begin with usr_ -> ${idForm}`,
    });
  });
});

describe("a profile that cannot be written", () => {
  test.each<[string, unknown, Record<string, string>]>([
    ["nothing", undefined, { profile: "nothing -> an object of keys and string values" }],
    ["no key", {}, { profile: "no key -> at least one key with a string value" }],
    ["a list", ["a"], { profile: "an array -> an object of keys and string values" }],
    [
      "text that is not JSON",
      "a=b",
      { profile: "a string that is not an object as JSON -> an object of keys and string values" },
    ],
    [
      "too many keys",
      numbered(50_000, 1),
      { profile: "50000 keys -> at most 262144 bytes as JSON" },
    ],
    [
      "values that are no text",
      { age: 42, vip: true, bio: null, tags: ["x"], home: { city: "y" } },
      {
        "profile.age": "a number -> a string: send the digits in quotes",
        "profile.vip": 'a boolean -> a string: send "true" or "false" in quotes',
        "profile.bio":
          "null -> a string: leave the key out if it is not to change; this tool does not delete keys",
        "profile.tags":
          "an array -> a string: look how the app stores such lists, or ask the person",
        "profile.home":
          "an object -> a string: look how the app stores such objects, or ask the person",
      },
    ],
    [
      "half an emoji",
      { bio: "\ud83d" },
      {
        "profile.bio":
          "a string with half a character in it (an unpaired surrogate) -> a string of whole characters",
      },
    ],
  ])("%s", (_, profile, issues) => {
    expect(told(read({ ...valid, profile }))).toEqual(issues);
  });

  test.each<[string, string, string, RegExp]>([
    ["no name", "", 'profile.""', /^an empty key/],
    ["257 characters", "k".repeat(257), `profile.${"k".repeat(100)}…`, /^a key of 257 characters/],
    ["a blank at an end", "name ", "profile.name ", /^a key with white space or quotes around/],
    ["a no-break space at an end", "\u00a0name", "profile.\u00a0name", /^a key with white space/],
    ["quotes", "“name”", "profile.“name”", /^a key with white space or quotes around it/],
    ["a line break", "a\nb", "profile.a\\u{a}b", /^a key with what cannot be seen/],
    ["an invisible character", "ro\u200ble", "profile.ro\\u{200b}le", /^a key with what cannot/],
    ["what no Unicode assigns", "ro\ufffele", "profile.ro\\u{fffe}le", /^a key with what cannot/],
    ["half an emoji", "a\ud83d", "profile.a\\u{d83d}", /^a key with what cannot be seen/],
    ["letters taken apart", "e\u0301", "profile.e\u0301", /\(not NFC\) -> in NFC: "\u00e9"$/],
    ["a name that programs lose", "__proto__", "profile.__proto__", /^a key that cannot be/],
  ])("a key with %s", (_, key, path, words) => {
    const profile = JSON.parse(`{${JSON.stringify(key)}:"x","fine":"y"}`);
    expect(told(read({ ...valid, profile }))).toEqual({ [path]: expect.stringMatching(words) });
    const listed = read({ ...valid, profile }, { allowedKeys: ["fine"] });
    expect(told(listed)).toEqual({ [path]: expect.stringMatching(words) });
  });

  test("every problem at once, and no value", () => {
    const raw = {
      user_id: "secret@example.com",
      profile: { a: 4711, "": null, b: "fine" },
      on_reserved_key: "secret",
      extra: "secret",
    };
    const { issues, data } = read(raw);
    expect(issues.map(({ path }) => path)).toEqual([
      "arguments",
      "app_id",
      "user_id",
      'profile.""',
      "profile.a",
      'profile.""',
      "on_reserved_key",
    ]);
    expect(JSON.stringify(issues)).not.toMatch(/secret|4711/);
    expect(data).toBeUndefined();
    expect(read({ ...valid, profile: numbered(5_000, 1) }).issues).toHaveLength(5_000);
  });

  test("a value that is nested without end", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect(told(read(JSON.parse(`{"profile":{"a":${deep}}}`), fixed))).toEqual({
      "profile.a": expect.stringMatching(/^an array/),
    });
  });
});

describe("with a list of allowed keys", () => {
  const scope = { allowedKeys: ["first_name", "nickname"] };

  test("an empty string beside other keys is refused, alone it is written", () => {
    const profile = { first_name: "Jane", nickname: "" };
    expect(told(read({ ...valid, profile }, scope))).toEqual({
      "profile.nickname":
        'an empty string beside other keys -> if the person wants this field emptied, "" in a call of its own; if it is not to change, leave the key out',
    });
    expect(read({ ...valid, profile: { nickname: "" } }, scope).issues).toEqual([]);
    expect(read({ ...valid, profile }).issues).toEqual([]);
  });

  test("another key is no issue here and never data: the key policy has its own code for it", () => {
    const { issues, data } = read({ ...valid, profile: { first_name: "J", role: "x" } }, scope);
    expect([issues, data]).toEqual([[], undefined]);
  });
});

describe("arguments that are not declared, beside sound ones", () => {
  test.each<[string, object]>([
    ["what Gemini CLI adds", { wait_for_previous: true }],
    ["what n8n adds", { toolCallId: "call_1", sessionId: "s", chatInput: "x" }],
    ["what middleware adds", { context: { user: { id: user_id, roles: ["a"] } } }],
    ["a key beside profile", { nickname: "Al" }],
    ["a rehearsal that is off", { dry_run: false, preview: null, Test: "false", simulate: 0 }],
    ["ids under other names", { userId: user_id, app: "other" }],
    ["a name that programs lose", JSON.parse('{"__proto__":{"first_name":"Eve"}}')],
    ["another user in the middle of a text", { note: `like ${other}` }],
  ])("are named and not used: %s", (_, added) => {
    const { data, ignored } = read({ ...valid, ...added });
    expect(data?.profile).toEqual(valid.profile);
    expect(ignored).toEqual(Object.keys(added));
  });

  test("are shown as foreign text: twenty at most, short, visible, without the key", () => {
    const names = read({ ...valid, ...numbered(30, 1), "": 1 }).ignored;
    expect(names).toHaveLength(20);
    const odd = { "": 1, "a\u202eb": 1, "x sk_secret": 1, [`${"l".repeat(900_000)}`]: 1 };
    expect(read({ ...valid, ...odd }).ignored).toEqual([
      '""',
      "a\\u{202e}b",
      "x [redacted]",
      `${"l".repeat(64)}…`,
    ]);
  });

  test.each<[string, object, RegExp]>([
    ["dry_run", { dry_run: true }, /no rehearsal and does at once/],
    ["Dry-Run as text", { "Dry-Run": "yes" }, /call again without Dry-Run$/],
    ["validateOnly", { validateOnly: 1 }, /no rehearsal/],
    ["preview", { preview: {} }, /no rehearsal/],
    ["another user", { cc: other }, /^an undeclared argument with the id of another user -> /],
    ["another user far inside", { x: [{ y: { z: [1, other] } }] }, /one call is for one user/],
    ["another user as a name", { more: { [other]: {} } }, /one call is for one user/],
  ])("are refused where they ask for something else: %s", (_, added, words) => {
    const result = read({ ...valid, ...added });
    expect(told(result)).toEqual({ [Object.keys(added)[0] ?? ""]: expect.stringMatching(words) });
    expect(result.data).toBeUndefined();
  });

  test("are looked through however deep they are", () => {
    const deep = `${"[".repeat(200_000)}"${other}"${"]".repeat(200_000)}`;
    const raw = JSON.parse(`{"profile":{"a":"b"},"x":${deep}}`);
    expect(read(raw, fixed).issues).toHaveLength(1);
  });
});

describe("where the operator fixed app and user", () => {
  test.each<[string, object, string]>([
    ["another user", { user_id: other }, `user ${user_id}`],
    ["another app", { app_id: "fvua38g" }, `app ${app_id}`],
    ["nothing in place of the user", { user_id: null }, `user ${user_id}`],
    ["another user under any name", { for: [other] }, `user ${user_id}`],
  ])("%s cannot be reached, and nothing is written", (_, added, is) => {
    const [words = ""] = Object.values(told(read({ profile: valid.profile, ...added }, fixed)));
    expect(words).toContain(`nothing: ${is} is fixed by the operator`);
    expect(words).toMatch(/tell the person that this server cannot reach it and write nothing/);
    expect(words).not.toMatch(/fvua38g|912g1/);
  });

  test("the same ids are just not arguments", () => {
    const { data, ignored } = read(valid, fixed);
    expect(data).toEqual({ ...valid, on_reserved_key: undefined });
    expect(ignored).toEqual(["app_id", "user_id"]);
  });

  test("what was asked for is known for the audit", () => {
    const { asked, target } = read({ app_id: "fvua38g", for: other, profile: {} }, fixed);
    expect(asked).toEqual({ askedAppId: "fvua38g", askedUserId: other });
    expect(target).toEqual({ appId: app_id, userId: user_id });
  });

  test("an address is not looked up where the user is fixed", () => {
    expect(told(look({ email: "jane@example.com" }, fixed))).toHaveProperty("email");
    expect(look({}, fixed).data).toEqual({
      appId: app_id,
      sought: { by: "user_id", value: user_id },
    });
  });
});

describe("arguments that did not arrive", () => {
  const all = "app_id, user_id, profile, on_reserved_key";

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["an empty object", {}],
    ["a wrapper", { input: valid }],
    ["a wrapper as text", JSON.stringify({ arguments: JSON.stringify(valid) })],
    ["text that is not JSON", "set it to Jane"],
    ["a list", [valid]],
  ])("%s: they are named, and to be sent as one plain object", (_, raw) => {
    const { advice, data, issues } = read(raw);
    expect(advice).toBe(
      `Not one argument of this tool (${all}) arrived, so the client may not have passed on what was sent: send it again as one plain object.`,
    );
    expect(data).toBeUndefined();
    expect(JSON.stringify(issues)).not.toContain("Jane");
  });

  test("keys beside profile: that they belong inside", () => {
    const { issues, advice } = read({ app_id, user_id, first_name: "Jane" });
    expect(issues).toEqual([
      {
        path: "arguments",
        received: "undeclared arguments (first_name)",
        accepted: `only ${all}, at the top level; keys and their values belong inside profile`,
      },
      { path: "profile", received: "nothing", accepted: "an object of keys and string values" },
    ]);
    expect(advice).toBeUndefined();
  });

  test("10,000 undeclared arguments are one problem", () => {
    expect(read({ profile: {}, ...numbered(10_000, 1) }, fixed).issues).toHaveLength(1);
  });
});

describe("whom to look up", () => {
  const email = "jane@example.com";
  test.each<[string, object, object]>([
    ["an id", { user_id }, { by: "user_id", value: user_id }],
    ["an address with blanks", { email: ` ${email}\n` }, { by: "email", value: email }],
    ["a number", { phone: "+33 (6) 12.34-56 78" }, { by: "phone", value: "+33612345678" }],
    [
      "what is filled with nothing",
      { email, user_id: "", phone: null },
      { by: "email", value: email },
    ],
  ])("%s", (_, who, sought) => {
    expect(look({ app_id, ...who }).data).toEqual({ appId: app_id, sought });
  });

  test.each<[string, object, Record<string, string>]>([
    ["nobody", {}, { user_id: "nothing -> exactly one of user_id, email and phone" }],
    [
      "two ways",
      { user_id, email },
      { email: "user_id and email together -> exactly one of user_id, email and phone" },
    ],
    [
      "an address as id",
      { user_id: email },
      { user_id: "an email address -> the same under the name email" },
    ],
    [
      "a number as id",
      { user_id: "+33612345678" },
      { user_id: "a phone number -> the same under the name phone" },
    ],
    [
      "a number with (0)",
      { phone: "+33 (0)612345678" },
      {
        phone:
          "a string that is not a phone number -> a phone number with + and country code and without (0): +12025550123",
      },
    ],
    [
      "any user beside an address",
      { email, for: user_id },
      { for: expect.stringMatching(/another user/) },
    ],
  ])("%s is refused", (_, who, issues) => {
    const result = look({ app_id, ...who });
    expect(told(result)).toEqual(issues);
    expect(result.data).toBeUndefined();
  });
});

test("nothing passes that the published schema refuses", () => {
  const published = new Ajv({ strict: true }).compile(jsonSchema(update.inputSchema(open)));
  const anything = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant({ a: "b" }));
  const args = fc.record(
    {
      app_id: fc.oneof(fc.constant(app_id), anything),
      user_id: fc.oneof(fc.constant(user_id), anything),
      profile: fc.oneof(fc.dictionary(fc.string(), anything), anything),
      on_reserved_key: fc.constantFrom("fail", "skip", "x", 1),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(args, (raw) => {
      const { issues, data } = read(raw);
      expect(data === undefined).toBe(issues.length > 0);
      if (data && typeof raw.profile === "object") expect(published(raw)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
