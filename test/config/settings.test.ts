import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { helpText } from "../../src/cli/help.ts";
import {
  type Config,
  configKeys,
  describeSettings,
  rows,
  settings,
} from "../../src/config/settings.ts";
import { defaults, read } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "settings-"));
afterAll(() => rmSync(folder, { recursive: true }));
const keyFile = join(folder, "key");
writeFileSync(keyFile, "sk_1");

const help = helpText().split("\n");

/** A value for each setting that differs from what holds without it, and how --check shows it. */
const examples: Record<keyof Config, [text: string, shown: string]> = {
  apiKey: ["sk_live_4f9c1d7e2b", "set (hidden)"],
  apiKeyFile: [keyFile, keyFile],
  appId: ["54e9ujn", "fixed to 54e9ujn"],
  userId: ["usr_1", "fixed to usr_1"],
  allowedKeys: ["a,b", 'only "a", "b"'],
  blockedKeys: ["c", '"c"'],
  read: ["keys", "the agent may see which keys a profile has"],
  write: ["DryRun", "dry run: each write is rehearsed, none is sent"],
  confirm: ["true", "the person is asked before each write"],
  maxWritesPerMinute: ["7", "7 calls per minute may write, each with up to 64 PATCHes"],
  maxReadsPerMinute: ["0", "none"],
  auditLog: ["audit.jsonl", resolve("audit.jsonl")],
  auditMeta: ["acme/ticket,_x", '"acme/ticket", "_x"'],
  baseUrl: ["https://eu.prelude.example/", "https://eu.prelude.example"],
  timeoutMs: ["5000", "5000 ms per call"],
  logLevel: ["debug", "debug"],
};

describe.each(configKeys)("the setting behind config.%s", (key) => {
  const { name, words, default: fallback, label } = rows[key];
  const [text, shown] = examples[key];
  const { config = defaults } = read({ [name]: text });

  it("is read, and shown by --check as it is in force", () => {
    expect(config[key]).not.toEqual(defaults[key]);
    expect(describeSettings(config, false)[label]).toBe(shown);
  });

  it("is in --help, with its words and its default", () => {
    const line = help.find((one) => one.trim().startsWith(`${name} `));
    expect(line).toContain(words);
    if (fallback !== undefined) expect(line).toContain(`(default ${fallback})`);
  });
});

it("no two settings share a name or a label", () => {
  for (const of of [settings.map(({ name }) => name), settings.map(({ label }) => label)]) {
    expect(new Set(of).size).toBe(of.length);
  }
});

it("every setting is used by some room beside config/", () => {
  const files = readdirSync("src", { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".ts") && !/^config[\\/]/.test(file));
  const source = files.map((file) => readFileSync(join("src", file), "utf8")).join("\n");
  // A name of several words is told by itself; `read` and `confirm` are words of other things too.
  const isUsed = (key: string) =>
    new RegExp(/[A-Z]/.test(key) ? `\\b${key}\\b` : `\\b[cC]onfig\\.${key}\\b`).test(source);
  expect(configKeys.filter((key) => !isUsed(key))).toEqual([]);
});
