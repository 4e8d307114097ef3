import { describe, expect, test } from "vitest";
import { maxBodyBytes } from "../../src/lib/contract.ts";
import { createArgumentParser } from "../../src/tools/update-profile/arguments.ts";

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
    ["empty values and odd keys", { ...valid, profile: { a: "", "": "b", "ключ 🗝": "c" } }],
    ["a user id of other than 26 characters", { ...valid, user_id: "usr_X-9_" }],
  ])("%s", (_, raw) => {
    expect(parse(raw).issues).toEqual([]);
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
    expect(parsed).toMatchObject({ issues: [], appId: "54e9ujn", userId: user_id });
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
    [
      "an app_id with a slash",
      { ...valid, app_id: "a/b" },
      "app_id",
      /another form/,
      /letters, digits/,
    ],
    ["dots as app_id", { ...valid, app_id: ".." }, "app_id", /another form/, /letters, digits/],
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
    [
      "an id with a path in it",
      { ...valid, user_id: "usr_../../x" },
      "user_id",
      /another form/,
      /usr_/,
    ],
    [
      "an id with a line break",
      { ...valid, user_id: `${user_id}\n` },
      "user_id",
      /another form/,
      /usr_/,
    ],
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
      /ask the person/,
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
      "an undeclared argument",
      { ...valid, userId: user_id },
      "userId",
      /undeclared/,
      /app_id, user_id, profile, on_reserved_key/,
    ],
    [
      "__proto__ as an argument",
      JSON.parse(`{"__proto__":{},"app_id":"a","user_id":"usr_1","profile":{"a":"b"}}`),
      "__proto__",
      /undeclared/,
      /leave it out/,
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

  test("a fixed argument is refused even with the fixed value", () => {
    const pinned = createArgumentParser({ ...open, userId: user_id });
    const [issue] = pinned(valid).issues;
    expect(issue).toMatchObject({ path: "user_id", received: "an undeclared argument" });
    expect(issue?.accepted).toMatch(/fixed by whoever runs this server/);
  });
});
