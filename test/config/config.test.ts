import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Config, readConfig } from "../../src/config/config.ts";
import { type SettingName, settings } from "../../src/config/settings.ts";
import { startServer } from "../support/server-process.ts";

const noFile = () => {
  throw Object.assign(new Error("no such file"), { code: "ENOENT" });
};
const read = (env: Record<string, string>, readFile: (path: string) => string = noFile) =>
  readConfig(env, readFile);
const problemsOf = (env: Record<string, string>): string[] => read(env).problems ?? [];

const defaults: Config = {
  apiKey: undefined,
  appId: undefined,
  userId: undefined,
  allowedKeys: undefined,
  blockedKeys: [],
  confirm: false,
  maxWritesPerMinute: 120,
  auditLog: undefined,
  baseUrl: "https://api.prelude.dev",
  timeoutMs: 30_000,
  logLevel: "error",
};

const longest = `a${"b".repeat(127)}`;

describe("a valid setting", () => {
  it.each<[name: SettingName, value: string, part: Partial<Config>]>([
    ["PRELUDE_API_KEY", "sk_1", { apiKey: "sk_1" }],
    ["PRELUDE_API_KEY", "  sk_1 \n", { apiKey: "sk_1" }],
    ["PRELUDE_API_KEY", "Bearer sk_1", { apiKey: "sk_1" }],
    ["PRELUDE_API_KEY", "BEARER\tsk_1", { apiKey: "sk_1" }],
    ["PRELUDE_API_KEY", "Bearersk_1", { apiKey: "Bearersk_1" }],
    ["PRELUDE_API_KEY", "my Bearer sk", { apiKey: "my Bearer sk" }],
    ["PRELUDE_API_KEY", "cl\u00e9\u00ff", { apiKey: "cl\u00e9\u00ff" }],
    ["PRELUDE_API_KEY", "a\"b\\c'd", { apiKey: "a\"b\\c'd" }],
    ["PRELUDE_APP_ID", "54e9ujn", { appId: "54e9ujn" }],
    ["PRELUDE_APP_ID", " A_b-9 ", { appId: "A_b-9" }],
    ["PRELUDE_APP_ID", longest, { appId: longest }],
    ["PRELUDE_USER_ID", "usr_1", { userId: "usr_1" }],
    ["PRELUDE_USER_ID", "usr_A_b-9", { userId: "usr_A_b-9" }],
    ["PRELUDE_ALLOWED_KEYS", "a", { allowedKeys: ["a"] }],
    ["PRELUDE_ALLOWED_KEYS", " b , a,,b ,", { allowedKeys: ["b", "a"] }],
    ["PRELUDE_ALLOWED_KEYS", "caf\u00e9,__proto__", { allowedKeys: ["caf\u00e9", "__proto__"] }],
    ["PRELUDE_BLOCKED_KEYS", "role, plan", { blockedKeys: ["role", "plan"] }],
    ["PRELUDE_CONFIRM", "true", { confirm: true }],
    ["PRELUDE_CONFIRM", "TRUE", { confirm: true }],
    ["PRELUDE_CONFIRM", "1", { confirm: true }],
    ["PRELUDE_CONFIRM", "false", { confirm: false }],
    ["PRELUDE_CONFIRM", "False", { confirm: false }],
    ["PRELUDE_CONFIRM", "0", { confirm: false }],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "0", { maxWritesPerMinute: 0 }],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1", { maxWritesPerMinute: 1 }],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1000000", { maxWritesPerMinute: 1_000_000 }],
    ["PRELUDE_AUDIT_LOG", "/var/log/a b.jsonl", { auditLog: "/var/log/a b.jsonl" }],
    ["PRELUDE_BASE_URL", "https://eu.example.com", { baseUrl: "https://eu.example.com" }],
    ["PRELUDE_BASE_URL", "https://example.com/p/", { baseUrl: "https://example.com/p" }],
    ["PRELUDE_BASE_URL", "http://localhost:8080/", { baseUrl: "http://localhost:8080" }],
    ["PRELUDE_BASE_URL", "http://127.0.0.1:1", { baseUrl: "http://127.0.0.1:1" }],
    ["PRELUDE_BASE_URL", "http://127.9.8.7", { baseUrl: "http://127.9.8.7" }],
    ["PRELUDE_BASE_URL", "http://[::1]:1", { baseUrl: "http://[::1]:1" }],
    ["PRELUDE_TIMEOUT_MS", "1", { timeoutMs: 1 }],
    ["PRELUDE_TIMEOUT_MS", "600000", { timeoutMs: 600_000 }],
    ["PRELUDE_LOG_LEVEL", "silent", { logLevel: "silent" }],
    ["PRELUDE_LOG_LEVEL", "debug", { logLevel: "debug" }],
  ])("%s=%j", (name, value, part) => {
    expect(read({ [name]: value })).toEqual({ config: { ...defaults, ...part } });
  });
});

/** What a host passes on where it knows no value. */
const placeholder = (name: string) => `\${${name}}`;
const names = ["VAR", "user_config.x", "env:VAR", "VAR:-", ""];
const unset = ["", " ", "\t\n", ...names.map(placeholder), ` ${placeholder("VAR")} `];

describe.each(settings)("$name", ({ name }) => {
  it.each(unset)("is not set by %j", (value) => {
    expect(read({ [name]: value })).toEqual({ config: defaults });
  });
});

describe("an invalid setting stops the start, and the problem names it", () => {
  const wholeNumber = (range: string) => `must be a whole number from ${range}`;
  const writes = wholeNumber("0 to 1000000");
  const timeout = wholeNumber("1 to 600000");
  const list = "must be names separated by commas";

  it.each<[name: SettingName, value: string, problem: string]>([
    ["PRELUDE_API_KEY", "Bearer", "holds no key"],
    ["PRELUDE_API_KEY", "bearer  ", "holds no key"],
    ["PRELUDE_API_KEY_FILE", "/nowhere", "must be a path to a readable file (ENOENT)"],
    ["PRELUDE_APP_ID", "..", "must be an app id"],
    ["PRELUDE_APP_ID", "a/b", "must be an app id"],
    ["PRELUDE_APP_ID", "-a", "must be an app id"],
    ["PRELUDE_APP_ID", "a b", "must be an app id"],
    ["PRELUDE_APP_ID", `${longest}c`, "must be an app id"],
    ["PRELUDE_USER_ID", "usr_", "must be a user id"],
    ["PRELUDE_USER_ID", "jane@example.com", "must be a user id"],
    ["PRELUDE_USER_ID", "usr_a/../b", "must be a user id"],
    ["PRELUDE_USER_ID", "USR_1", "must be a user id"],
    ["PRELUDE_ALLOWED_KEYS", ",", "is set but names no key"],
    ["PRELUDE_BLOCKED_KEYS", " , ,", "is set but names no key"],
    ["PRELUDE_ALLOWED_KEYS", '["a","b"]', list],
    ["PRELUDE_ALLOWED_KEYS", '"a"', list],
    ["PRELUDE_BLOCKED_KEYS", "role plan", list],
    ["PRELUDE_BLOCKED_KEYS", "role;plan", list],
    ["PRELUDE_BLOCKED_KEYS", "'role'", list],
    ["PRELUDE_BLOCKED_KEYS", `role,${placeholder("PLAN")}`, list],
    ["PRELUDE_CONFIRM", "yes", "must be true or false"],
    ["PRELUDE_CONFIRM", "on", "must be true or false"],
    ["PRELUDE_CONFIRM", "2", "must be true or false"],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "-1", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1000001", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1.5", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1e3", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "0x10", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "ten", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "\u0661", writes],
    ["PRELUDE_TIMEOUT_MS", "0", timeout],
    ["PRELUDE_TIMEOUT_MS", "600001", timeout],
    ["PRELUDE_TIMEOUT_MS", "30s", timeout],
    ["PRELUDE_TIMEOUT_MS", "Infinity", timeout],
    ["PRELUDE_BASE_URL", "api.prelude.dev", "is not a URL"],
    ["PRELUDE_BASE_URL", "http://api.prelude.dev", "must start with https://"],
    ["PRELUDE_BASE_URL", "http://localhost.example.com", "must start with https://"],
    ["PRELUDE_BASE_URL", "http://127.0.0.1.example.com", "must start with https://"],
    ["PRELUDE_BASE_URL", "http://10.0.0.1", "must start with https://"],
    ["PRELUDE_BASE_URL", "ftp://localhost", "must start with https://"],
    ["PRELUDE_BASE_URL", "javascript:alert(1)", "must start with https://"],
    ["PRELUDE_BASE_URL", "https://a:b@example.com", "must not contain a user name or a password"],
    ["PRELUDE_BASE_URL", "https://example.com?a=b", "must not have a query or a fragment"],
    ["PRELUDE_BASE_URL", "https://example.com/#a", "must not have a query or a fragment"],
    ["PRELUDE_LOG_LEVEL", "trace", "must be one of silent, error, info, debug"],
    ["PRELUDE_LOG_LEVEL", "INFO", "must be one of silent, error, info, debug"],
  ])("%s=%j", (name, value, problem) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} `));
    expect(problems[0]).toContain(problem);
  });

  it.each([
    ["the same", "role", "role"],
    ["another case", "Role", "role"],
    ["another Unicode form", "cafe\u0301", "caf\u00e9"],
    ["an invisible character", "ro\u200ble", "role"],
  ])("a key both allowed and blocked, in %s spelling", (_, allowed, blocked) => {
    const env = { PRELUDE_ALLOWED_KEYS: `a,${allowed}`, PRELUDE_BLOCKED_KEYS: `b,${blocked}` };
    expect(problemsOf(env)).toEqual([
      expect.stringContaining("is in PRELUDE_ALLOWED_KEYS and in PRELUDE_BLOCKED_KEYS"),
    ]);
  });

  it.each([
    ..."\u0000\u0007\t\n\v\f\r\u001b\u007f", // controls
    ..."\u0080\u0085\u009f", // controls of Latin-1
    ..."\u0100\u0119\u200b\u2028\u201c\ufeff\ud83d\udd11", // beyond Latin-1
    "\ud800",
  ])("a key with %j inside, of which nothing is repeated", (character) => {
    const problems = problemsOf({ PRELUDE_API_KEY: `sk_live${character}4f9c` });
    expect(problems).toEqual([
      expect.stringMatching(/^PRELUDE_API_KEY holds a character that cannot be part of a key/),
    ]);
    expect(problems[0]).not.toMatch(/sk_live|4f9c/);
  });

  it("the key given twice", () => {
    const env = { PRELUDE_API_KEY: "sk_1", PRELUDE_API_KEY_FILE: "/key" };
    expect(problemsOf(env)).toEqual([
      "PRELUDE_API_KEY and PRELUDE_API_KEY_FILE are both set; keep one of them",
    ]);
  });
});

describe("a key file", () => {
  it.each<[what: string, text: string, apiKey: string]>([
    ["a key", "sk_1", "sk_1"],
    ["a line break at the end", "sk_1\n", "sk_1"],
    ["line ends of Windows", "sk_1\r\n", "sk_1"],
    ["a byte order mark", "\ufeffsk_1", "sk_1"],
    ["the word Bearer", "Bearer sk_1\n", "sk_1"],
    ["what looks like a placeholder", placeholder("KEY"), placeholder("KEY")],
  ])("with %s", (_, text, apiKey) => {
    const asked: string[] = [];
    const result = read({ PRELUDE_API_KEY_FILE: " /run/key " }, (path) => {
      asked.push(path);
      return text;
    });
    expect(result).toEqual({ config: { ...defaults, apiKey } });
    expect(asked).toEqual(["/run/key"]);
  });

  it.each([
    ["nothing", ""],
    ["white space", " \n\t"],
    ["two lines", "sk_1\nsk_2"],
    ["the word Bearer alone", "Bearer\n"],
  ])("with %s stops the start", (_, text) => {
    const { problems } = read({ PRELUDE_API_KEY_FILE: "/run/key" }, () => text);
    expect(problems).toEqual([expect.stringMatching(/^PRELUDE_API_KEY_FILE holds /)]);
  });

  it("beside a blank PRELUDE_API_KEY is read", () => {
    const env = { PRELUDE_API_KEY: placeholder("KEY"), PRELUDE_API_KEY_FILE: "/run/key" };
    expect(read(env, () => "sk_1").config?.apiKey).toBe("sk_1");
  });
});

describe("a name that is almost a setting", () => {
  it.each<[name: string, meant: SettingName]>([
    ["PRELUDE_ALLOWED_KEY", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_ALOWED_KEYS", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_ALLOW_KEYS", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_ALLOWED", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_ALLOWED_PROFILE_KEYS", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_KEYS_ALLOWED", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_BLOCK_KEYS", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_BLOCKED", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_BLOCKLIST", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_CONFIRMATION", "PRELUDE_CONFIRM"],
    ["PRELUDE_CONFIRM_WRITES", "PRELUDE_CONFIRM"],
    ["PRELUDE_COMFIRM", "PRELUDE_CONFIRM"],
    ["PRELUDE_MAX_WRITES", "PRELUDE_MAX_WRITES_PER_MINUTE"],
    ["PRELUDE_MAX_WRITES_PER_MIN", "PRELUDE_MAX_WRITES_PER_MINUTE"],
    ["PRELUDE_AUDIT", "PRELUDE_AUDIT_LOG"],
    ["PRELUDE_AUDITLOG", "PRELUDE_AUDIT_LOG"],
    ["PRELUDE_AUDIT_FILE", "PRELUDE_AUDIT_LOG"],
    ["PRELUDE_APP", "PRELUDE_APP_ID"],
    ["PRELUDE_APPID", "PRELUDE_APP_ID"],
    ["PRELUDE_USER", "PRELUDE_USER_ID"],
    ["PRELUDE_USERID", "PRELUDE_USER_ID"],
    ["PRELUDE_USER_IDS", "PRELUDE_USER_ID"],
    ["PRELUDE_APIKEY", "PRELUDE_API_KEY"],
    ["PRELUDE_API_KEYS", "PRELUDE_API_KEY"],
    ["PRELUDE_API_KEYFILE", "PRELUDE_API_KEY_FILE"],
    ["PRELUDE_TIMEOUT", "PRELUDE_TIMEOUT_MS"],
    ["PRELUDE_BASEURL", "PRELUDE_BASE_URL"],
    ["PRELUDE_LOGLEVEL", "PRELUDE_LOG_LEVEL"],
    ["prelude_confirm", "PRELUDE_CONFIRM"],
    ["Prelude_User_Id", "PRELUDE_USER_ID"],
    ["PRELUDE_USER_ID ", "PRELUDE_USER_ID"],
    ["PRELUDE__CONFIRM", "PRELUDE_CONFIRM"],
  ])("%j stops the start and is set right", (name, meant) => {
    expect(problemsOf({ [name]: "x" })).toEqual([
      `${name} is not a setting; did you mean ${meant}?`,
    ]);
  });

  it.each(unset)("that is not set (%j) harms nothing", (value) => {
    expect(read({ PRELUDE_ALLOWED_KEY: value })).toEqual({ config: defaults });
  });

  it("is found after any one slip of the fingers", () => {
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789".split("");
    const slip = fc
      .tuple(
        fc.constantFrom(...settings.map(({ name }) => name.slice("PRELUDE_".length))),
        fc.nat(),
        fc.constantFrom(...letters),
        fc.constantFrom("insert", "change", "drop", "swap"),
      )
      .map(([name, position, letter, how]) => {
        const at = position % name.length;
        const [head, here, tail] = [name.slice(0, at), name.charAt(at), name.slice(at + 1)];
        if (how === "insert") return `${head}${letter}${here}${tail}`;
        if (how === "change") return `${head}${letter}${tail}`;
        return how === "drop" ? head + tail : `${head}${tail.charAt(0)}${here}${tail.slice(1)}`;
      })
      .map((name) => `PRELUDE_${name}`)
      .filter((name) => settings.every((setting) => setting.name !== name));
    fc.assert(
      fc.property(slip, (name) => {
        expect(problemsOf({ [name]: "x" })).toEqual([
          expect.stringContaining(`${name} is not a setting; did you mean PRELUDE_`),
        ]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("somebody else's name", () => {
  it.each([
    "PRELUDE_WEBHOOK_SECRET",
    "PRELUDE_WEBHOOK_URL",
    "PRELUDE_SDK_KEY",
    "PRELUDE_ENV",
    "PRELUDE_REGION",
    "PRELUDE_API_URL",
    "PRELUDE_HOST",
    "PRELUDE_PORT",
    "PRELUDE_DEBUG",
    "PRELUDE_VERIFY_SERVICE_ID",
    "PRELUDE_CLIENT_ID",
    "PRELUDE_",
    "PRELUDE",
    "MY_PRELUDE_CONFIRM",
    "CONFIRM",
    "PATH",
  ])("%s is ignored", (name) => {
    expect(read({ [name]: "x" })).toEqual({ config: defaults });
  });
});

describe("the built server", () => {
  it("lists every problem at once on stderr, nothing on stdout, and ends with 2", async () => {
    const server = startServer({
      env: {
        PRELUDE_API_KEY: "sk\n1",
        PRELUDE_APP_ID: "..",
        PRELUDE_CONFIRM: "maybe",
        PRELUDE_ALLOWED_KEY: "first_name",
        PRELUDE_BASE_URL: "http://api.prelude.dev",
        PRELUDE_TIMEOUT_MS: "0",
        PRELUDE_WEBHOOK_SECRET: "whsec",
      },
    });
    server.stdin.end();
    await server.closed;
    expect(await server.exited).toEqual({ code: 2, signal: null });
    expect(server.messages).toEqual([]);
    const lines = server.stderr().trimEnd().split("\n");
    expect(lines.map((line) => line.match(/^prelude-profile-mcp: (PRELUDE_\w+)/)?.[1])).toEqual([
      "PRELUDE_ALLOWED_KEY",
      "PRELUDE_API_KEY",
      "PRELUDE_APP_ID",
      "PRELUDE_CONFIRM",
      "PRELUDE_BASE_URL",
      "PRELUDE_TIMEOUT_MS",
      undefined,
    ]);
    expect(lines.at(-1)).toBe(
      "prelude-profile-mcp: not started; --help lists all flags and settings",
    );
  });

  it("starts without any setting, and says so when it is called", async () => {
    const server = startServer();
    await server.initialize();
    const { structured } = await server.callTool({
      app_id: "54e9ujn",
      user_id: "usr_1",
      profile: { a: "b" },
    });
    expect(structured).toMatchObject({
      status: "not_updated",
      error: { code: "not_configured" },
    });
    expect(await server.close()).toEqual({ code: 0, signal: null });
  });
});
