import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const refused: [folder: string, imported: string][] = [
  ["mcp", "../cli/args.ts"],
  ["tools", "../mcp/server.ts"],
  ["guards", "../tools/messages.ts"],
  ["profile", "../guards/gate.ts"],
  ["sandbox", "../profile/write.ts"],
  ["prelude", "../tools/messages.ts"],
  ["config", "../prelude/client.ts"],
  ["lib", "../config/settings.ts"],
  // Packages have a room, too.
  ["tools", "undici"],
  ["cli", "@modelcontextprotocol/sdk/types.js"],
  ["guards", "zod/v3"],
];

const accepted: [folder: string, imported: string][] = [
  ["cli", "../mcp/server.ts"],
  ["mcp", "@modelcontextprotocol/sdk/types.js"],
  ["tools", "zod/v3"],
  ["prelude", "../lib/text.ts"],
  ["prelude", "undici"],
];

const fileOf = (folder: string, imported: string): string =>
  `src/${folder}/${imported.replace(/\W+/g, "-")}.ts`;

const root = mkdtempSync(join(tmpdir(), "house-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What the linter says, with the project's own configuration, of a house that imports all of this. */
let report = "";
beforeAll(() => {
  const { vcs: _, $schema: __, ...rules } = JSON.parse(readFileSync("biome.json", "utf8"));
  writeFileSync(join(root, "biome.json"), JSON.stringify({ root: true, ...rules }));
  for (const [folder, imported] of [...refused, ...accepted]) {
    const file = join(root, fileOf(folder, imported));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `import "${imported}";\n`);
  }
  const biome = resolve("node_modules/@biomejs/biome/bin/biome");
  const words = ["lint", "--only=style/noRestrictedImports", "--max-diagnostics=none"];
  const { stdout, stderr } = spawnSync(process.execPath, [biome, ...words], {
    cwd: root,
    encoding: "utf8",
  });
  report = stdout + stderr;
  expect(report).toContain(`Checked ${refused.length + accepted.length + 1} files`);
});

const isRefused = (folder: string, imported: string): boolean =>
  report.includes(`${fileOf(folder, imported)}:1`);

test.each(refused)("%s/ may not import %s", (folder, imported) => {
  expect(isRefused(folder, imported)).toBe(true);
});

test.each(accepted)("%s/ may import %s", (folder, imported) => {
  expect(isRefused(folder, imported)).toBe(false);
});

test("CONTRIBUTING draws every way from room to room that the code takes", () => {
  const page = readFileSync("CONTRIBUTING.md", "utf8");
  const titles = new Map<string, string>();
  for (const [, id = "", title = ""] of page.matchAll(/(\w+)\["([\w./]+?)\/?(?=<br\/>)/g)) {
    titles.set(id, title.replace("main.ts", "main"));
  }
  const below = new Map<string, string[]>();
  for (const [, from = "", to = ""] of page.matchAll(/^ {2}(\w+)(?:\["[^\]]*"\])? --> (\w+)/gm)) {
    below.set(from, [...(below.get(from) ?? []), to]);
  }
  const reaches = (from: string, to: string): boolean =>
    (below.get(from) ?? []).some((next) => titles.get(next) === to || reaches(next, to));
  const roomOf = (file: string) => dirname(file).replace(/^tools\/.*/, "tools");

  const missing = new Set<string>();
  for (const file of readdirSync("src", { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file === "main.ts") continue;
    for (const [, target = ""] of readFileSync(join("src", file), "utf8").matchAll(
      /(?:from|import\()\s*"(\.[^"]+)"/g,
    )) {
      const [from, to] = [roomOf(file), roomOf(join(dirname(file), target))];
      const start = [...titles].find(([, title]) => title === from)?.[0] ?? "";
      const isRoom = !to.startsWith("..");
      if (isRoom && from !== to && !reaches(start, to)) missing.add(`${from} -> ${to}`);
    }
  }
  expect([...missing]).toEqual([]);
});
