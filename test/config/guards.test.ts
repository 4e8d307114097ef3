import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SettingName, settings } from "../../src/config/settings.ts";
import { createKeyCheck } from "../../src/guards/key-policy.ts";
import { startServer } from "../support/server-process.ts";
import { blanks, defaults, placeholders, problemsOf, read, wordsForNothing } from "./support.ts";

const guards = settings.filter(({ guard }) => guard).map(({ name }) => name);
const lists: SettingName[] = ["PRELUDE_ALLOWED_KEYS", "PRELUDE_BLOCKED_KEYS"];

it("the guards are these", () => {
  expect(guards).toEqual([
    "PRELUDE_APP_ID",
    "PRELUDE_USER_ID",
    "PRELUDE_ALLOWED_KEYS",
    "PRELUDE_BLOCKED_KEYS",
    "PRELUDE_READ",
    "PRELUDE_CONFIRM",
    "PRELUDE_MAX_WRITES_PER_MINUTE",
    "PRELUDE_MAX_READS_PER_MINUTE",
    "PRELUDE_AUDIT_LOG",
  ]);
});

describe.each(guards)("%s", (name) => {
  it.each(blanks)("is not set by %j", (value) => {
    expect(read({ [name]: value })).toEqual({ config: defaults, warnings: [] });
  });

  it.each([...placeholders, ...wordsForNothing])("%j stops the start", (value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} (?:holds|must be) `))]);
  });

  it.each(["\u200b", "\ufffd", "''", '""', ",", "?", "off?", "\u2026", "{", "$", "<"])(
    "%j stops the start, or is in force as it stands",
    (value) => {
      const { config } = read({ [name]: value });
      // Only a file can be called like that.
      expect(config === undefined || config.auditLog === `/here/${value}`).toBe(true);
    },
  );
});

describe("a list of keys", () => {
  it.each<[text: string, keys: string[]]>([
    ["role", ["role"]],
    [" b , a,,b ,", ["b", "a"]],
    ["caf\u00e9,__proto__", ["caf\u00e9", "__proto__"]],
    [
      "api_version,token_expires_at,sk_title,secret_santa,billingAddressLine2Text",
      ["api_version", "token_expires_at", "sk_title", "secret_santa", "billingAddressLine2Text"],
    ],
    ["first_name,x-y.z:1", ["first_name", "x-y.z:1"]],
    ["имя,名前,नाम,اسم,שם", ["имя", "名前", "नाम", "اسم", "שם"]],
    ["cafe\u0301,\u0663", ["cafe\u0301", "\u0663"]],
    ["k".repeat(256), ["k".repeat(256)]],
    ['["role"]', ["role"]],
    [' [ "a b" , "a,b", "a b" ] ', ["a b", "a,b"]],
    ['["https://acme.com/role"]', ["https://acme.com/role"]],
    [
      '["role*","!role","a|b","it\'s","$name","<x>","none"]',
      ["role*", "!role", "a|b", "it's", "$name", "<x>", "none"],
    ],
    ['["caf\\u00e9","\\ud83d\\ude00"]', ["caf\u00e9", "\u{1f600}"]],
    [JSON.stringify(["k".repeat(256)]), ["k".repeat(256)]],
  ])("%j is read", (text, keys) => {
    const [allowed, blocked] = lists.map((name) => read({ [name as string]: text }));
    expect(allowed).toEqual({ config: { ...defaults, allowedKeys: keys }, warnings: [] });
    expect(blocked).toEqual({ config: { ...defaults, blockedKeys: keys }, warnings: [] });
  });

  it.each([
    ["pipes", "role|plan"],
    ["a full-width comma", "role\uff0cplan"],
    ["an ideographic comma", "role\u3001plan"],
    ["an Arabic comma", "role\u060cplan"],
    ["semicolons", "role;plan"],
    ["spaces", "role plan"],
    ["a no-break space", "role\u00a0plan"],
    ["line breaks", "role\nplan"],
    ["a glob", "role*"],
    ["a question mark", "rol?"],
    ["an exclusion", "!role"],
    ["an exclusion by a dash", "name,-role"],
    ["an address", "https://acme.com/role"],
    ["a regular expression", "/role/"],
    ["an anchor", "^role$"],
    ["a plus", "+role"],
    ["straight quotes", '"role"'],
    ["single quotes", "'role'"],
    ["backticks", "`role`"],
    ["typographic quotes", "\u201crole\u201d"],
    ["German quotes", "\u201erole\u201c"],
    ["guillemets", "\u00abrole\u00bb"],
    ["letters that look like quotes", "\u02bcrole\u02bc"],
    ["one quote", "role'"],
    ["brackets", "[role, plan]"],
    ["round brackets", "(role)"],
    ["braces", "{role}"],
    ["an object", '{"role":true}'],
    ["an equals sign", "role=no"],
    ["a backslash", "role\\,plan"],
    ["a placeholder among names", "role,$\u007bPLAN}"],
    ["a word for nothing among names", "role,undefined"],
    ["a word for every key", "all"],
    ["another one, in capitals", "name,ANY"],
    ["a word for yes", "true"],
    ["a word for no", "false"],
    ["a switch", "on"],
    ["a digit for a switch", "plan,0"],
    ["dots", "name,..."],
    ["an invisible character", "ro\u200ble"],
    ["an invisible letter", "role\u3164"],
    ["a variation selector", "role\ufe0f"],
    ["a mark alone", "\u0301"],
    ["a lone surrogate", "role\ud800"],
    ["a name of 257 characters", "k".repeat(257)],
    ["commas alone", " , ,"],
    ["what looks like an API key", "sk_live_4f9c1d7e2b"],
    ["a key with another beginning", "name,sk_attack_0123456789abcdef"],
    ["a key with a dash", "api-4f9c1d7e2b"],
    ["a key without a beginning", "plan,4f9c1d7e2b4f9c1d7e2b"],
    ["a key of small and capital letters", "aB3xY9kQ2mW7pL4vN9tR"],
    ["an array with a key", '["token_4f9c1d7e2b4f9c"]'],
    ["an empty array", "[]"],
    ["an array cut off", '["role"'],
    ["an array with something behind it", '["role"],plan'],
    ["an array with an empty string", '["role",""]'],
    ["an array with a number", '["role",1]'],
    ["an array with null", '["role",null]'],
    ["an array in an array", '[["role"]]'],
    ["an array with white space at an end", '["role "]'],
    ["an array with a line break in it", '["ro\\nle"]'],
    ["an array with a line separator in it", '["ro\\u2028le"]'],
    ["an array with a lone surrogate", '["role\\ud800"]'],
    ["an array with a string of 257 characters", JSON.stringify(["k".repeat(257)])],
    ["an array with quotes in quotes", '["\\"role\\""]'],
    ["an array with a placeholder", '["$\u007bKEY}"]'],
    ["an array with single quotes", "['role']"],
  ])("with %s stops the start", (_, text) => {
    for (const name of lists) {
      const problems = problemsOf({ [name]: text });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(new RegExp(`^${name} `));
      expect(problems[0]).toContain("first_name,locale");
      expect(problems[0]).not.toContain(text);
    }
  });

  it("that is wrong says which entry", () => {
    expect(problemsOf({ PRELUDE_ALLOWED_KEYS: "a, ,b,c d" })[0]).toMatch(
      /entry 3 is no such name$/,
    );
    expect(problemsOf({ PRELUDE_BLOCKED_KEYS: '["a",""]' })[0]).toMatch(/entry 2 is no such name$/);
  });

  it.each([
    ["the same", "role", "role"],
    ["another case", "Role", "role"],
    ["another Unicode form", "cafe\u0301", "caf\u00e9"],
    ["full width", "\uff52\uff4f\uff4c\uff45", "role"],
  ])("and its opposite with the same key, in %s spelling", (_, allowed, blocked) => {
    const env = { PRELUDE_ALLOWED_KEYS: `a,${allowed}`, PRELUDE_BLOCKED_KEYS: `b,${blocked}` };
    expect(problemsOf(env)).toEqual([
      "PRELUDE_ALLOWED_KEYS names a key (entry 2) that PRELUDE_BLOCKED_KEYS blocks; remove it from one of them",
    ]);
  });
});

/** What an operator may type, paste, template or generate around names. */
const typed = fc
  .array(
    fc.oneof(
      fc.constantFrom("role", "plan", "first_name", "имя", "a-b", "none", "*", "!", "-", "[", "]"),
      fc.constantFrom(
        ",",
        "|",
        ";",
        " ",
        "\uff0c",
        '"',
        "'",
        "\u201c",
        "\u201d",
        "\n",
        "$\u007b",
        "}",
      ),
      fc.string({ unit: "binary", maxLength: 3 }),
      fc.string({ maxLength: 6 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));
const listText = fc.oneof(
  typed,
  fc.array(fc.string({ unit: "binary", maxLength: 5 })).map((names) => JSON.stringify(names)),
  fc.array(typed).map((names) => names.join(",")),
);

/** The names that somebody who knows no rule can mean: all runs of what names are made of. */
const namesMeant = (text: string): string[] => {
  const names = text.trim().startsWith("[")
    ? (JSON.parse(text) as string[])
    : text.split(/[^\p{L}\p{M}\p{Nd}_.:-]+/u).filter((name) => name !== "");
  return [...new Set(names)];
};

describe("whatever a guard is set to", () => {
  const runs = { numRuns: 5_000 };

  it("each name in a list is in force, or the start stops", () => {
    fc.assert(
      fc.property(listText, (text) => {
        const { config } = read({ PRELUDE_BLOCKED_KEYS: text });
        if (!config) return;
        const names = text.trim() === "" ? [] : namesMeant(text);
        expect(config.blockedKeys).toEqual(names);
        if (names.length === 0) {
          expect(text.trim()).toBe("");
          return;
        }
        const refused = createKeyCheck({ allowedKeys: undefined, blockedKeys: config.blockedKeys });
        expect(refused(names)?.keys).toEqual(names);
        const allowed = read({ PRELUDE_ALLOWED_KEYS: text }).config?.allowedKeys;
        expect(allowed).toEqual(config.blockedKeys);
      }),
      runs,
    );
  });

  it("it is the value in force, or not set, or the start stops", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...guards),
        fc.oneof(
          typed,
          fc.constantFrom(
            "true",
            "false",
            "0",
            "1",
            "yes",
            "keys",
            "values",
            "120",
            "usr_1",
            "54e9ujn",
          ),
        ),
        (name, text) => {
          const { config } = read({ [name]: text });
          if (!config) return;
          const value = text.trim();
          const isDefault = JSON.stringify(config) === JSON.stringify(defaults);
          const saysDefault = ["", "off", "false", "0", "120", "60"].includes(value.toLowerCase());
          if (isDefault) expect(saysDefault).toBe(true);
        },
      ),
      runs,
    );
  });
});

describe("the built server", () => {
  it.each<[name: SettingName, value: string]>([
    ["PRELUDE_BLOCKED_KEYS", "role|plan"],
    ["PRELUDE_BLOCKED_KEYS", "role\uff0cplan"],
    ["PRELUDE_BLOCKED_KEYS", "role*"],
    ["PRELUDE_BLOCKED_KEYS", "\u201crole\u201d"],
    ["PRELUDE_BLOCKED_KEYS", "!role"],
    ["PRELUDE_USER_ID", "$\u007bSIGNED_IN}"],
    ["PRELUDE_CONFIRM", "$\u007bC}"],
    ["PRELUDE_ALLOWED_KEYS", "$\u007bK}"],
    ["PRELUDE_AUDIT_LOG", "$\u007benv:AUDIT}"],
    ["PRELUDE_AUDIT_LOG", "~/audit.jsonl"],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "$\u007bM}"],
  ])("does not start with %s=%s", async (name, value) => {
    const server = startServer({ env: { [name]: value } });
    server.stdin.end();
    await server.closed;
    expect(await server.exited).toEqual({ code: 2, signal: null });
    expect(server.stderr()).toContain(`prelude-profile-mcp: ${name} `);
    expect(server.stderr()).not.toContain(value);
  });
});
