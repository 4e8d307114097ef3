import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { builtServer } from "../support/server-process.ts";
import { apiError, startUpstream } from "../support/upstream.ts";
import { run, runJson } from "./command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "contract-"));
const upstream = await startUpstream(apiError(404, "app_not_found", "No such app."));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await upstream.close();
});

/** A variable that a template or a host has not replaced. */
const dollar = (name: string) => `\${${name}}`;
const likeAKey = "sk_live_4f9c1d7e2b";
const tooLong = `a${"b".repeat(64)}`;

/** Values that stop the start, or that look as if they should. */
const wrong = {
  PRELUDE_API_KEY: [
    "a\nb",
    '{"key":"a"}',
    "PRELUDE_API_KEY=a",
    "Authorization: Bearer a",
    '"a',
    "Bearer",
  ],
  PRELUDE_API_KEY_FILE: ["/nowhere", "~/key", `${dollar("HOME")}/key`, likeAKey, "/", '"/key"'],
  PRELUDE_APP_ID: ["..", "a b", tooLong, likeAKey, "undefined", dollar("VAR"), "<app>"],
  PRELUDE_USER_ID: ["usr_", "jane@example.com", "USR_1", likeAKey, "null", "{{user}}"],
  PRELUDE_ALLOWED_KEYS: [
    '["*"]',
    '["all"]',
    '["role,plan"]',
    '["a b","role"]',
    "role\u318dplan",
    "\ufb01rst",
    "*",
    "role/plan",
    "first name",
    "all",
    ",",
    likeAKey,
  ],
  PRELUDE_BLOCKED_KEYS: [
    "role;plan",
    "!role",
    "undefined",
    "true",
    dollar("KEYS"),
    "[]",
    "'role'",
    '["role"',
    "role|plan",
    "ro\u200ble",
    likeAKey,
  ],
  PRELUDE_READ: ["true", "key", dollar("VAR"), "none", likeAKey],
  PRELUDE_WRITE: ["true", "dry run", "dry", dollar("VAR"), "no"],
  PRELUDE_CONFIRM: ["yes", "2", "null", "%X%", likeAKey],
  PRELUDE_MAX_WRITES_PER_MINUTE: ["-1", "1.5", "1e3", "1000001", "none", "\u0661", likeAKey],
  PRELUDE_MAX_READS_PER_MINUTE: ["ten", "$READS", "0x10", likeAKey],
  PRELUDE_AUDIT_LOG: [
    "~/audit.jsonl",
    "$HOME/audit.jsonl",
    `/home/${dollar("USER")}/audit.jsonl`,
    "C:\\Users\\%USERNAME%\\audit.jsonl",
    '"/var/log/audit.jsonl"',
    "/var/log/a\nb",
    likeAKey,
    "none",
  ],
  PRELUDE_AUDIT_META: ["a b", "*", '["threadId"]', "none", "a,b,c,d,e,f,g,h,i", ",", likeAKey],
  PRELUDE_BASE_URL: [
    "api.prelude.dev",
    "http://api.prelude.dev",
    "http://localhost.example.com",
    "ftp://localhost",
    "https://a:b@example.com",
    "https://example.com?a=b",
    "https://api.prelude.dev/v2",
    "javascript:alert(1)",
  ],
  PRELUDE_TIMEOUT_MS: ["0", "600001", "30s", "Infinity", likeAKey],
  PRELUDE_LOG_LEVEL: ["trace", "undefined", "4", likeAKey],
};

type Row = readonly [name: string, value: string, wave: number];

/** One process carries the first value of every setting, the next one the second, and so on. */
const rowsOf = (table: Record<string, readonly string[]>): Row[] =>
  Object.entries(table).flatMap(([name, values]) =>
    values.map((value, wave): Row => [name, value, wave]),
  );

const waves = <Ended>(rows: readonly Row[], start: (env: Record<string, string>) => Ended) => {
  const started = new Map<number, Ended>();
  return (wave: number): Ended => {
    const env = Object.fromEntries(rows.filter((row) => row[2] === wave));
    const ended = started.get(wave) ?? start(env);
    started.set(wave, ended);
    return ended;
  };
};

describe("a wrong value stops the start, and every problem is told at once", () => {
  const rows = rowsOf(wrong);
  const ended = waves(rows, (env) => run([], env));

  it.concurrent.for(rows)("%s=%j", async ([name, , wave], { expect }) => {
    const { exit, out, err } = await ended(wave);
    const lines = err.trimEnd().split("\n");
    expect({ exit, out }).toEqual({ exit: 2, out: "" });
    expect(lines.pop()).toBe(
      "prelude-profile-mcp: not started; --help lists all flags and settings",
    );
    const said = lines.filter((line) => line.startsWith(`prelude-profile-mcp: ${name} `));
    expect(said.join("\n") || "(starts)").toMatchSnapshot();
  });
});

/** Values that are taken -> what is in force. */
const right: [name: string, value: string, inForce: unknown][] = [
  ["app_id", " A_b-9 ", "A_b-9"],
  ["user_id", "usr_A_b-9", "usr_A_b-9"],
  [
    "allowed_keys",
    " first_name, locale,,acme.plan:x-1 ",
    ["first_name", "locale", "acme.plan:x-1"],
  ],
  ["allowed_keys", "pre\u0301nom,\u540d,a,a", ["pr\u00e9nom", "\u540d", "a"]],
  ["blocked_keys", "role", ["role"]],
  ["read", "keys", "keys"],
  ["read", " Values ", "values"],
  ["write", "Dry_Run", "dry-run"],
  ["write", " OFF ", "off"],
  ["write", "dryrun", "dry-run"],
  ["confirm", "TRUE", true],
  ["confirm", "1", true],
  ["confirm", "False", false],
  ["confirm", "0", false],
  ["max_writes_per_minute", "0", 0],
  ["max_writes_per_minute", "1000000", 1_000_000],
  ["max_reads_per_minute", "7", 7],
  ["audit_meta", "acme/ticket, traceparent,", ["acme/ticket", "traceparent"]],
  ["base_url", "https://example.com/p/", "https://example.com/p"],
  ["base_url", "http://localhost:8080/", "http://localhost:8080"],
  ["base_url", "http://[::1]:1", "http://[::1]:1"],
  ["base_url", dollar("VAR"), "https://api.prelude.dev"],
  ["timeout_ms", "600000", 600_000],
  ["timeout_ms", "1000", 1_000],
  ["log_level", "silent", "silent"],
  ["log_level", "Debug", "debug"],
];

describe("a right value is in force", () => {
  const rows = right.map(([name, value, inForce], at) => {
    const wave = right.slice(0, at).filter(([before]) => before === name).length;
    return [`PRELUDE_${name.toUpperCase()}`, value, wave, name, inForce] as const;
  });
  const ended = waves(
    rows.map(([name, value, wave]): Row => [name, value, wave]),
    (env) => runJson([], env),
  );

  it.concurrent.for(rows)("%s=%j", async ([, , wave, name, inForce], { expect }) => {
    const { err, answer } = await ended(wave);
    expect({ err, problems: answer.problems }).toEqual({ err: "", problems: [] });
    expect(answer.settings[name]).toEqual(inForce);
  });
});

describe("a setting is not set", () => {
  it.concurrent.for(["", " \t\n", ` ${dollar("user_config.x")} `])(
    "by %j, and its default holds",
    async (blank, { expect }) => {
      const env = Object.fromEntries(Object.keys(wrong).map((name) => [name, blank]));
      expect(await runJson([], { ...env, PRELUDE_ALLOWED_KEY: blank })).toMatchSnapshot();
    },
  );
});

const misspelt = [
  ...["PRELUDE_ALLOWED_KEY", "PRELUDE_ALLOW_KEYS", "PRELUDE_KEYS_ALLOWED", "PRELUDE_WHITELIST"],
  ...["PRELUDE_BLOCKLIST", "PRELUDE_DENY_KEYS", "PRELUDE_CONFIRMATION", "PRELUDE_REQUIRE_APPROVAL"],
  ...["PRELUDE_COMFIRM", "PRELUDE_MAX_WRITES", "PRELUDE_RATE_LIMIT", "PRELUDE_AUDIT_FILE"],
  ...["PRELUDE_APP", "PRELUDE_USERID", "PRELUDE_APIKEY", "PRELUDE_TIMEOUT", "PRELUDE_LOGLEVEL"],
  ...["PRELUD_CONFIRM", "PRELUDE-CONFIRM", "prelude_confirm", "PRELUDECONFIRM", "PRELUDE_SANDBOX"],
  ...["PRELUDE_DRY_RUN", "PRELUDE-ALLOWED-KEYS", "preludeAllowedKeys", "PRELUDE_DISALLOWED_KEYS"],
  ...[
    "PRELUDE_WRITE_LIMIT",
    "PRELUDE_READ_ONLY",
    "PRELUDE_WRITES",
    "PRELUDE_CONFIRM\nx",
    "MY_PRELUDE_API_KEY",
  ],
  ...["PRELUDE_ENV", "PRELUDE_VERIFY_SDK_KEY", "PRELUDE_AUDIT_SERVICE_HOST", "PRELUDES_OWN"],
];

describe("a name that is almost a setting stops the start; somebody else's does not", () => {
  const env = Object.fromEntries(misspelt.map((name) => [name, "x"]));
  let ended: ReturnType<typeof run> | undefined;

  it.concurrent.for(misspelt)("%j", async (name, { expect }) => {
    ended ??= run([], env);
    const { exit, err } = await ended;
    expect(exit).toBe(2);
    const shown = name.replace("\n", "\\u{a}");
    const lines = err.split("\n").filter((line) => line.includes(`: ${shown} is`));
    expect(lines.join("\n") || "(nobody's slip)").toMatchSnapshot();
  });
});

/** What a start says whose stdin ended before any message came. */
const noClient =
  "prelude-profile-mcp: stdin ended before any message: an MCP client must be on stdin (with Docker: `docker run -i`)\n";

describe("the key", () => {
  it.concurrent.for([
    ['"key-1"', "key-1"],
    ["\u201cBearer key-2==\u201d", "key-2=="],
    [" 'bearer key-3'\t", "key-3"],
  ] as const)("%j is sent as %j", async ([given, sent], { expect }) => {
    const env = { PRELUDE_API_KEY: given, PRELUDE_BASE_URL: upstream.url };
    const { exit, err } = await run(["--check"], env);
    expect({ exit, err }).toEqual({ exit: 0, err: "" });
    const keys = upstream.received.map(({ headers }) => headers.authorization);
    expect(keys).toContain(`Bearer ${sent}`);
  });

  it.concurrent.for([
    ...["undefined", "null", "<your key>", "{{key}}", "%KEY%", "op://vault/key", dollar("env:KEY")],
    ...["PASTE_YOUR_PRELUDE_API_KEY_HERE", "your-api-key", "$PRELUDE_API_KEY", "sk_..."],
  ])("%j only stands in for one: the server starts, with a warning", async (given, { expect }) => {
    expect(await run([], { PRELUDE_API_KEY: given })).toEqual({
      exit: 0,
      out: "",
      err: `prelude-profile-mcp: PRELUDE_API_KEY holds something that stands in for a key, so calls are answered with not_configured until the key itself is set\n${noClient}`,
    });
  });

  it.concurrent.for([
    ["the key and a line break", "key-7\n"],
    ["nothing", "\n"],
    ["a line of a file of settings", "PRELUDE_API_KEY=key-9\n"],
    ["two lines", "key-1\nkey-2\n"],
    ["JSON", '{"key":"key-1"}'],
    ["a placeholder", "<your key>"],
    ["far more than a key", "x".repeat(17_000)],
  ] as const)("in a file that holds %s", async ([what, text], { expect }) => {
    const file = join(folder, what);
    writeFileSync(file, text);
    expect(await run([], { PRELUDE_API_KEY_FILE: file })).toMatchSnapshot();
  });

  it.concurrent("in a file is sent as it is there", async ({ expect }) => {
    const file = join(folder, "sent");
    writeFileSync(file, "\ufeffkey-8\r\n");
    const env = { PRELUDE_API_KEY_FILE: file, PRELUDE_BASE_URL: upstream.url };
    expect(await run(["--check"], env)).toMatchObject({ exit: 0 });
    const keys = upstream.received.map(({ headers }) => headers.authorization);
    expect(keys).toContain("Bearer key-8");
  });

  it.concurrent("in a variable and in a file stops the start", async ({ expect }) => {
    const file = join(folder, "second");
    writeFileSync(file, "key-2");
    const both = { PRELUDE_API_KEY: "key-1", PRELUDE_API_KEY_FILE: file };
    expect(await run([], both)).toMatchSnapshot();
  });

  it.concurrent("inside other settings stops the start, and is not repeated", async ({
    expect,
  }) => {
    const key = "correct-horse-battery";
    const env = {
      PRELUDE_API_KEY: key,
      PRELUDE_APP_ID: key,
      PRELUDE_BLOCKED_KEYS: `role,${key}`,
      PRELUDE_AUDIT_LOG: `${folder}/${key}.jsonl`,
      PRELUDE_BASE_URL: `https://proxy.example/${key}`,
    };
    expect(await run([], env)).toMatchSnapshot();
  });

  it.concurrent("that is short and a word of another setting is a key", async ({ expect }) => {
    const ended = await run([], { PRELUDE_API_KEY: "test", PRELUDE_APP_ID: "test" });
    expect(ended).toEqual({ exit: 0, out: "", err: noClient });
  });
});

describe("settings together", () => {
  it.concurrent.for([
    ["a key on both lists", { PRELUDE_ALLOWED_KEYS: "a,role", PRELUDE_BLOCKED_KEYS: "role" }],
    ["its look-alike", { PRELUDE_ALLOWED_KEYS: "R\u00f4le", PRELUDE_BLOCKED_KEYS: "role" }],
    ["no tool at all", { PRELUDE_WRITE: "off" }],
    ["an audit file in no folder", { PRELUDE_AUDIT_LOG: join(folder, "none", "a") }],
    ["an audit file that is a folder", { PRELUDE_AUDIT_LOG: folder }],
    ["nothing set, and no client", {}],
  ] as [string, Record<string, string>][])("%s", async ([, env], { expect }) => {
    expect(await run([], env)).toMatchSnapshot();
  });

  it.concurrent("the audit file is the key's file", async ({ expect }) => {
    const file = join(folder, "one file");
    writeFileSync(file, "key-1");
    const env = { PRELUDE_API_KEY_FILE: file, PRELUDE_AUDIT_LOG: file };
    expect(await run([], env)).toMatchSnapshot();
  });

  it("a relative audit path is made absolute once, and shown so", async () => {
    const there = join(folder, "there");
    mkdirSync(there);
    const preload = join(folder, "chdir.cjs");
    writeFileSync(preload, `process.chdir(${JSON.stringify(there)});`);
    const env = { PRELUDE_AUDIT_LOG: "audit.jsonl", PRELUDE_LOG_LEVEL: "info" };
    const command = [process.execPath, "--require", preload, builtServer];
    const { err } = await run([], env, { command, names: { [folder]: "<folder>" } });
    expect(err).toMatchSnapshot();
  });
});
