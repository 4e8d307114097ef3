import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { type SettingName, settings } from "../../src/config/settings.ts";
import { blanks, defaults, dollar, problemsOf, read, standIns } from "./support.ts";

const longest = `a${"b".repeat(63)}`;

describe("a right value is in force", () => {
  it.each<[name: SettingName, value: string, part: Partial<Config>]>([
    ["PRELUDE_APP_ID", " A_b-9 ", { appId: "A_b-9" }],
    ["PRELUDE_APP_ID", longest, { appId: longest }],
    ["PRELUDE_USER_ID", "usr_A_b-9", { userId: "usr_A_b-9" }],
    ["PRELUDE_READ", " Values ", { read: "values" }],
    ["PRELUDE_WRITE", "On", { write: "on" }],
    ["PRELUDE_WRITE", "dry-run", { write: "dry-run" }],
    ["PRELUDE_WRITE", "Dry_Run", { write: "dry-run" }],
    ["PRELUDE_WRITE", "DRYRUN", { write: "dry-run" }],
    ["PRELUDE_CONFIRM", "TRUE", { confirm: true }],
    ["PRELUDE_CONFIRM", "1", { confirm: true }],
    ["PRELUDE_CONFIRM", "0", { confirm: false }],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "0", { maxWritesPerMinute: 0 }],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1000000", { maxWritesPerMinute: 1_000_000 }],
    ["PRELUDE_MAX_READS_PER_MINUTE", "7", { maxReadsPerMinute: 7 }],
    ["PRELUDE_AUDIT_LOG", "/var/log/a b.jsonl", { auditLog: resolve("/var/log/a b.jsonl") }],
    ["PRELUDE_AUDIT_LOG", "/var/log/../a", { auditLog: resolve("/var/a") }],
    ["PRELUDE_AUDIT_LOG", "./logs/a~1.jsonl", { auditLog: resolve("logs/a~1.jsonl") }],
    ["PRELUDE_AUDIT_LOG", "/tmp/100%/a$", { auditLog: resolve("/tmp/100%/a$") }],
    [
      "PRELUDE_AUDIT_LOG",
      "/l/api-7d9c5b6f4d1a2b3c",
      { auditLog: resolve("/l/api-7d9c5b6f4d1a2b3c") },
    ],
    ["PRELUDE_AUDIT_META", " b , a,,b,x/Y.z:1-2", { auditMeta: ["b", "a", "x/Y.z:1-2"] }],
    ["PRELUDE_AUDIT_META", "a,b,c,d,e,f,g,h", { auditMeta: [..."abcdefgh"] }],
    ["PRELUDE_BASE_URL", "https://example.com/p/", { baseUrl: "https://example.com/p" }],
    ["PRELUDE_BASE_URL", "http://localhost:8080/", { baseUrl: "http://localhost:8080" }],
    ["PRELUDE_BASE_URL", "http://127.9.8.7", { baseUrl: "http://127.9.8.7" }],
    ["PRELUDE_BASE_URL", "http://[::1]:1", { baseUrl: "http://[::1]:1" }],
    ["PRELUDE_BASE_URL", "https://example.com/v2x", { baseUrl: "https://example.com/v2x" }],
    ["PRELUDE_TIMEOUT_MS", "1", { timeoutMs: 1 }],
    ["PRELUDE_TIMEOUT_MS", "600000", { timeoutMs: 600_000 }],
    ["PRELUDE_LOG_LEVEL", "Debug", { logLevel: "debug" }],
  ])("%s=%j", (name, value, part) => {
    expect(read({ [name]: value })).toEqual({ config: { ...defaults, ...part }, warnings: [] });
  });
});

describe("a wrong value stops the start, and the problem says what is accepted", () => {
  const writes = "must be a whole number from 0 to 1000000, such as 120";
  const timeout = "must be a whole number from 1 to 600000, such as 30000 (milliseconds)";

  it.each<[name: SettingName, value: string, problem: string]>([
    ["PRELUDE_API_KEY_FILE", "/nowhere", "must be a path to a readable file (ENOENT)"],
    ["PRELUDE_API_KEY_FILE", "~/key", "nothing replaces ~, $NAME or %NAME%"],
    ["PRELUDE_APP_ID", "..", "must be an app id such as 54e9ujn"],
    ["PRELUDE_APP_ID", "a/b", "must be an app id"],
    ["PRELUDE_APP_ID", `${longest}c`, "is too long"],
    ["PRELUDE_APP_ID", "sk_live_4f9c", "looks like an API key"],
    ["PRELUDE_APP_ID", "a-4f9c1d7e2b4f9c1d", "looks like an API key"],
    ["PRELUDE_READ", "true", "must be one of off, keys, values"],
    ["PRELUDE_USER_ID", "usr_a/../b", "must be a user id that starts with usr_, such as usr_01jq"],
    ["PRELUDE_USER_ID", "jane@example.com", "must be a user id"],
    ["PRELUDE_USER_ID", "USR_1", "must be a user id"],
    ["PRELUDE_WRITE", "false", "must be one of on, dry-run, off"],
    ["PRELUDE_WRITE", "dry run", "must be one of on, dry-run, off"],
    ["PRELUDE_WRITE", "off", "there is no tool to offer; set PRELUDE_READ to keys or values"],
    ["PRELUDE_CONFIRM", "yes", "must be true or false"],
    ["PRELUDE_AUDIT_META", "a b", "entry 1 is no such name"],
    ["PRELUDE_AUDIT_META", "threadId,*", "entry 2 is no such name"],
    ["PRELUDE_AUDIT_META", "all", "entry 1 is no such name"],
    ["PRELUDE_AUDIT_META", '["threadId"]', "entry 1 is no such name"],
    ["PRELUDE_AUDIT_META", "a,b,c,d,e,f,g,h,i", "at most 8"],
    ["PRELUDE_AUDIT_META", ",", "is set but names nothing"],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "-1", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1000001", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1e3", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "0x10", writes],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "\u0661", writes],
    // Seconds, in all likelihood.
    ["PRELUDE_TIMEOUT_MS", "600001", timeout],
    ["PRELUDE_TIMEOUT_MS", "30s", timeout],
    ["PRELUDE_BASE_URL", "api.prelude.dev", "is not a URL"],
    ["PRELUDE_BASE_URL", "http://api.prelude.dev", "must start with https://"],
    ["PRELUDE_BASE_URL", "http://127.0.0.1.example.com", "must start with https://"],
    ["PRELUDE_BASE_URL", "javascript:alert(1)", "must start with https://"],
    ["PRELUDE_BASE_URL", "https://a:b@example.com", "must not contain a user name or a password"],
    ["PRELUDE_BASE_URL", "https://example.com?a=b", "must not have a query or a fragment"],
    ["PRELUDE_BASE_URL", "https://example.com/#a", "must not have a query or a fragment"],
    ["PRELUDE_BASE_URL", "https://example.com/V2/", "leave it out, as in https://api.prelude.dev"],
    ["PRELUDE_BASE_URL", "https://a.example/v2/session/apps", "must not end in /v2"],
    ["PRELUDE_LOG_LEVEL", "trace", "must be one of silent, error, info, debug"],
    [
      "PRELUDE_AUDIT_LOG",
      "~jane/audit.jsonl",
      "must be a path, best a full one, such as /var/log/",
    ],
    ["PRELUDE_AUDIT_LOG", "$HOME/audit.jsonl", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", `/home/${dollar("USER")}/audit.jsonl`, "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", "C:\\Users\\%USERNAME%\\a", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", "%ProgramFiles(x86)%\\a", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", '"/var/log/a.jsonl"', "without quotes"],
    ["PRELUDE_AUDIT_LOG", "/var/log/a\nb", "without quotes or line breaks"],
    ["PRELUDE_AUDIT_LOG", "sk_live_4f9c1d7e2b", "looks like an API key"],
  ])("%s=%j", (name, value, problem) => {
    const [said = "", ...more] = problemsOf({ [name]: value });
    expect(more).toEqual([]);
    expect(said.startsWith(`${name} `)).toBe(true);
    expect(said).toContain(problem);
  });
});

const guards = settings.filter(({ guard }) => guard);
const others = settings.filter(({ guard }) => !guard);

it.each(settings)(
  "$name is not set by a blank or by an empty field of a bundle; a blank guard is told",
  ({ name, guard }) => {
    const told = `set and empty, which counts as not set: ${name}`;
    for (const blank of blanks) {
      const warnings = guard && blank.trim() === "" ? [told] : [];
      expect(read({ [name]: blank })).toEqual({ config: defaults, warnings });
    }
  },
);

it("the guards are every setting but key, address, deadline and log", () => {
  const names = others.map(({ name }) => name.replace("PRELUDE_", ""));
  expect(names).toEqual(["API_KEY", "API_KEY_FILE", "BASE_URL", "TIMEOUT_MS", "LOG_LEVEL"]);
});

describe.each(guards)("$name is a guard", ({ name }) => {
  it.each(standIns)("so %j stops the start", (value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} holds a placeholder`))]);
  });
});

it.each(others.slice(1))(
  "$name is no guard: what a host did not replace is not set",
  ({ name }) => {
    for (const value of ["VAR", "env:VAR", "VAR:-", ""].map(dollar)) {
      expect(read({ [name]: value })).toEqual({ config: defaults, warnings: [] });
    }
  },
);

it.each(settings.slice(1))("$name with the API key in it stops the start", ({ name }) => {
  const likely = problemsOf({ [name]: "sk_live_4f9c1d7e2b" });
  const known = problemsOf({ PRELUDE_API_KEY: "correct-horse", [name]: "/x/correct-horse" });
  for (const problems of [likely, known]) {
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join()).not.toMatch(/4f9c|horse/);
  }
});

it("a short key, with which people test, may stand in other settings by chance", () => {
  const env = { PRELUDE_API_KEY: "test", PRELUDE_APP_ID: "test", PRELUDE_AUDIT_LOG: "/tmp/test" };
  expect(read(env).config).toMatchObject({ apiKey: "test", appId: "test" });
});
