import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Before, confirmationOf } from "../../src/guards/confirmation.ts";

const app = "54e9ujn";
const user = "usr_01jqebhswje1ka1z7ahr9rfsgt";
const secret = "sk_live_4f9c1d7e2b";
type Choices = { appId?: string; userId?: string; onReservedKey?: "fail" | "skip" };
const ask = (profile: Record<string, string>, choices: Choices = {}) =>
  confirmationOf({
    appId: app,
    userId: user,
    onReservedKey: "fail",
    ...choices,
    profile,
    keys: Object.keys(profile),
  });
const textOf = (profile: Record<string, string>) => ask(profile)?.text ?? "";
const linesOf = (profile: Record<string, string>) => textOf(profile).split("\n").slice(1);

describe("the question", () => {
  it("says whom it is for, and what each key would be", () => {
    expect(textOf({ first_name: "Jane", plan: "", "a b": "x y" })).toBe(
      [
        `Update the Prelude profile of user ${user} in app ${app}?`,
        '"first_name" = "Jane"',
        '"plan" = ""',
        '"a b" = "x y"',
      ].join("\n"),
    );
  });

  it.each([
    ["a line break", "\n", "\\n"],
    ["an escape", "\u001b", "\\u001b"],
    ["a delete", "\u007f", "\\u{7f}"],
    ["what is no character", "\uffff", "\\u{ffff}"],
    ["another language", "Łukasz محمد 🙂", "Łukasz محمد 🙂"],
    ["a reversal of direction", "\u202e", "\\u{202e}"],
    ["a zero-width space", "\u200b", "\\u{200b}"],
    ["a tag letter", "\u{e0061}", "\\u{e0061}"],
    ["half a pair", "\ud800", "\\ud800"],
    ["a quote", '"', '\\"'],
    ["a backslash", "\\", "\\\\"],
  ])("makes %s visible, in keys and in values", (_, char, shown) => {
    expect(linesOf({ [`ro${char}le`]: `ad${char}min` })).toEqual([
      `"ro${shown}le" = "ad${shown}min"`,
    ]);
  });

  it("has one line a key, whatever keys and values hold", () => {
    const profile = fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), {
      minKeys: 1,
      maxKeys: 20,
    });
    fc.assert(
      fc.property(profile, (entries) => {
        const lines = linesOf(entries);
        expect(lines).toHaveLength(Object.keys(entries).length);
        expect(lines.every((line) => /^"[^\p{Cc}\p{Cf}]*"$/u.test(line))).toBe(true);
      }),
    );
  });

  it("says when reserved keys will be left out", () => {
    expect(ask({ a: "1" }, { onReservedKey: "skip" })?.text.split("\n").slice(1)).toEqual([
      '"a" = "1"',
      "Keys that Prelude reserves will be left out.",
    ]);
  });

  const keys = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "x"]));

  it.each<[what: string, profile: Record<string, string>]>([
    ["more keys than a dialog can show", { ...keys(100), role: "admin" }],
    ["a value longer than a dialog can show", { first_name: "Jane", bio: "x".repeat(10_000) }],
    ["a key longer than a dialog can show", { ["x".repeat(10_000)]: "" }],
    ["invisible characters that grow when shown", { bio: "\u200b".repeat(2_000) }],
  ])("is not asked about %s: nobody approves what is not shown", (_, profile) => {
    expect(ask(profile)).toBeUndefined();
  });

  it("takes __proto__ for a key", () => {
    expect(linesOf(JSON.parse('{"__proto__":"x"}'))).toEqual(['"__proto__" = "x"']);
  });
});

describe("what is there now", () => {
  const profile = { plan: "pro", first_name: "Jane", city: "" };
  const write = {
    appId: app,
    userId: user,
    onReservedKey: "fail" as const,
    profile,
    keys: Object.keys(profile),
  };
  const linesWith = (before: Before, of: object = write) =>
    confirmationOf({ ...write, ...of }, before, [secret, 'sk"1'])
      ?.text.split("\n")
      .slice(1);
  const now = (value: unknown, key = "plan") =>
    linesWith({ shows: "values", profile: JSON.parse(JSON.stringify({ [key]: value })) })?.[0];

  it("stands beside each value, or that there is none", () => {
    const before = { plan: "free", city: "Paris", other: "unseen" };
    expect(linesWith({ shows: "values", profile: before })).toEqual([
      '"plan" = "pro" (now "free")',
      '"first_name" = "Jane" (new)',
      '"city" = "" (now "Paris")',
    ]);
  });

  it("is told without its values where only keys may be shown", () => {
    expect(linesWith({ shows: "keys", keys: ["city", "plan", "other"] })).toEqual([
      '"plan" = "pro" (replaces a value)',
      '"first_name" = "Jane" (new)',
      '"city" = "" (replaces a value)',
    ]);
  });

  it.each<[what: string, value: unknown, shown: string]>([
    ["an empty text", "", '""'],
    ["a number", 7, '"7"'],
    ["null", null, '"null"'],
    ["an object", { a: "b" }, '"{\\"a\\":\\"b\\"}"'],
    ["quotes and brackets", 'a") (new', '"a\\") (new"'],
    ["a line break", "a\nb", '"a\\nb"'],
    ["a reversal of direction", "a\u202eb", '"a\\u{202e}b"'],
    ["200 characters", "x".repeat(200), `"${"x".repeat(200)}"`],
    ["201 characters", "x".repeat(201), `"${"x".repeat(200)}"…`],
    ["no escape cut in two", `${"x".repeat(195)}\u200bb`, `"${"x".repeat(195)}"…`],
    ["a long list", Array(500).fill(1), `"[${"1,".repeat(100).slice(0, 199)}"…`],
  ])("%s is shown so that nothing in it can mislead", (_, value, shown) => {
    expect(now(value)).toBe(`"plan" = "pro" (now ${shown})`);
  });

  it.each(["__proto__", "constructor", "toString"])("takes %s for a key", (name) => {
    const of = { profile: JSON.parse(`{${JSON.stringify(name)}:"x"}`) };
    const held = JSON.parse(`{${JSON.stringify(name)}:"y"}`);
    expect(linesWith({ shows: "values", profile: {} }, of)).toEqual([`"${name}" = "x" (new)`]);
    expect(linesWith({ shows: "values", profile: held }, of)).toEqual([
      `"${name}" = "x" (now "y")`,
    ]);
  });

  it("is free of the key, as it is and as JSON has it", () => {
    const held = { plan: `my ${secret}`, city: { key: 'sk"1' } };
    expect(linesWith({ shows: "values", profile: held })).toEqual([
      '"plan" = "pro" (now "my [redacted]")',
      '"first_name" = "Jane" (new)',
      '"city" = "" (now "{\\"key\\":\\"[redacted]\\"}")',
    ]);
  });

  it("is said to be unread where it could not be read", () => {
    expect(linesWith({ shows: "nothing" })).toEqual([
      '"plan" = "pro"',
      '"first_name" = "Jane"',
      '"city" = ""',
      "What the profile holds now could not be read.",
    ]);
  });

  it.each([9_800, 9_900])("is said to be left out where a value of %d leaves no room", (length) => {
    const bio = "x".repeat(length);
    const before = { shows: "values", profile: { bio: "y".repeat(200) } } as const;
    expect(linesWith(before, { profile: { bio } })).toEqual([
      `"bio" = "${bio}"`,
      "There is no room to show what the profile holds now.",
    ]);
  });

  it("is nothing that the answer is about", () => {
    const subjects = [
      confirmationOf(write),
      confirmationOf(write, { shows: "keys", keys: ["plan"] }),
      confirmationOf(write, { shows: "values", profile: { plan: "free" } }),
    ].map((confirmation) => confirmation?.subject);
    expect(new Set(subjects).size).toBe(1);
  });
});

describe("what the answer is about", () => {
  const subjectOf = (profile: Record<string, string>, choices?: Choices) =>
    ask(profile, choices)?.subject;
  const subject = subjectOf({ a: "1", b: "2" });

  it("is the same for the same write", () => {
    expect(subjectOf({ a: "1", b: "2" })).toBe(subject);
    expect(subject).toEqual(expect.any(String));
  });

  it.each([
    ["another app", subjectOf({ a: "1", b: "2" }, { appId: "fvua38g" })],
    ["another user", subjectOf({ a: "1", b: "2" }, { userId: "usr_other" })],
    ["another choice for reserved keys", subjectOf({ a: "1", b: "2" }, { onReservedKey: "skip" })],
    ["another value", subjectOf({ a: "1", b: "3" })],
    ["another key", subjectOf({ a: "1", c: "2" })],
    ["one key more", subjectOf({ a: "1", b: "2", c: "" })],
    ["one key less", subjectOf({ a: "1" })],
    ["keys run together", subjectOf({ 'a","1"],["b': "2" })],
    ["an invisible character", subjectOf({ a: "1", b: "2\u200b" })],
  ])("differs for %s", (_, other) => {
    expect(other).toEqual(expect.any(String));
    expect(other).not.toBe(subject);
  });
});
