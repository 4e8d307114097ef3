import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKeyCheck, foldKey } from "../../src/guards/key-policy.ts";

const check = (policy: { allowed?: string[]; blocked?: string[] }) =>
  createKeyCheck({ allowedKeys: policy.allowed, blockedKeys: policy.blocked ?? [] });

/** Characters that show nothing, or only a gap, wherever they stand. */
const unseen = [
  ..."\u0000\u0007\u001b\u007f\u0085\u009b\u009d", // controls
  ..." \t\n\r\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000", // white space
  ..."\u00ad\u034f\u061c\u115f\u1160\u17b4\u180b\u180e\u3164\uffa0", // ignorable letters and marks
  ..."\u200b\u200c\u200d\u200e\u200f\u2060\u2064\ufeff", // zero width
  ..."\u202a\u202b\u202c\u202d\u202e\u2066\u2069", // direction
  ..."\u2800\ufe00\ufe0f\u{e0100}\u{e0001}\u{e0061}\u{1d173}", // blanks, variations, tags
  ..."\ue000\u{f0000}", // private use
  "\ud800", // half a pair
];

describe("allowed keys", () => {
  const refused = check({ allowed: ["first_name", "caf\u00e9"] });

  it.each([[["first_name"]], [["caf\u00e9", "first_name"]], [[]]])("%j passes", (keys) => {
    expect(refused(keys)).toBeUndefined();
  });

  it.each([
    "last_name",
    "First_name",
    "first_name ",
    "first_name\u200b",
    "\ufb01rst_name",
    "cafe\u0301",
    "first_nam",
    "first_name_",
    "",
    "__proto__",
    "constructor",
    "hasOwnProperty",
  ])("%j does not: the comparison is exact", (key) => {
    expect(refused([key])).toEqual({ keys: [key] });
  });

  it("names all that are refused, in the order of the call, and only those", () => {
    expect(refused(["b", "first_name", "a", "c"])).toEqual({ keys: ["b", "a", "c"] });
  });

  it("refuses every key where the list is empty", () => {
    expect(check({ allowed: [] })(["a"])).toEqual({ keys: ["a"] });
  });
});

describe("blocked keys", () => {
  const blocked = [
    "role",
    "tenant_id",
    "caf\u00e9",
    "stra\u00dfe",
    "\u0130d",
    "\u03bf\u03b4\u03cc\u03c2",
    "a b",
    "__proto__",
  ];
  const refused = check({ blocked });

  it.each(blocked)("%j is refused without a further reason", (key) => {
    expect(refused([key])).toEqual({ keys: [key] });
  });

  it.each([
    "roles",
    "rol",
    "r\u00f4le",
    "r0le",
    "role_",
    "ro-le",
    "tenantid",
    "cafe",
    "",
    " ",
    "proto",
    "constructor",
  ])("%j is another key and passes", (key) => {
    expect(refused([key])).toBeUndefined();
  });

  it.each([
    ["case", "ROLE"],
    ["case of one letter", "rOle"],
    ["full-width letters", "\uff52\uff4f\uff4c\uff45"],
    ["mathematical letters", "\u{1d42b}\u{1d428}\u{1d425}\u{1d41e}"],
    ["a decomposed letter", "cafe\u0301"],
    ["a decomposed capital", "CAFE\u0301"],
    ["a decomposed letter, pulled apart", "cafe\u200b\u0301"],
    ["a decomposed letter, spaced apart", "cafe \u0301"],
    ["an accent that stands alone", "cafe\u00b4"],
    ["sharp s in capitals", "STRASSE"],
    ["capital sharp s", "stra\u1e9ee"],
    ["dotted capital I", "id"],
    ["a dotless i", "\u0131D"],
    ["final sigma", "\u039f\u0394\u038c\u03a3"],
    ["middle sigma at the end", "\u03bf\u03b4\u03cc\u03c3"],
    ["the Kelvin sign's kin, long s", "\u017ftra\u00dfe"],
    ["no space", "ab"],
    ["two spaces", "a  b"],
    ["a terminal sequence", "ro\u001b[31mle"],
    ["case of a prototype name", "__PROTO__"],
  ])("a look-alike by %s is refused, and the answer says why", (_, key) => {
    expect(refused(["fine", key])).toEqual({
      keys: [key],
      cause: expect.stringContaining("counts as that key"),
    });
  });

  it.each(unseen.map((char) => [`U+${char.codePointAt(0)?.toString(16)}`, char]))(
    "%s before, inside or behind a blocked key hides nothing",
    (_, char) => {
      const lookAlikes = [`${char}role`, `ro${char}le`, `role${char}`];
      expect(refused(lookAlikes)?.keys).toEqual(lookAlikes);
    },
  );

  it("sees through any mix of these", () => {
    const disguised = fc
      .tuple(
        fc.constantFrom(...blocked),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...unseen)), { maxLength: 6 }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        fc.constantFrom("NFC", "NFD", "NFKC", "NFKD"),
      )
      .map(([key, insertions, upper, form]) => {
        const chars = [...key.normalize(form)].map((char, i) =>
          upper[i] ? char.toUpperCase() : char,
        );
        for (const [at, char] of insertions) chars.splice(at % (chars.length + 1), 0, char);
        return chars.join("");
      });
    fc.assert(
      fc.property(disguised, (key) => {
        expect(refused([key])?.keys).toEqual([key]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("both lists", () => {
  const refused = check({ allowed: ["a", "b"], blocked: ["role"] });

  it("refuses what either refuses", () => {
    expect(refused(["a", "role", "c"])).toEqual({ keys: ["role", "c"] });
    expect(refused(["a", "Role", "c"])).toMatchObject({
      keys: ["Role", "c"],
      cause: expect.stringContaining("spelling"),
    });
    expect(refused(["a", "b"])).toBeUndefined();
  });
});

it("without lists every key passes", () => {
  expect(check({})(["role", "__proto__", "", "\u200b"])).toBeUndefined();
});

it("foldKey of a folded key changes nothing more", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (key) => {
      const once = foldKey(key);
      expect(foldKey(once)).toBe(once);
    }),
    { numRuns: 5_000 },
  );
});
