import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

// Usage: tsx scripts/bundle-mcpb.ts [FOLDER]
// Stages FOLDER/mcpb (out/mcpb) from dist and packs it as FOLDER/<name>-<version>.mcpb.

const [folder = "out"] = process.argv.slice(2);
const { name, version }: Record<string, string> = JSON.parse(readFileSync("manifest.json", "utf8"));
const stage = join(folder, "mcpb");

rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
for (const path of ["manifest.json", "assets/icon.png", "LICENSE"]) {
  cpSync(path, join(stage, path));
}
cpSync("dist", join(stage, "server"), { recursive: true });

const cli = "node_modules/@anthropic-ai/mcpb/dist/cli/cli.js";
const bundle = join(folder, `${name}-${version}.mcpb`);
execFileSync(process.execPath, [cli, "pack", stage, bundle], { stdio: "inherit" });
