import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { readKeyFile, readSmallFile, rereadKeyFile } from "../../src/config/key.ts";
import { builtServer, startServer } from "../support/server-process.ts";
import { blanks, defaults, dollar, placeholders, read, wordsForNothing } from "./support.ts";

type Source = [from: string, name: string, read: (text: string) => ReturnType<typeof read>];
const sources: Source[] = [
  ["the environment", "PRELUDE_API_KEY", (text) => read({ PRELUDE_API_KEY: text })],
  [
    "a file",
    "PRELUDE_API_KEY_FILE",
    (text) => read({ PRELUDE_API_KEY_FILE: "/run/key" }, () => text),
  ],
];

const standIns = [
  ...placeholders,
  ...wordsForNothing,
  "[not set]",
  "[REDACTED]",
  "***",
  "********",
  "\u2022\u2022\u2022\u2022\u2022\u2022",
  "sk_****4f9c",
  "op://vault/prelude/key",
  "vault://secret/prelude#key",
  "https://vault.example/secrets/prelude",
  "arn:aws:secretsmanager:eu-west-1:1:secret:prelude",
  "@Microsoft.KeyVault(SecretUri=https://v/secrets/k)",
  "<your key>",
  "<YOUR_API_KEY>",
  "xxx",
  "XXXXXXXXXXXX",
  "sk_live_xxxxxxxx",
  "sk_live_...",
  "sk_\u2026",
  "changeme",
  "CHANGE_ME",
  "change-me",
  "replace-me",
  "your-api-key",
  "your_prelude_api_key_here",
  "YOUR API KEY",
  "YourApiKey",
  "PASTE_YOUR_PRELUDE_API_KEY",
  "paste your key here",
  "insert-key",
  "__PRELUDE_API_KEY__",
  "PRELUDE_API_KEY",
  "not set",
  "TODO",
  "n/a",
  "Bearer $\u007bPRELUDE_API_KEY}",
  `"${dollar("KEY")}"`,
  "'<your key>'",
];

describe.each(sources)("a key from %s", (_, name, readFrom) => {
  it.each([
    ["sk_1", "sk_1"],
    ["  sk_1 \n", "sk_1"],
    ["sk_1\r\n", "sk_1"],
    ["\ufeffsk_1", "sk_1"],
    ["Bearer sk_1", "sk_1"],
    ["BEARER\tsk_1", "sk_1"],
    ["Bearersk_1", "Bearersk_1"],
    ["my Bearer sk", "my Bearer sk"],
    ["test", "test"],
    ["{", "{"],
    ["cl\u00e9\u00ff", "cl\u00e9\u00ff"],
    ["a\"b\\c'd", "a\"b\\c'd"],
    ['"sk_1"', "sk_1"],
    ["'sk_1'", "sk_1"],
    ["`sk_1`", "sk_1"],
    ["\u201csk_1\u201d", "sk_1"],
    ["\u201dsk_1\u201d", "sk_1"],
    ["\u201esk_1\u201c", "sk_1"],
    ["\u2018sk_1\u2019", "sk_1"],
    ["\u00absk_1\u00bb", "sk_1"],
    ["\"'sk_1'\"", "sk_1"],
    ['" sk_1 "', "sk_1"],
    ['"Bearer sk_1"', "sk_1"],
    ['Bearer "sk_1"', "sk_1"],
    ["c2tfbGl2ZQ==", "c2tfbGl2ZQ=="],
    ["c2tfbGl2ZQ=", "c2tfbGl2ZQ="],
    ["sk+live/4f:9c", "sk+live/4f:9c"],
    ["yours-truly-4f9c", "yours-truly-4f9c"],
    ["changeling4f9c", "changeling4f9c"],
    ["nonesuch", "nonesuch"],
    ["12345678", "12345678"],
  ])("%j is %j", (text, apiKey) => {
    const { config, warnings } = readFrom(text);
    expect({ apiKey: config?.apiKey, warnings }).toEqual({ apiKey, warnings: [] });
  });

  it.each(standIns)("%j only stands in for it: the server starts without, and says so", (text) => {
    const { config, warnings } = readFrom(text);
    expect(config).toBeDefined();
    expect(config?.apiKey).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining(`${name} holds something that stands in`)]);
  });

  it.each([
    ["a quote at its start only", '"sk_live_4f9c', "a quotation mark at one end only"],
    ["a quote at its end only", "sk_live_4f9c'", "a quotation mark at one end only"],
    ["quotes that do not match", "\"sk_live_4f9c'", "a quotation mark at one end only"],
    ["a typographic quote", "\u201csk_live_4f9c", "a quotation mark at one end only"],
    ["a straight and a typographic quote", '"sk_live_4f9c\u201d', "a quotation mark at one end"],
    ["a lone quote", '"', "a quotation mark at one end only"],
    ["NAME=value", "PRELUDE_API_KEY=sk_live_4f9c", "NAME=value"],
    ["another name", "key = sk_live_4f9c", "NAME=value"],
    ["export", "export PRELUDE_API_KEY=sk_live_4f9c", "NAME=value"],
    ["set", "set PRELUDE_API_KEY=sk_live_4f9c", "NAME=value"],
    ["PowerShell", "$env:PRELUDE_API_KEY = 'sk_live_4f9c'", "NAME=value"],
    ["NAME=value in quotes", '"PRELUDE_API_KEY=sk_live_4f9c"', "NAME=value"],
    ["NAME=quoted value", "PRELUDE_API_KEY='sk_live_4f9c'", "NAME=value"],
    ["Bearer NAME=value", "Bearer KEY=sk_live_4f9c", "NAME=value"],
    ["a header", "Authorization: Bearer sk_live_4f9c", "a header"],
    ["a header without a space", "authorization:Bearer sk_live_4f9c", "a header"],
    ["a header without a colon", "Authorization Bearer sk_live_4f9c", "a header"],
    ["another header", "x-api-key: sk_live_4f9c", "a header"],
    ["YAML", "prelude_api_key: sk_live_4f9c", "a header"],
    ["JSON", '{"apiKey":"sk_live_4f9c"}', "JSON"],
    ["JSON on several lines", '{\n  "key": "sk_live_4f9c"\n}', "JSON"],
    ["JSON cut off", '{"apiKey":"sk_live_4f9c', "JSON"],
    ["a JSON array", '["sk_live_4f9c"]', "JSON"],
    ["dotenv with a comment", "# Prelude\nPRELUDE_API_KEY=sk_live_4f9c\n", "NAME=value"],
    ["dotenv with more", "A=1\nexport PRELUDE_API_KEY=sk_live_4f9c\n", "NAME=value"],
    ["two keys", "sk_live_4f9c\nsk_live_4f9d", "a line break"],
    ["the word Bearer alone", "Bearer\n", "no key"],
    ["a zero-width space", "sk_live\u200b4f9c", "outside Latin-1"],
  ])("with %s is named at the start, and nothing of it is repeated", (_, text, what) => {
    const { problems = [] } = readFrom(text);
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} holds `))]);
    expect(problems[0]).toContain(what);
    expect(problems[0]).not.toMatch(/sk_live|4f9c/);
  });

  it.each([
    ..."\u0000\u0007\t\n\v\f\r\u001b\u007f", // controls
    ..."\u0080\u0085\u009f", // controls of Latin-1
    ..."\u0100\u0119\u200b\u2028\u201c\ufeff\ud83d\udd11", // beyond Latin-1
    "\ud800",
  ])("with %j inside is named at the start, and nothing of it is repeated", (character) => {
    const { problems = [] } = readFrom(`sk_live${character}4f9c`);
    expect(problems).toEqual([
      expect.stringContaining(`${name} holds a character that cannot be part of a key`),
    ]);
    expect(problems[0]).not.toMatch(/sk_live|4f9c/);
  });
});

it.each([...blanks, '""', "''"])("PRELUDE_API_KEY=%j is no key, without a word", (value) => {
  expect(read({ PRELUDE_API_KEY: value })).toEqual({ config: defaults, warnings: [] });
});

describe("PRELUDE_API_KEY_FILE", () => {
  it("is read at its absolute path, and kept in the configuration", () => {
    const asked: string[] = [];
    const readFile = (path: string) => {
      asked.push(path);
      return "sk_1";
    };
    expect(read({ PRELUDE_API_KEY_FILE: " /run/key " }, readFile).config).toEqual({
      ...defaults,
      apiKey: "sk_1",
      apiKeyFile: "/run/key",
    });
    expect(read({ PRELUDE_API_KEY_FILE: "key" }, readFile).config?.apiKeyFile).toBe("/here/key");
    expect(asked).toEqual(["/run/key", "/here/key"]);
  });

  it("beside a key in the environment stops the start", () => {
    const env = { PRELUDE_API_KEY: "sk_1", PRELUDE_API_KEY_FILE: "/key" };
    expect(read(env, () => "sk_2").problems).toEqual([
      "PRELUDE_API_KEY and PRELUDE_API_KEY_FILE are both set; keep one of them",
    ]);
  });

  it.each(["", dollar("KEY"), "[not set]"])("beside PRELUDE_API_KEY=%j is read", (inline) => {
    const env = { PRELUDE_API_KEY: inline, PRELUDE_API_KEY_FILE: "/run/key" };
    expect(read(env, () => "sk_1").config?.apiKey).toBe("sk_1");
  });

  it.each([
    ["nothing", ""],
    ["white space", " \n\t"],
    ["a byte order mark alone", "\ufeff\n"],
  ])("that holds %s stops the start", (_, text) => {
    const { problems } = read({ PRELUDE_API_KEY_FILE: "/run/key" }, () => text);
    expect(problems).toEqual(["PRELUDE_API_KEY_FILE holds no key"]);
  });

  it("that holds far more than a key stops the start", () => {
    const { problems } = read({ PRELUDE_API_KEY_FILE: "/run/key" }, () => "k".repeat(16_385));
    expect(problems).toEqual([
      "PRELUDE_API_KEY_FILE holds far more than a key; it must hold the key alone",
    ]);
    const { config } = read({ PRELUDE_API_KEY_FILE: "/run/key" }, () => "k".repeat(16_384));
    expect(config?.apiKey).toHaveLength(16_384);
  });
});

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), "key-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

describe("a key file on the disk", () => {
  it("is read no further than a key can go", () => {
    const file = join(folder(), "key");
    writeFileSync(file, "k".repeat(1_000_000));
    expect(readSmallFile(file)).toBe("k".repeat(16_385));
    expect(readKeyFile(file, readSmallFile).problem).toContain("far more than a key");
  });

  it("is read again as it is now", () => {
    const file = join(folder(), "key");
    writeFileSync(file, "sk_old\n");
    expect(rereadKeyFile(file)).toBe("sk_old");
    writeFileSync(file, "\ufeff'sk_new'\r\n");
    expect(rereadKeyFile(file)).toBe("sk_new");
  });

  it.each<[what: string, make: (file: string) => void]>([
    ["that is gone", () => {}],
    ["that is empty", (file) => writeFileSync(file, "")],
    ["that holds a stand-in", (file) => writeFileSync(file, "<your key>")],
    ["that holds JSON", (file) => writeFileSync(file, '{"key":"sk_1"}')],
    ["that is a folder", (file) => mkdirSync(file)],
  ])("%s gives no new key, and throws nothing", (_, make) => {
    const file = join(folder(), "key");
    make(file);
    expect(rereadKeyFile(file)).toBeUndefined();
  });

  it.skipIf(process.platform === "win32")("that is a pipe (POSIX) is not waited for", () => {
    const file = join(folder(), "key");
    execFileSync("mkfifo", [file]);
    expect(rereadKeyFile(file)).toBeUndefined();
  });
});

describe.skipIf(process.platform === "win32")("a key in a pipe (POSIX)", () => {
  const pipe = (): string => {
    const file = join(folder(), "pipe");
    execFileSync("mkfifo", [file]);
    return file;
  };
  const writing = (script: string, file: string) => {
    const writer = spawn("sh", ["-c", script], { env: { ...process.env, PIPE: file } });
    onTestFinished(() => void writer.kill());
  };

  it("that nobody writes to is given up", () => {
    const file = pipe();
    const short = (path: string) => readSmallFile(path, { writer: 50, text: 60_000 });
    expect(readKeyFile(file, short)).toEqual({
      problem: "must be a path to a readable file (a pipe that stays empty)",
    });
  });

  it("that somebody holds open, without a word, is given up", () => {
    const file = pipe();
    writing('exec sleep 60 > "$PIPE"', file);
    const short = (path: string) => readSmallFile(path, { writer: 10_000, text: 50 });
    expect(readKeyFile(file, short).problem).toContain("a pipe that stays empty");
  });

  it.each<[what: string, script: string]>([
    ["at once", 'printf sk_1 > "$PIPE"'],
    ["in parts", '{ printf sk; sleep 0.1; printf _1; } > "$PIPE"'],
    ["late", '{ sleep 0.2; printf sk_1; } > "$PIPE"'],
  ])("that somebody writes to is read: %s", (_, script) => {
    const file = pipe();
    writing(script, file);
    expect(readKeyFile(file, readSmallFile)).toEqual({ key: "sk_1" });
  });

  it("that a shell makes of a command is read by the built server", async () => {
    const script = 'PRELUDE_API_KEY_FILE=<(sleep 0.2; echo sk_1) exec "$0" "$1" --check --json';
    const command = ["bash", "-c", script, process.execPath, builtServer];
    const server = startServer({
      env: { PRELUDE_API_KEY: "", PRELUDE_BASE_URL: "http://127.0.0.1:1" },
      command,
    });
    let said = "";
    server.stdout.on("data", (text) => {
      said += text;
    });
    await server.closed;
    expect(JSON.parse(said)).toMatchObject({ settings: { api_key: true } });
  });
});

describe("the built server", () => {
  const call = { app_id: "54e9ujn", user_id: "usr_1", profile: { a: "b" } };

  it.each(["[not set]", "op://vault/prelude/key", "%PRELUDE_API_KEY%", "<your key>", "undefined"])(
    "starts with PRELUDE_API_KEY=%j, sends nothing and answers not_configured",
    async (value) => {
      const server = startServer({ env: { PRELUDE_API_KEY: value } });
      await server.initialize();
      const { structured } = await server.callTool(call);
      expect(structured).toMatchObject({
        status: "not_updated",
        error: { code: "not_configured" },
      });
      await server.close();
      expect(server.stderr()).toContain("PRELUDE_API_KEY holds something that stands in for a key");
    },
  );

  it.each<[name: string, text: string]>([
    ["PRELUDE_API_KEY", "PRELUDE_API_KEY=sk_live_4f9c"],
    ["PRELUDE_API_KEY", '"sk_live_4f9c'],
    ["PRELUDE_API_KEY", "Authorization: Bearer sk_live_4f9c"],
    ["PRELUDE_API_KEY", '{"key":"sk_live_4f9c"}'],
    ["PRELUDE_API_KEY_FILE", "export PRELUDE_API_KEY=sk_live_4f9c\n"],
    ["PRELUDE_API_KEY_FILE", '{"key":"sk_live_4f9c"}\n'],
  ])("does not start with %s that is or holds %j", async (name, text) => {
    const file = join(folder(), "key");
    writeFileSync(file, text);
    const server = startServer({ env: { [name]: name === "PRELUDE_API_KEY" ? text : file } });
    server.stdin.end();
    await server.closed;
    expect(await server.exited).toEqual({ code: 2, signal: null });
    expect(server.stderr()).toContain(`prelude-profile-mcp: ${name} holds `);
    expect(server.stderr()).not.toContain("4f9c");
  });
});
