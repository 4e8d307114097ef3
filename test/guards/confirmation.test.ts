import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Before, confirmationOf } from "../../src/guards/confirmation.ts";

const app = "54e9ujn";
const user = "usr_01jqebhswje1ka1z7ahr9rfsgt";
type Choices = { onReservedKey?: "fail" | "skip" };
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

  it.each<[what: string, profile: Record<string, string>]>([
    ["a key longer than a dialog can show", { ["x".repeat(10_000)]: "" }],
    ["invisible characters that grow when shown", { bio: "\u200b".repeat(2_000) }],
  ])("is not asked about %s: nobody approves what is not shown", (_, profile) => {
    expect(ask(profile)).toBeUndefined();
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
    confirmationOf({ ...write, ...of }, before, [])
      ?.text.split("\n")
      .slice(1);
  const now = (plan: unknown) => linesWith({ read: "values", profile: { plan } })?.[0];

  it.each<[what: string, value: unknown, shown: string]>([
    ["quotes and brackets", 'a") (new', '"a\\") (new"'],
    ["no escape cut in two", `${"x".repeat(195)}\u200bb`, `"${"x".repeat(195)}"…`],
    ["a long list", Array(500).fill(1), `"[${"1,".repeat(100).slice(0, 199)}"…`],
  ])("%s is shown so that nothing in it can mislead", (_, value, shown) => {
    expect(now(value)).toBe(`"plan" = "pro" (now ${shown})`);
  });

  it.each([9_800, 9_900])("is said to be left out where a value of %d leaves no room", (length) => {
    const bio = "x".repeat(length);
    const before = { read: "values", profile: { bio: "y".repeat(200) } } as const;
    expect(linesWith(before, { profile: { bio } })).toEqual([
      `"bio" = "${bio}"`,
      "There is no room to show what the profile holds now.",
    ]);
  });
});

describe("what the answer is about", () => {
  const subjectOf = (profile: Record<string, string>, choices?: Choices) =>
    ask(profile, choices)?.subject;
  const subject = subjectOf({ a: "1", b: "2" });

  it.each([
    ["another choice for reserved keys", subjectOf({ a: "1", b: "2" }, { onReservedKey: "skip" })],
    ["one key less", subjectOf({ a: "1" })],
    ["keys run together", subjectOf({ 'a","1"],["b': "2" })],
    ["an invisible character", subjectOf({ a: "1", b: "2\u200b" })],
  ])("differs for %s", (_, other) => {
    expect(other).toEqual(expect.any(String));
    expect(other).not.toBe(subject);
  });
});
