import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKeyCheck } from "../../src/guards/key-policy.ts";
import { problemsOf, read } from "./support.ts";

describe("a list of keys", () => {
  it.each<[text: string, keys: string[]]>([
    [" b , a,,b ,", ["b", "a"]],
    ["first_name,x-y.z:1,__proto__", ["first_name", "x-y.z:1", "__proto__"]],
    ["api_version,token_expires_at,sk_title", ["api_version", "token_expires_at", "sk_title"]],
    ["customAttribute2024Value,skills", ["customAttribute2024Value", "skills"]],
    ["имя,名前,नाम,اسم,שם,\u0663", ["имя", "名前", "नाम", "اسم", "שם", "\u0663"]],
    ["k".repeat(256), ["k".repeat(256)]],
    // Typed with the accent apart; the same name in NFC is what a call sends.
    ["cafe\u0301,caf\u00e9", ["caf\u00e9"]],
  ])("%j is read", (text, keys) => {
    expect(read({ PRELUDE_ALLOWED_KEYS: text }).config?.allowedKeys).toEqual(keys);
    expect(read({ PRELUDE_BLOCKED_KEYS: text }).config?.blockedKeys).toEqual(keys);
  });

  it.each([
    ["JSON", '["*"]', '["all"]', '["role,plan"]', '["role*"]', '["role"]', "[]", '["role"'],
    ["letters that look like a separator", "role\u318dplan", "role\uff0cplan", "role\u060cplan"],
    ["another separator", "role|plan", "role;plan", "role/plan", "role plan", "role\nplan"],
    ["a space that is none", "role\u00a0plan", "role\u3000plan"],
    ["a pattern", "*", "role*", "rol?", "!role", "/role/", "^role$", "+role"],
    ["quotes", '"role"', "'role'", "`role`", "\u201crole\u201d", "\u00abrole\u00bb", "role'"],
    ["brackets", "[role, plan]", "(role)", '{"role":true}', "role=no", "role\\,plan"],
    ["a word for every key or for none", "all", "name,ANY", "role,undefined", "true", "plan,False"],
    ["what NFKC changes", "\ufb01rst", "\uff52ole", "role\u00b2"],
    ["what nobody sees", "ro\u200ble", "role\u3164", "role\ufe0f", "role\ud800", "role\u115f"],
    ["a name of 257 characters", "k".repeat(257)],
    ["no name at all", " , ,", ","],
    ["an API key", "sk_live_4f9c1d7e2b", "name,sk_attack_0123456789abcdef", "4f9c1d7e2b4f9c1d7e2b"],
  ])("with %s stops the start", (_, ...texts) => {
    for (const text of texts) {
      for (const name of ["PRELUDE_ALLOWED_KEYS", "PRELUDE_BLOCKED_KEYS"]) {
        const [problem = "", ...more] = problemsOf({ [name]: text });
        expect(more).toEqual([]);
        expect(problem).toMatch(new RegExp(`^${name} .*first_name,locale`));
        expect(problem).not.toContain(text.length > 1 ? text : "\0");
      }
    }
  });

  it("that is wrong says which entry", () => {
    expect(problemsOf({ PRELUDE_ALLOWED_KEYS: "a, ,b,c d" })[0]).toMatch(
      /entry 3 is no such name$/,
    );
  });

  it.each(["role", "Role", "rôle", "ROLÉ"])("and its opposite with the same key, as %s", (key) => {
    const env = { PRELUDE_ALLOWED_KEYS: `a,${key}`, PRELUDE_BLOCKED_KEYS: "b,role" };
    expect(problemsOf(env)).toEqual([
      "PRELUDE_ALLOWED_KEYS names a key (entry 2) that PRELUDE_BLOCKED_KEYS blocks; remove it from one of them",
    ]);
  });

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

  it("guards every name that somebody who knows no rule can mean by it, or stops the start", () => {
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
});
