import { describe, expect, it } from "vitest";
import { createKeyCheck } from "../../../src/guards/key-policy.ts";
import { viewProfile } from "../../../src/tools/get-profile/view.ts";

const secret = "sk_live_0123456789abcdef";

type Limits = { allowedKeys?: string[]; blockedKeys?: string[]; values?: boolean };

const view = (
  profile: Record<string, unknown>,
  { allowedKeys, blockedKeys = [], values = true }: Limits = {},
) =>
  viewProfile(profile, {
    values,
    refused: createKeyCheck({ allowedKeys, blockedKeys }),
    secrets: [secret],
  });

describe("what is shown of a profile", () => {
  it("names and values as they are", () => {
    expect(view({ first_name: "Jane", "acme.plan": "", "naïve-🦊": "ok" })).toEqual({
      profileKeys: ["first_name", "acme.plan", "naïve-🦊"],
      profile: { first_name: "Jane", "acme.plan": "", "naïve-🦊": "ok" },
      alteredKeys: [],
      hiddenKeys: 0,
    });
  });

  it("names only, where the operator wants that", () => {
    expect(view({ first_name: "Jane" }, { values: false })).toEqual({
      profileKeys: ["first_name"],
      profile: undefined,
      alteredKeys: [],
      hiddenKeys: 0,
    });
  });

  it.each<[string, Limits, string[], number]>([
    ["an allowed list", { allowedKeys: ["locale"] }, ["locale"], 3],
    ["a blocked key and its look-alike", { blockedKeys: ["role"] }, ["locale", "first_name"], 2],
    ["a list that allows nothing that is there", { allowedKeys: ["x"] }, [], 4],
  ])("only what may be written: %s", (_, limits, keys, hidden) => {
    const profile = { locale: "en", role: "admin", ROLE: "root", first_name: "Jane" };
    const shown = view(profile, limits);
    expect([shown.profileKeys, shown.hiddenKeys]).toEqual([keys, hidden]);
    expect(Object.keys(shown.profile ?? {})).toEqual(keys);
    expect(JSON.stringify(shown)).not.toMatch(/admin|root/);
  });

  it.each([
    ["a number", 42, "42"],
    ["true", true, "true"],
    ["null", null, "null"],
    ["a list", ["a", 1], '["a",1]'],
    ["an object", { a: { b: "c" } }, '{"a":{"b":"c"}}'],
    ["a line break", "a\nb", "a\\u{a}b"],
    ["a colour for a terminal", "\u001b[31mred", "\\u{1b}[31mred"],
    ["a text direction", "a\u202eb", "a\\u{202e}b"],
    ["a zero-width space", "ad\u200bmin", "ad\\u{200b}min"],
    ["half a character", "a\ud800", "a\\u{d800}"],
    ["the key", `x ${secret} y`, "x [redacted] y"],
  ])("%s is shown as text, and named as altered", (_, value, text) => {
    expect(view({ odd: value, fine: "yes" })).toEqual({
      profileKeys: ["odd", "fine"],
      profile: { odd: text, fine: "yes" },
      alteredKeys: ["odd"],
      hiddenKeys: 0,
    });
  });

  it("no more than 1,000 characters of a value, and no half of one", () => {
    expect(view({ a: "x".repeat(1_000) }).alteredKeys).toEqual([]);
    const long = view({ a: "x".repeat(1_001), b: `${"x".repeat(999)}🦊` });
    expect(long.profile).toEqual({ a: `${"x".repeat(1_000)}…`, b: `${"x".repeat(999)}…` });
    expect(long.alteredKeys).toEqual(["a", "b"]);
  });

  it("no more than 20,000 characters of all values", () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`k${i}`, "x".repeat(900)]),
    );
    const { profileKeys, profile = {}, alteredKeys } = view(many);
    expect(profileKeys).toHaveLength(30);
    expect(Object.values(profile).join("").length).toBeLessThan(20_010);
    // 22 whole ones, one that was cut, and seven that are left out.
    expect(Object.keys(profile)).toHaveLength(23);
    expect(alteredKeys).toEqual(profileKeys.slice(22));
  });

  it("no more than 1,000 keys; the rest is counted", () => {
    const many = Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`k${i}`, ""]));
    const { profileKeys, hiddenKeys } = view(many);
    expect([profileKeys.length, hiddenKeys]).toEqual([1_000, 500]);
  });

  it.each([
    ["an invisible character", "ro\u200ble"],
    ["a line break", "a\nb"],
    ["more than 256 characters", "x".repeat(257)],
    ["a blank at its end", "role "],
    ["letters taken apart", "e\u0301"],
    ["nothing but a name that programs lose", "__proto__"],
    ["the key", `a ${secret}`],
  ])("no name with %s: it could not be written back; it is counted", (_, name) => {
    expect(view(JSON.parse(`{${JSON.stringify(name)}:"v","ok":"v"}`))).toMatchObject({
      profileKeys: ["ok"],
      hiddenKeys: 1,
    });
  });

  it("a value that is nested too deeply for words", () => {
    const deep = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    expect(view({ deep }).profile).toEqual({ deep: "(nested too deeply to show)" });
  });
});
