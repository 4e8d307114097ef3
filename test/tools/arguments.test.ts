import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maxBodyBytes } from "../../src/lib/contract.ts";
import { createArgumentParser } from "../../src/tools/update-profile/arguments.ts";
import { inputJsonSchema } from "../../src/tools/update-profile/schema.ts";

const open = { appId: undefined, userId: undefined, allowedKeys: undefined };
const user_id = "usr_01jqebhswje1ka1z7ahr9rfsgt";
const valid = { app_id: "54e9ujn", user_id, profile: { a: "b" } };
const parse = createArgumentParser(open);

const without = (name: keyof typeof valid) => {
  const { [name]: _, ...rest } = valid;
  return rest;
};

describe("accepted", () => {
  test.each<[string, unknown]>([
    ["an object", valid],
    ["JSON text of it", JSON.stringify(valid)],
    ["profile as JSON text", { ...valid, profile: '{"a":"b"}' }],
    ["on_reserved_key", { ...valid, on_reserved_key: "skip" }],
    ["empty values and odd keys", { ...valid, profile: { a: "", "ключ 🗝": "c" } }],
    ["a user id of other than 26 characters", { ...valid, user_id: "usr_X-9_" }],
  ])("%s", (_, raw) => {
    const { issues, write } = parse(raw);
    expect(issues).toEqual([]);
    expect(write).toMatchObject({ appId: "54e9ujn", keys: expect.any(Array) });
  });

  test("a body of exactly the limit", () => {
    const overhead = JSON.stringify({ profile: { a: "" } }).length;
    const profile = { a: "x".repeat(maxBodyBytes - overhead) };
    expect(parse({ ...valid, profile }).issues).toEqual([]);
    expect(parse({ ...valid, profile: { a: `${profile.a}x` } }).issues).toHaveLength(1);
  });

  test("a fixed app and user need no argument", () => {
    const parsed = createArgumentParser({ ...open, appId: "54e9ujn", userId: user_id })({
      profile: { a: "b" },
    });
    expect(parsed).toEqual({
      issues: [],
      target: { appId: "54e9ujn", userId: user_id },
      keys: ["a"],
      sound: ["a"],
      write: {
        appId: "54e9ujn",
        userId: user_id,
        profile: { a: "b" },
        keys: ["a"],
        onReservedKey: "fail",
      },
    });
  });
});

describe("refused, with the path, the kind of value and what is accepted", () => {
  const cases: [string, unknown, path: string, received: RegExp, accepted: RegExp][] = [
    ["no arguments", undefined, "profile", /^nothing$/, /object/],
    ["null", null, "profile", /^nothing$/, /object/],
    ["an array", [], "arguments", /^an array$/, /object with app_id/],
    ["text that is not JSON", "set it to Jane", "arguments", /^a string$/, /object/],
    ["JSON text of something else", "[1]", "arguments", /^an array$/, /object/],
    ["no app_id", without("app_id"), "app_id", /^nothing$/, /letters, digits/],
    ["an app_id with a slash", { ...valid, app_id: "a/b" }, "app_id", /a path/, /letters, digits/],
    ["dots as app_id", { ...valid, app_id: ".." }, "app_id", /another form/, /letters, digits/],
    ["a huge app_id", { ...valid, app_id: "a".repeat(9999) }, "app_id", /very long/, /letters/],
    ["no user_id", without("user_id"), "user_id", /^nothing$/, /usr_/],
    ["an empty user_id", { ...valid, user_id: "" }, "user_id", /empty string/, /usr_/],
    [
      "an email address",
      { ...valid, user_id: "jane@example.com" },
      "user_id",
      /^an email address$/,
      /usr_/,
    ],
    [
      "a phone number",
      { ...valid, user_id: "+33 6 12 34 56 78" },
      "user_id",
      /^a phone number$/,
      /usr_/,
    ],
    [
      "a UUID",
      { ...valid, user_id: "5f0c6e1e-8a4b-4d53-9d9b-0a4b7a1f8e11" },
      "user_id",
      /^a UUID$/,
      /usr_/,
    ],
    ["an id with a path in it", { ...valid, user_id: "usr_../../x" }, "user_id", /a path/, /usr_/],
    [
      "an id with a line break",
      { ...valid, user_id: `${user_id}\n` },
      "user_id",
      /white space around it/,
      /usr_/,
    ],
    ["several users", { ...valid, user_id: [user_id] }, "user_id", /an array/, /for one user/],
    ["a number as user_id", { ...valid, user_id: 7 }, "user_id", /^a number$/, /usr_/],
    ["no profile", without("profile"), "profile", /^nothing$/, /object/],
    ["an empty profile", { ...valid, profile: {} }, "profile", /no key/, /at least one key/],
    ["a profile that is a list", { ...valid, profile: ["a"] }, "profile", /an array/, /object/],
    [
      "profile text that is not JSON",
      { ...valid, profile: "a=b" },
      "profile",
      /a string/,
      /object/,
    ],
    [
      "a number",
      { ...valid, profile: { age: 42 } },
      "profile.age",
      /^a number$/,
      /digits in quotes/,
    ],
    [
      "a boolean",
      { ...valid, profile: { vip: true } },
      "profile.vip",
      /^a boolean$/,
      /"true" or "false" in quotes/,
    ],
    [
      "null as a value",
      { ...valid, profile: { a: null } },
      "profile.a",
      /^null$/,
      /leave the key out/,
    ],
    [
      "a list as a value",
      { ...valid, profile: { a: ["x"] } },
      "profile.a",
      /^an array$/,
      /how the app stores such lists, or ask the person/,
    ],
    [
      "an object as a value",
      { ...valid, profile: { a: { b: "c" } } },
      "profile.a",
      /^an object$/,
      /ask the person/,
    ],
    [
      "a number under __proto__",
      JSON.parse('{"app_id":"a","user_id":"usr_1","profile":{"__proto__":1}}'),
      "profile.__proto__",
      /a number/,
      /string/,
    ],
    [
      "another on_reserved_key",
      { ...valid, on_reserved_key: "ignore" },
      "on_reserved_key",
      /a string/,
      /"fail" or "skip"/,
    ],
    [
      "a body over the limit",
      { ...valid, profile: { a: "é".repeat(maxBodyBytes / 2) } },
      "profile",
      /^\d+ bytes/,
      /262144 bytes/,
    ],
  ];

  test.each(cases)("%s", (_, raw, path, received, accepted) => {
    const issue = parse(raw).issues.find((one) => one.path === path);
    expect(issue?.received).toMatch(received);
    expect(issue?.accepted).toMatch(accepted);
  });

  test("every problem at once, and no value", () => {
    const raw = {
      user_id: "secret@example.com",
      profile: { a: 4711, b: null },
      on_reserved_key: "secret",
      extra: "secret",
    };
    const { issues } = parse(raw);
    expect(issues.map(({ path }) => path).sort()).toEqual([
      "app_id",
      "extra",
      "on_reserved_key",
      "profile.a",
      "profile.b",
      "user_id",
    ]);
    expect(JSON.stringify(issues)).not.toMatch(/secret|4711/);
    expect(parse(raw)).not.toHaveProperty("write");
  });

  test.each([
    ["jane@example.com", /email address is not a user id/],
    ["+33612345678", /phone number is not a user id/],
    ["5f0c6e1e8a4b4d539d9b0a4b7a1f8e11", /user_id claim is a different/],
  ])("%s as user_id gets a sentence of its own", (id, sentence) => {
    expect(parse({ ...valid, user_id: id }).advice).toMatch(sentence);
  });

  test("deep nesting costs nothing and breaks nothing", () => {
    const depth = 200_000;
    const raw = JSON.parse(
      `{"app_id":"a","user_id":"usr_1","profile":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}}`,
    );
    expect(parse(raw).issues).toHaveLength(1);
  });
});

describe("broken keys and values, all at once", () => {
  const half = "\ud83d";
  test.each<[string, string, RegExp]>([
    ["an empty key", "", /^an empty key$/],
    ["quotes around it", '"first_name"', /quotes around/],
    ["single quotes around it", "'first_name'", /quotes around/],
    ["typographic quotes around it", "“first_name”", /quotes around/],
    ["a quote left over", '"first_name', /quotes around/],
    ["a blank before it", " first_name", /white space around/],
    ["a no-break space behind it", "first_name\u00a0", /white space around/],
    ["a tab behind it", "first_name\t", /white space around/],
    ["a line break in it", "first\nname", /line break/],
    ["a line separator in it", "first\u2028name", /line break/],
    ["half a surrogate pair", `first${half}name`, /half a character/],
    ["257 characters", "k".repeat(257), /^a key of 257 characters$/],
    ["130,000 marks", `e${"\u0301".repeat(130_000)}`, /^a key of 130001 characters$/],
  ])("a key with %s", (_, key, received) => {
    const { issues, sound } = parse({ ...valid, profile: { [key]: "x", fine: "y" } });
    expect(issues).toEqual([
      {
        path: expect.stringMatching(/^profile\../),
        received: expect.stringMatching(received),
        accepted: expect.any(String),
      },
    ]);
    expect(issues[0]?.path.length).toBeLessThan(130);
    // What follows folds and compares keys, which must not see one of these.
    expect(sound).toEqual(["fine"]);
  });

  test("a value with half a surrogate pair", () => {
    for (const value of [half, `a${half}`, `\ude00a`]) {
      const [issue] = parse({ ...valid, profile: { a: value } }).issues;
      expect(issue).toMatchObject({
        path: "profile.a",
        received: expect.stringMatching(/half a character/),
      });
    }
  });

  test("each of them is told", () => {
    const profile = { "": "a", " b": "c", d: half, e: 1, f: null, g: "fine" };
    const { issues } = parse({ ...valid, profile });
    expect(issues.map(({ path }) => path)).toEqual([
      'profile.""',
      "profile. b",
      "profile.d",
      "profile.e",
      "profile.f",
    ]);
  });

  test.each([
    "a.b",
    "a-b",
    "a:b",
    "a b",
    "https://acme.com/role",
    "имя",
    "名前",
    "नाम",
    "👩‍👩‍👧",
    "it's",
    "l'âge",
    "e\u0301",
    "constructor",
    "k".repeat(256),
  ])("a key %s is fine", (key) => {
    expect(parse({ ...valid, profile: { [key]: "😀" } }).write?.keys).toEqual([key]);
  });
});

describe("fillers, with a list of allowed keys", () => {
  const allowedKeys = ["first_name", "nickname", "city"];
  const listed = createArgumentParser({ ...open, allowedKeys });
  const issuesOf = (profile: object) => listed({ ...valid, profile }).issues;

  test.each<[string, object, string[]]>([
    ["one", { first_name: "Jane", nickname: "" }, ["profile.nickname"]],
    ["two", { first_name: "Jane", nickname: "", city: "" }, ["profile.nickname", "profile.city"]],
    ["nothing else", { nickname: "", city: "" }, ["profile.nickname", "profile.city"]],
  ])("empty strings beside other keys are refused: %s", (_, profile, paths) => {
    const issues = issuesOf(profile);
    expect(issues.map(({ path }) => path)).toEqual(paths);
    for (const { accepted } of issues) {
      expect(accepted).toMatch(/in a call of its own; if it is not to change, leave the key out/);
    }
  });

  test("alone, an empty string is written", () => {
    expect(listed({ ...valid, profile: { nickname: "" } }).write?.profile).toEqual({
      nickname: "",
    });
  });

  test("a null is refused, with the advice to leave the key out", () => {
    const [issue] = issuesOf({ first_name: "Jane", nickname: null });
    expect(issue).toMatchObject({
      path: "profile.nickname",
      accepted: expect.stringMatching(/leave the key out/),
    });
  });

  test("without a list, an empty string is a value like any other", () => {
    const profile = { first_name: "Jane", nickname: "" };
    expect(parse({ ...valid, profile }).write?.profile).toEqual(profile);
  });
});

describe("what is published and what is checked", () => {
  const schema = new Ajv({ strict: true }).compile(inputJsonSchema(open));
  const anyValue = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant({ a: "b" }));
  const args = fc.record(
    {
      app_id: fc.oneof(fc.constant("54e9ujn"), anyValue),
      user_id: fc.oneof(fc.constant(user_id), anyValue),
      profile: fc.oneof(fc.dictionary(fc.string(), anyValue), anyValue),
      on_reserved_key: fc.constantFrom("fail", "skip", "x", 1),
      extra: anyValue,
    },
    { requiredKeys: [] },
  );

  test("nothing passes that the schema refuses, and a write is there exactly without issues", () => {
    fc.assert(
      fc.property(args, (raw) => {
        const { issues, write } = parse(raw);
        expect(write === undefined).toBe(issues.length > 0);
        if (write && typeof raw.profile === "object") expect(schema(raw)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
