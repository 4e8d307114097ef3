import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlainName, quoteList, shortName } from "../../src/lib/names.ts";

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', "\\", "…", "\n", "\u202e", "\u200b", "\u0007", "\ud83d", "a", ","),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 300,
  // The default size would never come to the cut.
  size: "max",
});

describe("a name in a result", () => {
  it.each([
    ["plan", "plan"],
    ["größe", "größe"],
    ['a"b\\c', 'a"b\\c'],
    ["a\u202eb", "a\\u{202e}b"],
    ["a\nb", "a\\u{a}b"],
    ["\ud83d", "\\u{d83d}"],
    ["👍", "👍"],
  ])("%j is shown as %s", (name, shown) => {
    expect(shortName(name)).toBe(shown);
  });

  it("is cut", () => {
    const name = "k".repeat(101);
    expect(shortName(name)).toBe(`${"k".repeat(100)}…`);
    expect(shortName("k".repeat(100))).toBe("k".repeat(100));
    expect(shortName(`${"k".repeat(99)}😀b`)).toBe(`${"k".repeat(99)}…`);
    expect(shortName(`${"k".repeat(95)}\u200bb`)).toBe(`${"k".repeat(95)}…`);
  });
});

describe("a plain name", () => {
  it.each(["role", "first_name", "größe", "名前", "a.b:c-d_e", "नाम", "7", "x".repeat(256)])(
    "%s is one",
    (name) => {
      expect(isPlainName(name)).toBe(true);
    },
  );

  it.each([
    ...["", "a b", '"a"', "a,b", "a/b", "*", "a'b", "👍", "x".repeat(257), "ｒole", "proﬁle"],
    ...["ro\u0302le", "ro\uffffle", "ro\ufdd0le", "ro\u{1d159}le", "ro\u115fle", "ro\ufe0fle"],
  ])("%j is none", (name) => {
    expect(isPlainName(name)).toBe(false);
  });
});

describe("a list of names", () => {
  const names = Array.from({ length: 12 }, (_, i) => `k${i}`);

  it.each([
    [names.slice(0, 2), undefined, '"k0", "k1"'],
    [names, undefined, '"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9" and 2 more'],
    [names, 1, '"k0" and 11 more'],
    [[], undefined, ""],
    [['a"b\\c'], undefined, '"a\\"b\\\\c"'],
    [["a\\"], undefined, '"a\\\\"'],
  ])("%j, at most %s: %s", (list, most, expected) => {
    expect(quoteList(list, most)).toBe(expected);
  });

  it("has no name that ends its quotes, nor anything that hides or reorders text", () => {
    fc.assert(
      fc.property(hostile, (name) => {
        const quoted = quoteList([name]);
        expect(quoted.length).toBeLessThanOrEqual(103);
        expect(shortName(name)).not.toMatch(/\\u\{[\da-f]*…$/);
        expect(quoted).toMatch(/^"(?:[^"\\]|\\.)*"$/u);
        expect(quoted).not.toMatch(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Co}|\p{Cs}/u);
      }),
      { numRuns: 2_000 },
    );
  });
});
