import fc from "fast-check";
import { expect, it } from "vitest";
import { createKeyCheck } from "../../src/guards/key-policy.ts";
import { read } from "./support.ts";

/** What an operator may type, paste, template or generate around names. */
const typed = fc
  .array(
    fc.oneof(
      fc.constantFrom("role", "plan", "first_name", "имя", "a-b", "none", "cafe\u0301"),
      fc.constantFrom(..."*!-[]|; '\uff0c\u201c\u201d\n{},,,,"),
      fc.string({ unit: "binary", maxLength: 3 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

it("a list of keys guards every name that somebody who knows no rule can mean by it, or stops the start", () => {
  fc.assert(
    fc.property(typed, (text) => {
      const { config } = read({ PRELUDE_BLOCKED_KEYS: text });
      if (!config) return;
      const runs = text.normalize("NFC").split(/[^\p{L}\p{M}\p{Nd}_.:-]+/u);
      const meant = [...new Set(runs.filter((name) => name !== ""))];
      expect(config.blockedKeys).toEqual(meant);
      const check = createKeyCheck({ allowedKeys: undefined, blockedKeys: config.blockedKeys });
      expect(check(meant)?.keys ?? []).toEqual(meant);
    }),
    { numRuns: 2_000 },
  );
});
