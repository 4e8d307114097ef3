import { describe, expect, test } from "vitest";
import { createArgumentParser } from "../../src/tools/update-profile/arguments.ts";
import { both, meant, type Row, rows, userId } from "./wrong-shapes.table.ts";

const open = { appId: undefined, userId: undefined, allowedKeys: undefined };
const parse = createArgumentParser(open);

const issuesOf = (raw: unknown): Record<string, string> =>
  Object.fromEntries(parse(raw).issues.map(({ path, accepted }) => [path, accepted]));

/** Advice that loses what the agent meant to write. */
const lossy = /leave|without|remove|^nothing/i;

describe("a wrong shape", () => {
  test.each<Row>(rows)("$name", ({ raw, issues, corrected = meant }) => {
    const said = issuesOf(raw);
    expect(Object.keys(said).sort()).toEqual(Object.keys(issues).sort());
    for (const [path, accepted] of Object.entries(issues)) {
      expect(said[path], path).toMatch(accepted);
      expect(said[path], path).not.toMatch(lossy);
    }
    expect(parse(raw).write).toBeUndefined();
    expect(parse(corrected)).toMatchObject({ issues: [], write: { userId } });
  });

  test("is never echoed", () => {
    for (const { raw } of rows) {
      const { issues, advice } = parse(raw);
      expect(JSON.stringify({ issues, advice })).not.toMatch(/01jq|"Jane"|example\.com/);
    }
  });
});

describe("a shape that looks wrong and is not", () => {
  test.each<[string, object]>([
    ["a key named profile", { profile: "admin" }],
    ["keys named like arguments, where those are given", { user_id: "7", app_id: "x" }],
    ["a key named data with a text of an object", { data: '{"a":"b"}' }],
    ["keys named name and value", { name: "Jane", value: "high" }],
    ["a key named raw", { raw: "x" }],
    ["a key named toolCallId", { toolCallId: "x" }],
    ["a value that looks like arguments", { note: JSON.stringify(meant) }],
  ])("%s", (_, profile) => {
    expect(parse({ ...both, profile }).write?.profile).toEqual(profile);
  });

  test("keys named key and value, where the operator lists them", () => {
    const listed = createArgumentParser({ ...open, allowedKeys: ["key", "value"] });
    const profile = { key: "a", value: "b" };
    expect(listed({ ...both, profile }).write?.profile).toEqual(profile);
  });
});

describe("fields that hosts add", () => {
  test("n8n's mean nothing", () => {
    const added = { toolCallId: "call_1", sessionId: "s", action: "sendMessage", chatInput: "x" };
    const parsed = parse({ ...meant, ...added, tool: "update_user_profile" });
    expect(parsed.write).toMatchObject({ profile: meant.profile, keys: ["first_name"] });
  });

  test.each(["toolcallid", "session_id", "requestId", "_meta", "tool_name"])(
    "%s is none of them",
    (name) => {
      expect(issuesOf({ ...meant, [name]: "x" })).toHaveProperty([name]);
    },
  );
});

describe("an id that the operator fixed", () => {
  const fixed = createArgumentParser({ ...open, appId: both.app_id, userId });
  const accepted = (args: object): string | undefined =>
    fixed({ profile: meant.profile, ...args }).issues[0]?.accepted;

  test.each<[string, object]>([
    ["the same", { user_id: userId }],
    ["the same under another name", { userId }],
    ["a filler", { user_id: "" }],
    ["null", { app_id: null }],
  ])("%s: is to be left out", (_, args) => {
    expect(accepted(args)).toMatch(
      /^nothing: leave \w+ out, (app|user) \S+ is fixed by the operator$/,
    );
  });

  test.each<[string, object]>([
    ["another user", { user_id: "usr_other" }],
    ["another user under another name", { uid: "usr_other" }],
    ["another app", { app_id: "fvua38g" }],
    ["another app under another name", { appId: "fvua38g" }],
  ])("%s: cannot be reached, and nothing is to be written", (_, args) => {
    expect(accepted(args)).toMatch(
      /cannot reach it and write nothing; if \S+ is meant, call again/,
    );
    expect(accepted(args)).not.toMatch(/other"|fvua38g/);
  });

  test("the app alone, with the user beside it", () => {
    const app = createArgumentParser({ ...open, appId: both.app_id });
    expect(app({ input: { user_id: userId, profile: meant.profile } }).issues).toEqual([
      expect.objectContaining({ path: "input", accepted: expect.not.stringContaining("app_id") }),
    ]);
  });
});

describe("with a list of allowed keys", () => {
  const listed = createArgumentParser({ ...open, allowedKeys: ["first_name", "nickname"] });

  test("one of them beside profile belongs inside", () => {
    const [issue, ...others] = listed({ ...meant, nickname: "Al" }).issues;
    expect(others).toEqual([]);
    expect(issue?.accepted).toBe("inside profile, as profile.nickname");
  });

  test("anything else is neither", () => {
    const [issue] = listed({ ...meant, dry_run: true }).issues;
    expect(issue?.accepted).toMatch(/only the listed arguments, and in profile only the listed/);
  });
});

describe("bounds", () => {
  test("900,000 undeclared arguments are one problem", () => {
    const many = Object.fromEntries(Array.from({ length: 900_000 }, (_, i) => [`k${i}`, i]));
    expect(parse(many)).toEqual({
      target: {},
      keys: [],
      sound: [],
      issues: [
        {
          path: "arguments",
          received: "900000 arguments",
          accepted: expect.stringContaining("each profile key goes inside profile"),
        },
      ],
    });
  });

  test("and nobody looks at one of them", () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, i]));
    const watched = new Proxy(many, { get: () => expect.fail("an argument was read") });
    expect(parse(watched).issues).toHaveLength(1);
  });

  test("so are they inside a wrapper", () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i]));
    expect(parse({ input: { user_id: userId, ...many } }).issues).toHaveLength(1);
  });

  test.each([200, 201, 40_000])("%i wrong values: at most 201 problems are kept", (count) => {
    const profile = Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
    const { issues, keys } = parse({ ...both, profile });
    expect(issues).toHaveLength(Math.min(count, 201));
    expect(keys).toHaveLength(count);
  });

  test("layers without an end are followed for three", () => {
    const layer = (n: number): object => (n === 0 ? meant : { input: layer(n - 1) });
    expect(Object.keys(issuesOf(layer(3)))).toEqual(["input"]);
    expect(parse(layer(100)).write).toBeUndefined();
  });
});
