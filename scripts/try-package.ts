import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client as NextClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as NextTransport } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { interleave, summary } from "../bench/stats.ts";
import { npm, run, shell, succeed, temporaryFolder } from "../test/package/run.ts";
import { connect, type Json } from "../test/support/json-rpc-client.ts";

// From `npm pack` alone, in an empty folder: install, check, each host's configuration, a call from
// three clients, and how long `npx` takes to the answer of `initialize`, against an empty package.

const inspector = "@modelcontextprotocol/inspector@2.12.0";
const rounds = 11;
/** Of the time that `npx` takes for an empty package. */
const slowest = 1.5;

const { name, version }: Record<string, string> = JSON.parse(readFileSync("package.json", "utf8"));
const temporary = temporaryFolder();
const { path: cwd } = temporary;
const bin = join("node_modules", ".bin", String(name));

const pack = async (from: string): Promise<string> => {
  const args = ["pack", "--json", "--ignore-scripts", `--pack-destination=${cwd}`];
  const [packed] = JSON.parse(await npm(args, from)) as [{ filename: string; size: number }];
  console.log(`packed ${packed.filename}, ${packed.size} bytes`);
  return `./${packed.filename}`;
};

const installAndCheck = async (tarball: string): Promise<void> => {
  await npm(["init", "--yes"], cwd);
  const isolated = ["--offline", "--cache=npm-cache", "--no-audit", "--no-fund"];
  await npm(["install", ...isolated, tarball], cwd);
  console.log("installed offline");
  console.log(await succeed(bin, ["--check", "--sandbox"], { cwd, shell }));
};

const printConfigs = async (): Promise<void> => {
  const { stderr } = await run(bin, ["--print-config", "?"], { cwd, shell });
  const [, list = ""] = /takes one of ([a-z, -]+)/.exec(stderr) ?? [];
  const hosts = list.split(", ");
  assert(hosts.length > 1, stderr);
  for (const host of hosts) {
    const printed = await succeed(bin, ["--print-config", host], { cwd, shell });
    assert(printed.includes(String(name)));
  }
  console.log(`--print-config: ${list}`);
};

const call = {
  name: "update_user_profile",
  arguments: {
    app_id: "54e9ujn",
    user_id: "usr_01jqebhswje1ka1z7ahr9rfsgt",
    profile: { first_name: "Jane" },
  },
};
const server = { command: bin, args: ["--sandbox"], cwd };
const about = { name: "try-package", version: "0" };

const clients: Record<string, () => Promise<Json>> = {
  "SDK client": async () => {
    const client = new Client(about);
    await client.connect(new StdioClientTransport(server));
    const result = await client.callTool(call);
    await client.close();
    return result;
  },
  "SDK client, next": async () => {
    const client = new NextClient(about);
    await client.connect(new NextTransport(server));
    const result = await client.callTool(call);
    await client.close();
    return result;
  },
  [inspector]: async () => {
    const args = ["--tool-name", call.name, "--tool-args-json", JSON.stringify(call.arguments)];
    const command = ["-y", inspector, "--cli", bin, ...server.args, "--method", "tools/call"];
    return JSON.parse(await succeed("npx", [...command, ...args], { cwd, shell }));
  },
};

const callByEachClient = async (): Promise<void> => {
  for (const [client, callIt] of Object.entries(clients)) {
    const { structuredContent } = await callIt();
    assert.equal((structuredContent as { status: string }).status, "updated");
    console.log(`${client}: ${JSON.stringify(structuredContent)}`);
  }
};

/** Milliseconds from the start of `npx` to its first line on stdout. */
const timeToLine = async (tarball: string, isServer: boolean): Promise<number> => {
  const started = performance.now();
  const child = spawn("npx", ["-y", tarball, ...(isServer ? ["--sandbox"] : [])], {
    cwd,
    shell,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const closed = once(child, "close");
  const rpc = connect(child.stdin, child.stdout);
  void closed.then(([code]) => rpc.fail(new Error(`npx ended with ${code}`)));
  if (isServer) {
    const { serverInfo } = (await rpc.initialize()).result ?? {};
    assert.equal((serverInfo as Json).version, version);
  } else {
    await once(child.stdout, "data");
  }
  const ms = performance.now() - started;
  child.stdin.end();
  await closed;
  return ms;
};

const measureNpx = async (tarball: string): Promise<void> => {
  const empty = join(cwd, "empty");
  mkdirSync(empty);
  const nothing = { name: "empty-package", version: "1.0.0", bin: "bin.js" };
  writeFileSync(join(empty, "package.json"), JSON.stringify(nothing));
  writeFileSync(join(empty, "bin.js"), '#!/usr/bin/env node\nconsole.log("{}");\n');
  const emptyTarball = await pack(empty);
  const jobs = {
    ours: () => timeToLine(tarball, true),
    empty: () => timeToLine(emptyTarball, false),
  };
  // The first round installs into npx's cache and is not counted.
  const times = await interleave(jobs, rounds, 1);
  const [ours, base] = [summary(times.ours).p50, summary(times.empty).p50];
  const ratio = ours / base;
  console.log(
    `npx to the answer of initialize: ${ours.toFixed(0)} ms; empty package: ${base.toFixed(0)} ms; ratio ${ratio.toFixed(2)} (medians of ${rounds}, interleaved)`,
  );
  assert(ratio <= slowest, `slower than ${slowest} times an empty package`);
};

try {
  const tarball = await pack(".");
  await installAndCheck(tarball);
  await printConfigs();
  await callByEachClient();
  await measureNpx(tarball);
} finally {
  temporary.remove();
}
