import { existsSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { type SettingName, settings } from "../../src/config/settings.ts";
import { temporaryFolder } from "../support/guarded.ts";
import { builtServer, startServer } from "../support/server-process.ts";
import { blanks, defaults, dollar, problemsOf, read } from "./support.ts";

const longest = `a${"b".repeat(63)}`;

describe("a valid setting", () => {
  it.each<[name: SettingName, value: string, part: Partial<Config>]>([
    ["PRELUDE_APP_ID", "54e9ujn", { appId: "54e9ujn" }],
    ["PRELUDE_APP_ID", " A_b-9 ", { appId: "A_b-9" }],
    ["PRELUDE_APP_ID", longest, { appId: longest }],
    ["PRELUDE_USER_ID", "usr_1", { userId: "usr_1" }],
    ["PRELUDE_USER_ID", "usr_A_b-9", { userId: "usr_A_b-9" }],
    ["PRELUDE_READ", "off", { read: "off" }],
    ["PRELUDE_READ", "keys", { read: "keys" }],
    ["PRELUDE_READ", " Values ", { read: "values" }],
    ["PRELUDE_CONFIRM", "true", { confirm: true }],
    ["PRELUDE_CONFIRM", "TRUE", { confirm: true }],
    ["PRELUDE_CONFIRM", "1", { confirm: true }],
    ["PRELUDE_CONFIRM", "false", { confirm: false }],
    ["PRELUDE_CONFIRM", "False", { confirm: false }],
    ["PRELUDE_CONFIRM", "0", { confirm: false }],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "0", { maxWritesPerMinute: 0 }],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1", { maxWritesPerMinute: 1 }],
    ["PRELUDE_MAX_WRITES_PER_MINUTE", "1000000", { maxWritesPerMinute: 1_000_000 }],
    ["PRELUDE_MAX_READS_PER_MINUTE", "0", { maxReadsPerMinute: 0 }],
    ["PRELUDE_MAX_READS_PER_MINUTE", "7", { maxReadsPerMinute: 7 }],
    ["PRELUDE_AUDIT_LOG", "/var/log/a b.jsonl", { auditLog: "/var/log/a b.jsonl" }],
    ["PRELUDE_AUDIT_LOG", "/var/log/../audit.jsonl", { auditLog: "/var/audit.jsonl" }],
    ["PRELUDE_AUDIT_LOG", "audit.jsonl", { auditLog: "/here/audit.jsonl" }],
    ["PRELUDE_AUDIT_LOG", "./logs/a~1.jsonl", { auditLog: "/here/logs/a~1.jsonl" }],
    ["PRELUDE_AUDIT_LOG", "/tmp/100%/a$", { auditLog: "/tmp/100%/a$" }],
    ["PRELUDE_AUDIT_LOG", "/log/sk_test/a.jsonl", { auditLog: "/log/sk_test/a.jsonl" }],
    ["PRELUDE_AUDIT_LOG", "/log/api-7d9c5b6f4d-x2x9z", { auditLog: "/log/api-7d9c5b6f4d-x2x9z" }],
    ["PRELUDE_BASE_URL", "https://eu.example.com", { baseUrl: "https://eu.example.com" }],
    ["PRELUDE_BASE_URL", "https://example.com/p/", { baseUrl: "https://example.com/p" }],
    ["PRELUDE_BASE_URL", "http://localhost:8080/", { baseUrl: "http://localhost:8080" }],
    ["PRELUDE_BASE_URL", "http://127.0.0.1:1", { baseUrl: "http://127.0.0.1:1" }],
    ["PRELUDE_BASE_URL", "http://127.9.8.7", { baseUrl: "http://127.9.8.7" }],
    ["PRELUDE_BASE_URL", "http://[::1]:1", { baseUrl: "http://[::1]:1" }],
    ["PRELUDE_BASE_URL", "https://example.com/v2x", { baseUrl: "https://example.com/v2x" }],
    ["PRELUDE_BASE_URL", "https://v2", { baseUrl: "https://v2" }],
    ["PRELUDE_TIMEOUT_MS", "1000", { timeoutMs: 1_000 }],
    ["PRELUDE_TIMEOUT_MS", "600000", { timeoutMs: 600_000 }],
    ["PRELUDE_LOG_LEVEL", "silent", { logLevel: "silent" }],
    ["PRELUDE_LOG_LEVEL", "debug", { logLevel: "debug" }],
    ["PRELUDE_LOG_LEVEL", "INFO", { logLevel: "info" }],
    ["PRELUDE_LOG_LEVEL", "Error", { logLevel: "error" }],
  ])("%s=%j", (name, value, part) => {
    expect(read({ [name]: value })).toEqual({ config: { ...defaults, ...part }, warnings: [] });
  });
});

describe.each(settings)("$name", ({ name }) => {
  it.each(blanks)("is not set by %j", (value) => {
    expect(read({ [name]: value })).toEqual({ config: defaults, warnings: [] });
  });
});

describe.each(settings.filter(({ guard, secret }) => !guard && !secret))(
  "$name, which is no guard",
  ({ name }) => {
    it.each(["VAR", "env:VAR", "VAR:-", ""].map(dollar))("is not set by %j", (value) => {
      expect(read({ [name]: value })).toEqual({ config: defaults, warnings: [] });
    });
  },
);

describe("an invalid setting stops the start, and the problem names it", () => {
  const wholeNumber = (range: string) => `must be a whole number from ${range}`;
  const writes = wholeNumber("0 to 1000000, such as 120");
  const timeout = wholeNumber("1 to 600000, such as 30000 (milliseconds)");

  it.each<[name: SettingName, value: string, problem: string]>([
    ["PRELUDE_API_KEY_FILE", "/nowhere", "must be a path to a readable file (ENOENT)"],
    ["PRELUDE_APP_ID", "..", "must be an app id"],
    ["PRELUDE_APP_ID", "a/b", "must be an app id"],
    ["PRELUDE_APP_ID", "-a", "must be an app id"],
    ["PRELUDE_APP_ID", "a b", "must be an app id"],
    ["PRELUDE_APP_ID", `${longest}c`, "is too long"],
    ["PRELUDE_APP_ID", "sk_live_4f9c1d7e2b", "looks like an API key"],
    ["PRELUDE_APP_ID", "Token-4f9c", "looks like an API key"],
    ["PRELUDE_APP_ID", "Zx8kQ2mW7pL4vN9tR6bY", "looks like an API key"],
    ["PRELUDE_APP_ID", "0123456789abcdef0123", "looks like an API key"],
    ["PRELUDE_APP_ID", "a-4f9c1d7e2b4f9c1d7e2b", "looks like an API key"],
    ["PRELUDE_READ", "true", "must be one of off, keys, values"],
    ["PRELUDE_READ", "key", "must be one of off, keys, values"],
    ["PRELUDE_USER_ID", "usr_", "must be a user id"],
    ["PRELUDE_USER_ID", "jane@example.com", "must be a user id"],
    ["PRELUDE_USER_ID", "usr_a/../b", "must be a user id"],
    ["PRELUDE_USER_ID", "USR_1", "must be a user id"],
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
    ["PRELUDE_BASE_URL", "https://api.prelude.dev/sk_attack_0123456789abcdef", "looks like an API"],
    ["PRELUDE_BASE_URL", "https://a.example/x/4f9c1d7e2b4f9c1d7e2b/", "looks like an API key"],
    ["PRELUDE_BASE_URL", "https://sk_live_4f9c.example", "looks like an API key"],
    ["PRELUDE_LOG_LEVEL", "trace", "must be one of silent, error, info, debug"],
    ["PRELUDE_LOG_LEVEL", "undefined", "must be one of silent, error, info, debug"],
    [
      "PRELUDE_BASE_URL",
      "https://api.prelude.dev/v2",
      "leave it out, as in https://api.prelude.dev",
    ],
    ["PRELUDE_BASE_URL", "https://example.com/V2/", "leave it out, as in https://api.prelude.dev"],
    ["PRELUDE_BASE_URL", "https://a.example/v2/session/apps", "must not end in /v2"],
    ["PRELUDE_AUDIT_LOG", "~", "must be a path, best a full one, such as /var/log/"],
    ["PRELUDE_AUDIT_LOG", "~/audit.jsonl", "nothing replaces ~, $NAME or %NAME%"],
    ["PRELUDE_AUDIT_LOG", "~jane/audit.jsonl", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", "$HOME/audit.jsonl", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", `${dollar("HOME")}/audit.jsonl`, "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", `/home/${dollar("USER")}/audit.jsonl`, "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", "/home/$USER/audit.jsonl", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", "%USERPROFILE%\\audit.jsonl", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", "C:\\Users\\%USERNAME%\\a", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", "%ProgramFiles(x86)%\\a", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", "{{home}}/audit.jsonl", "nothing replaces ~"],
    ["PRELUDE_AUDIT_LOG", '"/var/log/a.jsonl"', "without quotes"],
    ["PRELUDE_AUDIT_LOG", "/var/log/a\nb", "without quotes or line breaks"],
    ["PRELUDE_AUDIT_LOG", "/var/log/a\u0000b", "without quotes or line breaks"],
    ["PRELUDE_AUDIT_LOG", "sk_live_4f9c1d7e2b", "looks like an API key"],
    ["PRELUDE_AUDIT_LOG", "/var/log/sk_live_4f9c1d7e2b", "looks like an API key"],
    ["PRELUDE_AUDIT_LOG", "C:\\logs\\sk_live_4f9c1d7e2b\\a.jsonl", "looks like an API key"],
    ["PRELUDE_API_KEY_FILE", "~/key", "nothing replaces ~"],
  ])("%s=%j", (name, value, problem) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} `));
    expect(problems[0]).toContain(problem);
  });

  it.each([
    ["MAX_READS_PER_MINUTE", "ten", "such as 60"],
    ["LOG_LEVEL", "4", "silent, error, info, debug"],
    ["CONFIRM", "oui", "true or false"],
    ["USER_ID", "7", "usr_01jqebhswje1ka1z7ahr9rfsgt"],
  ])("PRELUDE_%s=%s says what is accepted, by example", (name, value, example) => {
    expect(problemsOf({ [`PRELUDE_${name}`]: value })[0]).toContain(example);
  });

  it("a relative path where the current folder is gone", () => {
    const gone = () => {
      throw Object.assign(new Error("uv_cwd"), { code: "ENOENT" });
    };
    const { problems } = read({ PRELUDE_AUDIT_LOG: "audit.jsonl" }, undefined, gone);
    expect(problems).toEqual([expect.stringContaining("must be a full path, such as /var/log/")]);
    const full = read({ PRELUDE_AUDIT_LOG: "/var/log/a" }, undefined, gone);
    expect(full.config?.auditLog).toBe("/var/log/a");
  });
});

describe("a path of Windows", () => {
  it.each(["C:\\Users\\RUNNER~1\\x.jsonl", "D:/logs/audit.jsonl", "\\\\server\\C$\\x.jsonl"])(
    "%s is taken as it is",
    (path) => {
      // On another system it is a relative path.
      expect(read({ PRELUDE_AUDIT_LOG: path }).config?.auditLog).toMatch(/(?:x|audit)\.jsonl$/);
    },
  );
});

describe("a timeout that looks like seconds", () => {
  it.each(["30", "5", "600", "999"])("%s starts, with a warning", (value) => {
    const { config, warnings } = read({ PRELUDE_TIMEOUT_MS: value });
    expect(config?.timeoutMs).toBe(Number(value));
    expect(warnings).toEqual([
      "PRELUDE_TIMEOUT_MS is in milliseconds, and this is less than a second; 30 seconds are 30000",
    ]);
  });
});

describe("the key in the wrong variable", () => {
  const key = "sk_live_4f9c1d7e2b";
  const unprefixed = "4f9c1d7e2b4f9c1d7e2b";
  const others = settings.map(({ name }) => name).filter((name) => name !== "PRELUDE_API_KEY");

  it.each(others)("%s stops the start and is not repeated", (name) => {
    const problems = problemsOf({ [name]: key });
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
    expect(problems.join()).not.toContain(key);
  });

  it.each(others)("%s and in the right one as well", (name) => {
    for (const value of [unprefixed, `x-${unprefixed}`, ` ${unprefixed} `]) {
      const env = { PRELUDE_API_KEY: unprefixed, [name]: value };
      const { problems = [] } = read(env, () => "");
      expect(problems).toEqual([expect.stringMatching(/^PRELUDE_/)]);
      expect(problems.join()).not.toContain(unprefixed);
    }
  });

  it("inside an address or a path stops the start too", () => {
    const words = "correct-horse-battery";
    const env = {
      PRELUDE_API_KEY: words,
      PRELUDE_BASE_URL: `https://proxy.example/${words}`,
      PRELUDE_AUDIT_LOG: `/var/log/${words}.jsonl`,
    };
    expect(problemsOf(env)).toEqual([
      "PRELUDE_AUDIT_LOG holds the API key, which belongs into PRELUDE_API_KEY only",
      "PRELUDE_BASE_URL holds the API key, which belongs into PRELUDE_API_KEY only",
    ]);
  });

  it.each<[key: string, name: SettingName, value: string]>([
    ["hunter2", "PRELUDE_APP_ID", "hunter2"],
    ["hunter2", "PRELUDE_BLOCKED_KEYS", " hunter2 "],
    ["usr_1", "PRELUDE_USER_ID", "usr_1"],
    ["fifteen-letters", "PRELUDE_AUDIT_LOG", "fifteen-letters"],
  ])("%s as the whole of %s stops the start, and is not repeated", (short, name, value) => {
    const problems = problemsOf({ PRELUDE_API_KEY: short, [name]: value });
    expect(problems).toEqual([
      `${name} holds the API key, which belongs into PRELUDE_API_KEY only`,
    ]);
    expect(problemsOf({ PRELUDE_API_KEY: `${short}x`, [name]: value })).toEqual([]);
  });

  it("does not mean a short key, which stands elsewhere by chance", () => {
    const env = { PRELUDE_API_KEY: "test", PRELUDE_APP_ID: "test", PRELUDE_AUDIT_LOG: "/tmp/test" };
    expect(read(env).config).toMatchObject({ apiKey: "test", appId: "test" });
  });
});

describe("the built server", () => {
  it("lists every problem at once on stderr, nothing on stdout, and ends with 2", async () => {
    const server = startServer({
      env: {
        PRELUDE_API_KEY: "sk\n1",
        PRELUDE_READ: "yes",
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
      "PRELUDE_READ",
      "PRELUDE_CONFIRM",
      "PRELUDE_BASE_URL",
      "PRELUDE_TIMEOUT_MS",
      undefined,
    ]);
    expect(lines.at(-1)).toBe(
      "prelude-profile-mcp: not started; --help lists all flags and settings",
    );
  });

  it.each(settings.map(({ name }) => name).filter((name) => name !== "PRELUDE_API_KEY"))(
    "does not start with the key in %s, and repeats nothing of it",
    async (name) => {
      const key = "sk_live_4f9c1d7e2b";
      const server = startServer({ env: { [name]: key } });
      server.stdin.end();
      await server.closed;
      expect(await server.exited).toEqual({ code: 2, signal: null });
      expect(server.stderr()).toContain(`prelude-profile-mcp: ${name} `);
      expect(server.stderr()).not.toContain("4f9c");
    },
  );

  it("resolves a relative audit path once, and shows it absolute in --check and the log", async () => {
    const folder = realpathSync(temporaryFolder());
    const probe = join(folder, "probe.cjs");
    writeFileSync(probe, `process.chdir(${JSON.stringify(folder)});`);
    const command = [process.execPath, "--require", probe, builtServer];
    const env = { PRELUDE_AUDIT_LOG: "audit.jsonl", PRELUDE_LOG_LEVEL: "info" };
    const file = join(folder, "audit.jsonl");
    const server = startServer({ command, env });
    await server.initialize();
    await server.close();
    expect(server.stderr()).toContain(`audit file: ${file}\n`);
    expect(existsSync(file)).toBe(true);

    const check = startServer({ command, env, args: ["--check", "--sandbox"] });
    let said = "";
    check.stdout.on("data", (text) => {
      said += text;
    });
    await check.closed;
    expect(said).toMatch(/^ {2}audit +\S+audit\.jsonl$/m);
    expect(said).toContain(file);
  });

  it("says a warning on stderr, and starts", async () => {
    const server = startServer({ env: { PRELUDE_TIMEOUT_MS: "30" } });
    await server.initialize();
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toMatch(
      /^prelude-profile-mcp: PRELUDE_TIMEOUT_MS is in milliseconds[^\n]*\n$/,
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
