import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { npm, run } from "../test/package/run.ts";
import { file, live, nodes, tell } from "./built-file.ts";

// Runs the built file on the oldest Node that it supports and on each later line, and checks that
// an older Node gets one clear line. The Nodes come from the npm package `node`.

const supported = ["20.18.1", "22", "24", "26"];
const tooOld = ["14", "16", "18"];
assert.equal(nodes, `>=${supported[0]}`);

/** Installs that Node unless it is there already, and gives the path of its binary. */
const nodeOf = async (wanted: string): Promise<string> => {
  const folder = resolve("node_modules", ".cache", "nodes", wanted);
  const name = process.platform === "win32" ? "node.exe" : "node";
  const binary = join(folder, "node_modules", "node", "bin", name);
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const options = ["--no-save", "--no-audit", "--no-fund", "--prefix", "."];
    await npm(["install", ...options, `node@${wanted}`], folder);
  }
  return binary;
};

const isRefused = async (node: string): Promise<void> => {
  const { code, stdout, stderr } = await run(node, [file]);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
  assert.match(stderr, /^[^\n]+ needs Node\.js [^\n]+\n$/);
};

for (const wanted of [...tooOld, ...supported]) {
  const node = await nodeOf(wanted);
  const refused = tooOld.includes(wanted);
  const what = `Node ${wanted}${refused ? ", too old, is refused in one line" : ""}`;
  const ok = await tell(what, () => (refused ? isRefused(node) : live([node, file])));
  if (!ok) process.exitCode = 1;
}
