import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKeyCheck, foldedDifferences } from "../../src/guards/key-policy.ts";
import { maxKeyCharacters } from "../../src/lib/contract.ts";
import { foldKey } from "../../src/lib/text.ts";

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
    expect(refused([key])).toEqual({ keys: [key], lookAlike: false });
  });

  it("names all that are refused, in the order of the call, and only those", () => {
    expect(refused(["b", "first_name", "a", "c"])?.keys).toEqual(["b", "a", "c"]);
  });

  it("refuses every key where the list is empty", () => {
    expect(check({ allowed: [] })(["a"])?.keys).toEqual(["a"]);
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

  it.each(blocked)("%j is refused for what it is", (key) => {
    expect(refused([key])).toEqual({ keys: [key], lookAlike: false });
  });

  it.each([
    "roles",
    "rol",
    "r0le",
    "role_",
    "ro-le",
    "tenantid",
    "caf",
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
    ["a missing accent", "cafe"],
    ["a letter with an accent", "r\u00f4le"],
    ["a letter with two", "r\u1ed9le"],
    ["a dot below", "rol\u1eb9"],
    ["an enclosing circle", "r\u20ddole"],
    ["a stroke through all", "r\u0336o\u0336l\u0336e\u0336"],
    ["a mark of another script", "ro\u0483le"],
    ["a vowel sign", "role\u093f"],
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
  ])("a look-alike by %s is refused, and the answer tells", (_, key) => {
    expect(refused(["fine", key])).toEqual({
      keys: [key],
      lookAlike: true,
    });
  });

  it.each(unseen.map((char) => [`U+${char.codePointAt(0)?.toString(16)}`, char]))(
    "%s before, inside or behind a blocked key hides nothing",
    (_, char) => {
      const lookAlikes = [`${char}role`, `ro${char}le`, `role${char}`];
      expect(refused(lookAlikes)?.keys).toEqual(lookAlikes);
    },
  );

  it.each(["\u0000", "\u0007", "\u001b", "\u007f", "\u009b"])(
    "a name with the control %j is refused, whatever a terminal makes of it",
    (control) => {
      const name = `anything${control}[8mrole`;
      expect(refused([name])).toEqual({ keys: [name], lookAlike: true });
      expect(check({})([name])).toBeUndefined();
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

describe("what is said to pass", () => {
  const refused = check({ blocked: ["role", "plan"] });
  const page = readFileSync("SECURITY.md", "utf8");
  const examples: Record<string, string[]> = {
    "look-alike letters of other scripts (Cyrillic, Greek)": [
      "r\u043ele",
      "r\u03bfle",
      "pl\u0430n",
    ],
    "small capitals": ["\u0280\u1d0f\u029f\u1d07", "pl\u1d00n"],
    "letters with a stroke (\u00f8, \u0142)": ["r\u00f8le", "p\u0142an"],
    "digits for letters": ["r0le", "p1an"],
  };

  it.each(Object.entries(examples))("%s: passes as another key", (difference, keys) => {
    expect(page).toContain(difference);
    for (const key of keys) expect(refused([key])).toBeUndefined();
  });

  it.each(foldedDifferences)("and what does not: %s", (difference) => {
    expect(page).toContain(difference);
  });
});

describe("a key that is too long", () => {
  const long = "x".repeat(maxKeyCharacters + 1);
  const policies: [what: string, policy: Parameters<typeof check>[0]][] = [
    ["no list", {}],
    ["a blocked list", { blocked: ["role"] }],
    ["a blocked list that names it", { blocked: [long] }],
    ["an allowed list that names it", { allowed: [long] }],
  ];

  it.each(policies)("is refused with %s, and is nobody's look-alike", (_, policy) => {
    expect(check(policy)([long])).toEqual({ keys: [long], lookAlike: false });
  });

  it("is the one of 257 characters, not that of 256", () => {
    const refused = check({ blocked: ["role"] });
    expect(refused(["x".repeat(maxKeyCharacters)])).toBeUndefined();
    expect(refused([`role${"\u200b".repeat(maxKeyCharacters - 4)}`])?.lookAlike).toBe(true);
    expect(refused([`role${"\u200b".repeat(maxKeyCharacters - 3)}`])?.lookAlike).toBe(false);
  });

  it.each([
    ["combining marks", `a${"\u0301".repeat(1_000_000)}`],
    ["marks of changing order", `a${"\u0323\u0301".repeat(500_000)}`],
    ["letters", "x".repeat(1_000_000)],
  ])("is refused at once: a million %s", (_, key) => {
    const started = performance.now();
    expect(check({ blocked: ["role"] })([key, "role"])?.keys).toHaveLength(2);
    // Folding it would take minutes.
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("both lists", () => {
  const refused = check({ allowed: ["a", "b"], blocked: ["role"] });

  it("refuses what either refuses", () => {
    expect(refused(["a", "role", "c"])).toEqual({ keys: ["role", "c"], lookAlike: false });
    expect(refused(["a", "Role", "c"])).toEqual({ keys: ["Role", "c"], lookAlike: true });
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
