import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const refused: [folder: string, imported: string][] = [
  ["cli", "../main.ts"],
  ["mcp", "../cli/args.ts"],
  ["mcp/stdio", "../server.ts"],
  ["mcp/stdio", "../../tools/tool.ts"],
  ["tools", "../mcp/server.ts"],
  ["tools/new-tool", "../../mcp/server.ts"],
  ["guards", "../tools/messages.ts"],
  ["profile", "../guards/gate.ts"],
  ["sandbox", "../profile/write.ts"],
  ["prelude", "../tools/messages.ts"],
  ["prelude", "../sandbox/store.ts"],
  ["config", "../prelude/client.ts"],
  ["lib", "../config/settings.ts"],
  // Packages have a room, too.
  ["tools", "undici"],
  ["cli", "@modelcontextprotocol/sdk/types.js"],
  ["guards", "zod/v3"],
  ["config", "zod"],
];

const accepted: [folder: string, imported: string][] = [
  ["cli", "../mcp/server.ts"],
  ["mcp", "../tools/tool.ts"],
  ["mcp", "@modelcontextprotocol/sdk/types.js"],
  ["tools", "../guards/gate.ts"],
  ["tools", "zod/v3"],
  ["guards", "../profile/write.ts"],
  ["profile", "../prelude/client.ts"],
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
