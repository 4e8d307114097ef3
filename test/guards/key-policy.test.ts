import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKeyCheck } from "../../src/guards/key-policy.ts";

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
