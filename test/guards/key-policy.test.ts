import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKeyCheck, foldedDifferences } from "../../src/guards/key-policy.ts";
import { foldKey } from "../../src/lib/text.ts";

const check = ({ allowed, blocked = [] }: { allowed?: string[]; blocked?: string[] }) =>
  createKeyCheck({ allowedKeys: allowed, blockedKeys: blocked });

const blocked = [
  "role",
  "tenant_id",
  "caf\u00e9",
  "stra\u00dfe",
  "\u03bf\u03b4\u03cc\u03c2",
  "__proto__",
];

describe("blocked keys", () => {
  const refused = check({ blocked });

  it("names are refused that no list could hold, whatever a reader would make of them", () => {
    const unplain = fc.constantFrom(
      ..." \t\n\u00a0\u0000\u001b\u200b\u202e\u00ad\u3164\u115f\ue000\u2800\uffff\ufdd0\ud800",
      ...["\u{1d159}", "\u{e0061}", "/", "*", '"', "\u{1f600}", "\uff52"],
    );
    const name = fc
      .tuple(fc.constantFrom("role", "tenant", ""), unplain, fc.constantFrom("", "le", "x"))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(name, (key) => {
        expect(refused([key])?.keys).toEqual([key]);
      }),
    );
  });

  it("no spelling by case, marks and compatibility forms passes", () => {
    const spelt = fc
      .tuple(
        fc.constantFrom(...blocked),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(..."\u0301\u0323\u0483\u093f\u034f")), {
          maxLength: 4,
        }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        fc.constantFrom("NFC", "NFD", "NFKC", "NFKD"),
      )
      .map(([key, marks, upper, form]) => {
        const chars = [...key].map((char, i) => (upper[i] ? char.toUpperCase() : char));
        for (const [at, mark] of marks) chars.splice((at % chars.length) + 1, 0, mark);
        return chars.join("").normalize(form);
      });
    fc.assert(
      fc.property(spelt, (key) => {
        expect(refused([key])?.keys).toEqual([key]);
      }),
    );
  });
});

describe("what is said to pass", () => {
  const refused = check({ blocked: ["role", "plan"] });
  const page = readFileSync("SECURITY.md", "utf8");
  const examples: Record<string, string[]> = {
    "look-alike letters of other scripts (Cyrillic, Greek)": ["r\u043ele", "r\u03bfle"],
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

it("a folded key folds no further", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (key) => {
      const once = foldKey(key);
      expect(foldKey(once)).toBe(once);
    }),
  );
});
