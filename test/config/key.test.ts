import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rereadKeyFile } from "../../src/config/key.ts";
import { temporaryFolder } from "../support/guarded.ts";
import { runCli } from "../support/run-cli.ts";
import { builtServer } from "../support/server-process.ts";
import { defaults, dollar, read, standIns } from "./support.ts";

type Source = [from: string, name: string, read: (text: string) => ReturnType<typeof read>];
const sources: Source[] = [
  ["the environment", "PRELUDE_API_KEY", (text) => read({ PRELUDE_API_KEY: text })],
  [
    "a file",
    "PRELUDE_API_KEY_FILE",
    (text) => read({ PRELUDE_API_KEY_FILE: "/run/key" }, () => text),
  ],
];

describe.each(sources)("a key from %s", (_, name, readFrom) => {
  it.each([
    ["  sk_1 \r\n", "sk_1"],
    ["\ufeffsk_1", "sk_1"],
    ["BEARER\tsk_1", "sk_1"],
    ["Bearersk_1", "Bearersk_1"],
    ['"sk_1"', "sk_1"],
    ["'sk_1'", "sk_1"],
    ["`sk_1`", "sk_1"],
    ["\u201csk_1\u201d", "sk_1"],
    ['" sk_1 "', "sk_1"],
    ['"Bearer sk_1"', "sk_1"],
    ['Bearer "sk_1"', "sk_1"],
    ["a\"b\\c'd", "a\"b\\c'd"],
    ["c2tfbGl2ZQ==", "c2tfbGl2ZQ=="],
    ["sk+live/4f:9c", "sk+live/4f:9c"],
    ["yours-truly-4f9c", "yours-truly-4f9c"],
    ["cl\u00e9\u00ff", "cl\u00e9\u00ff"],
    ["test", "test"],
  ])("%j is %j", (text, apiKey) => {
    const { config, warnings } = readFrom(text);
    expect({ apiKey: config?.apiKey, warnings }).toEqual({ apiKey, warnings: [] });
  });

  it.each([
    ...standIns,
    ...["[not set]", "***", "\u2022\u2022\u2022\u2022", "sk_****4f9c", "op://vault/prelude/key"],
    ...["xxx", "sk_live_xxxxxxxx", "sk_live_...", "sk_\u2026", "changeme", "replace-me"],
    ...["your-api-key", "YOUR API KEY", "PASTE_YOUR_PRELUDE_API_KEY_HERE", "insert-key"],
    ...[`Bearer ${dollar("KEY")}`, `"${dollar("KEY")}"`, "'<your key>'"],
  ])("%j only stands in for it: the server starts without, and says so", (text) => {
    const { config, warnings } = readFrom(text);
    expect(config?.apiKey ?? null).toBeNull();
    expect(warnings).toEqual([expect.stringContaining(`${name} holds something that stands in`)]);
  });

  it.each([
    ["a quotation mark at one end only", '"sk_live_4f9c', "sk_live_4f9c'", "\"sk_live_4f9c'", '"'],
    ["NAME=value", "PRELUDE_API_KEY=sk_live_4f9c", "export KEY='sk_live_4f9c'", "k = sk_live_4f9c"],
    ["NAME=value", "$env:KEY = 'sk_live_4f9c'", '"KEY=sk_live_4f9c"', "# x\nA=1\nKEY=sk_live_4f9c"],
    [
      "a header",
      "Authorization: Bearer sk_live_4f9c",
      "x-api-key: sk_live_4f9c",
      "k: sk_live_4f9c",
    ],
    ["JSON", '{"apiKey":"sk_live_4f9c"}', '{\n "key": "sk_live_4f9c', '["sk_live_4f9c"]'],
    ["no key", "Bearer", "Bearer \n"],
    ["a line break", "sk_live\n4f9c", "sk_live\u00004f9c", "sk_live\u00854f9c"],
    ["outside Latin-1", "sk_live\u200b4f9c", "sk_live\u01194f9c", "\u201csk_live_4f9c"],
  ])("with %s is named at the start, and nothing of it is repeated", (what, ...texts) => {
    for (const text of texts) {
      const { problems = [] } = readFrom(text);
      expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} holds .*${what}`))]);
      expect(problems[0]).not.toMatch(/sk_live|4f9c/);
    }
  });
});

it.each(['""', "''"])("PRELUDE_API_KEY=%s is no key, without a word", (value) => {
  expect(read({ PRELUDE_API_KEY: value })).toEqual({ config: defaults, warnings: [] });
});

describe("PRELUDE_API_KEY_FILE", () => {
  const holding = (text: string, inline = "") =>
    read({ PRELUDE_API_KEY: inline, PRELUDE_API_KEY_FILE: " /run/key " }, () => text);

  it("beside a key in the environment stops the start; beside a stand-in it is read", () => {
    expect(holding("sk_2", "sk_1").problems).toEqual([
      "PRELUDE_API_KEY and PRELUDE_API_KEY_FILE are both set; keep one of them",
    ]);
    expect(holding("sk_2", "[not set]").config?.apiKey).toBe("sk_2");
  });

  it.each([
    ["holds no key", ""],
    ["holds no key", "\ufeff \n"],
    ["holds far more than a key; it must hold the key alone", "k".repeat(16_385)],
  ])("%s: the start stops", (problem, text) => {
    expect(holding(text).problems).toEqual([`PRELUDE_API_KEY_FILE ${problem}`]);
  });

  it("is read again as it is now; what holds no key then gives none, and throws nothing", () => {
    const folder = temporaryFolder();
    const file = join(folder, "key");
    expect(rereadKeyFile(file)).toBeUndefined();
    for (const [text, key] of [
      ["sk_old\n", "sk_old"],
      ["\ufeff'sk_new'\r\n", "sk_new"],
      ["", undefined],
      ["<your key>", undefined],
      ['{"key":"sk_1"}', undefined],
    ] as const) {
      writeFileSync(file, text);
      expect(rereadKeyFile(file)).toBe(key);
    }
    mkdirSync(join(folder, "folder"));
    expect(rereadKeyFile(join(folder, "folder"))).toBeUndefined();
  });

  it("that is a pipe is not read again: that would hold the server", () => {
    const pipe = join(temporaryFolder(), "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(rereadKeyFile(pipe)).toBeUndefined();
  });

  it("may be a pipe that a shell makes of a command", async () => {
    const script = 'PRELUDE_API_KEY_FILE=<(sleep 0.2; echo sk_1) exec "$0" "$@"';
    const command = ["bash", "-c", script, process.execPath, builtServer];
    const env = { PRELUDE_BASE_URL: "http://127.0.0.1:1", PRELUDE_TIMEOUT_MS: "300" };
    const { out } = await runCli(["--check", "--json"], env, command);
    expect(JSON.parse(out)).toMatchObject({ settings: { api_key: true } });
  });
});
