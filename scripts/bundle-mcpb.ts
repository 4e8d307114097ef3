import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

// Usage: tsx scripts/bundle-mcpb.ts [FOLDER]
// Stages FOLDER/mcpb (out/mcpb) from dist and packs it as FOLDER/<name>-<version>.mcpb.

type File = { fileName: string };
/** What the build wrote down of itself; dist/ holds earlier builds, too. */
type Built = { entry: File; notices: string; chunks: File[] };

const [folder = "out"] = process.argv.slice(2);
const { name, version }: Record<string, string> = JSON.parse(readFileSync("manifest.json", "utf8"));
const stage = join(folder, "mcpb");

rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
for (const path of ["manifest.json", "assets/icon.png", "LICENSE"]) {
  cpSync(path, join(stage, path));
}
const { entry, notices, chunks }: Built = JSON.parse(readFileSync("out/bundle.json", "utf8"));
for (const path of [entry.fileName, notices, ...chunks.map(({ fileName }) => fileName)]) {
  cpSync(join("dist", path), join(stage, "server", path));
}

const cli = "node_modules/@anthropic-ai/mcpb/dist/cli/cli.js";
const bundle = join(folder, `${name}-${version}.mcpb`);
execFileSync(process.execPath, [cli, "pack", stage, bundle], { stdio: "inherit" });
