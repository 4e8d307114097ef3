import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connect } from "../test/support/json-rpc-client.ts";
import { hostEnv } from "./processes.ts";
import { interleave, now, type Summary, summary } from "./stats.ts";

// What comes from the npm registry: other people's servers, other Nodes, and `npx` itself.

/** Servers that others published, for comparison; installed beside the benchmark, not with it. */
const peers = [
  { name: "@upstash/context7-mcp", version: "4.1.1", bin: "context7-mcp", args: [] },
  {
    name: "@modelcontextprotocol/server-filesystem",
    version: "2026.8.31",
    bin: "mcp-server-filesystem",
    args: [tmpdir()],
  },
];

const npm = (args: readonly string[], cwd: string): string =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    encoding: "utf8",
  });

/** The command of each peer, run by this Node. */
export const installPeers = (): Record<string, string[]> => {
  const folder = resolve("bench/peers");
  mkdirSync(folder, { recursive: true });
  const wanted = peers.map(({ name, version }) => `${name}@${version}`);
  if (!existsSync(join(folder, "node_modules")))
    npm(["install", "--no-save", "--prefix", folder, ...wanted], folder);
  return Object.fromEntries(
    peers.map(({ name, bin, args }) => [
      name,
      [process.execPath, join(folder, "node_modules/.bin", bin), ...args],
    ]),
  );
};

/** Another Node's executable, from the npm package `node`. */
export const otherNode = (major: number): string =>
  execFileSync("npx", ["-y", "-p", `node@${major}`, "node", "-p", "process.execPath"], {
    encoding: "utf8",
  }).trim();

/** First `npx` of a packed package whose cache is warm, until it says something on stdout; in ms. */
const npxStart = async (tarball: string, cache: string): Promise<number> => {
  rmSync(join(cache, "_npx"), { recursive: true, force: true });
  const started = now();
  const env = {
    ...hostEnv,
    npm_config_cache: cache,
    npm_config_update_notifier: "false",
    npm_config_audit: "false",
  };
  const child = spawn("npx", ["-y", `file:${tarball}`], { env, stdio: ["pipe", "pipe", "ignore"] });
  const closed = once(child, "close");
  const said = once(child.stdout, "data");
  void connect(child.stdin, child.stdout).initialize();
  await said;
  const ms = now() - started;
  child.stdin.end();
  await closed;
  return ms;
};

const emptyPackage = (folder: string): string => {
  mkdirSync(folder);
  const manifest = { name: "empty-package", version: "1.0.0", bin: "bin.js" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "bin.js"), '#!/usr/bin/env node\nprocess.stdout.write("{}\\n");\n');
  return folder;
};

export type Npx = { empty_ms: Summary; ours_ms: Summary; npx_vs_empty: number };

export const measureNpx = async (runs: number): Promise<Npx> => {
  const folder = mkdtempSync(join(tmpdir(), "bench-npx-"));
  const pack = (cwd: string): string => {
    const options = ["--silent", "--ignore-scripts", "--pack-destination", folder];
    return join(folder, npm(["pack", ...options], cwd).trim());
  };
  const [ours, empty] = [pack("."), pack(emptyPackage(join(folder, "empty")))];
  const cache = join(folder, "cache");
  const times = await interleave(
    { ours: () => npxStart(ours, cache), empty: () => npxStart(empty, cache) },
    runs,
    1,
  );
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  const [ours_ms, empty_ms] = [summary(times.ours), summary(times.empty)];
  return { empty_ms, ours_ms, npx_vs_empty: ours_ms.p50 / empty_ms.p50 };
};
