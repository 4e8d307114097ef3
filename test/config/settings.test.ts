import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { helpText } from "../../src/cli/help.ts";
import { describeSettings } from "../../src/config/describe.ts";
import { type Config, configKeys, rows, settings } from "../../src/config/settings.ts";
import { startServer } from "../support/server-process.ts";
import { defaults, read } from "./support.ts";

const json = (file: string) => JSON.parse(readFileSync(file, "utf8"));
const readme = readFileSync("README.md", "utf8");
const help = helpText();
const manifest = json("manifest.json");
const registry = json("server.json");

/** A value for each setting that differs from what holds without it, and how --check shows it. */
const examples: Record<keyof Config, [text: string, shown: string]> = {
  apiKey: ["sk_live_4f9c1d7e2b", "set (hidden)"],
  apiKeyFile: ["/run/key", "/run/key"],
  appId: ["54e9ujn", "fixed to 54e9ujn"],
  userId: ["usr_1", "fixed to usr_1"],
  allowedKeys: ["a,b", 'only "a", "b"'],
  blockedKeys: ['["c d"]', '"c d"'],
  read: ["keys", "the agent may see which keys a profile has"],
  confirm: ["true", "the person is asked before each write"],
  maxWritesPerMinute: ["7", "7 writes per minute"],
  maxReadsPerMinute: ["0", "off"],
  auditLog: ["audit.jsonl", "/here/audit.jsonl"],
  baseUrl: ["https://eu.prelude.example/", "https://eu.prelude.example"],
  timeoutMs: ["5000", "5000 ms per call"],
  logLevel: ["debug", "debug"],
};

describe.each(configKeys)("the setting behind config.%s", (key) => {
  const { name, words, default: fallback, form, label } = rows[key];
  const [text, shown] = examples[key];
  const configured = read({ [name]: text }, () => "sk_1");

  it("is read", () => {
    expect(configured.problems).toBeUndefined();
    expect(configured.config?.[key]).not.toEqual(defaults[key]);
  });

  it("is shown by --check as it is in force", () => {
    expect(describeSettings({ ...defaults, ...configured.config }, false)[label]).toBe(shown);
  });

  it("is in --help, with its words and its default", () => {
    const line = help.split("\n").find((one) => one.trim().startsWith(`${name} `));
    expect(line).toContain(words);
    if (fallback !== undefined) expect(line).toContain(`(default ${fallback})`);
  });

  it("is in the README's table, with its default", () => {
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${name}\` |`));
    expect(row?.split("|").at(-2)).toContain(fallback ?? "");
  });

  it("is in server.json", () => {
    const variables: { name: string }[] = registry.packages[0].environmentVariables;
    expect(variables.find((variable) => variable.name === name)).toMatchObject({
      description: words,
    });
  });

  it("is in manifest.json, if the bundle offers it", () => {
    const option = name.replace("PRELUDE_", "").toLowerCase();
    expect(manifest.user_config[option]).toEqual(form && expect.objectContaining(form));
    expect(manifest.server.mcp_config.env[name]).toBe(form && `$\u007buser_config.${option}}`);
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

it("--check of the built server shows every label", async () => {
  const server = startServer({ args: ["--check", "--sandbox"] });
  let said = "";
  server.stdout.on("data", (text) => {
    said += text;
  });
  await server.closed;
  for (const { label } of settings) {
    expect(said).toMatch(new RegExp(`^ {2}${label.replaceAll("_", " ")} `, "m"));
  }
});
