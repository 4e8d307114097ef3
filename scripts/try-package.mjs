import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client as NextClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as NextTransport } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

// From `npm pack` alone, in an empty folder: install, check, each host's configuration, a call from
// three clients, and how long `npx` takes to the answer of `initialize`, against an empty package.

const inspector = "@modelcontextprotocol/inspector@2.12.0";
const rounds = 11;
/** Of the time that `npx` takes for an empty package. */
const slowest = 1.5;

const { name, version } = JSON.parse(readFileSync("package.json", "utf8"));
const folder = mkdtempSync(join(tmpdir(), `${name}-`));
const shell = process.platform === "win32";
const bin = join("node_modules", ".bin", name);

const run = async (program, args, cwd = folder) => {
  const child = spawn(program, args, { cwd, shell, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => {
      texts[name] += text;
    });
  }
  const [code] = await once(child, "close");
  return { code, ...texts };
};

const succeed = async (program, args, cwd) => {
  const { code, stdout, stderr } = await run(program, args, cwd);
  assert.equal(code, 0, `${program} ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
};

const pack = async (from) => {
  const args = ["pack", "--json", "--ignore-scripts", `--pack-destination=${folder}`];
  const [packed] = JSON.parse(await succeed("npm", args, from));
  console.log(`packed ${packed.filename}, ${packed.size} bytes`);
  return `./${packed.filename}`;
};

const call = {
  name: "update_user_profile",
  arguments: {
    app_id: "54e9ujn",
    user_id: "usr_01jqebhswje1ka1z7ahr9rfsgt",
    profile: { first_name: "Jane" },
  },
};
const server = { command: bin, args: ["--sandbox"], cwd: folder };
const about = { name: "try-package", version: "0" };

const byClient = async (client, transport) => {
  await client.connect(transport);
  const result = await client.callTool(call);
  await client.close();
  return result;
};
const byInspector = async () => {
  const args = ["--tool-name", call.name, "--tool-args-json", JSON.stringify(call.arguments)];
  const command = ["-y", inspector, "--cli", bin, ...server.args, "--method", "tools/call"];
  return JSON.parse(await succeed("npx", [...command, ...args]));
};

/** Milliseconds until the first line on stdout. */
const timeToLine = async (tarball, input) => {
  const started = performance.now();
  const child = spawn("npx", ["-y", tarball, ...(input ? ["--sandbox"] : [])], {
    cwd: folder,
    shell,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const closed = once(child, "close");
  child.stdin.on("error", () => {});
  if (input) child.stdin.write(`${JSON.stringify(input)}\n`);
  const [line] = await once(child.stdout, "data");
  const ms = performance.now() - started;
  child.stdin.end();
  await closed;
  if (input) assert.equal(JSON.parse(line).result.serverInfo.version, version);
  return ms;
};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const tryPackage = async () => {
  const tarball = await pack(".");
  await succeed("npm", ["init", "--yes"]);
  const isolated = ["--offline", "--cache=npm-cache", "--no-audit", "--no-fund"];
  await succeed("npm", ["install", ...isolated, tarball]);
  console.log("installed offline");

  console.log(await succeed(bin, ["--check", "--sandbox"]));

  const { stderr } = await run(bin, ["--print-config", "?"]);
  const [, list = ""] = /takes one of ([a-z, -]+)/.exec(stderr) ?? [];
  const hosts = list.split(", ");
  assert(hosts.length > 1, stderr);
  for (const host of hosts) assert((await succeed(bin, ["--print-config", host])).includes(name));
  console.log(`--print-config: ${list}`);

  const clients = {
    "SDK client": () => byClient(new Client(about), new StdioClientTransport(server)),
    "SDK client, next": () => byClient(new NextClient(about), new NextTransport(server)),
    [inspector]: byInspector,
  };
  for (const [client, callIt] of Object.entries(clients)) {
    const { structuredContent } = await callIt();
    assert.equal(structuredContent.status, "updated");
    console.log(`${client}: ${JSON.stringify(structuredContent)}`);
  }

  const empty = join(folder, "empty");
  mkdirSync(empty);
  const nothing = { name: "empty-package", version: "1.0.0", bin: "bin.js" };
  writeFileSync(join(empty, "package.json"), JSON.stringify(nothing));
  writeFileSync(join(empty, "bin.js"), '#!/usr/bin/env node\nconsole.log("{}");\n');
  const emptyTarball = await pack(empty);
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: about };
  const initialize = { jsonrpc: "2.0", id: 1, method: "initialize", params };
  const times = { ours: [], empty: [] };
  // The first round installs into npx's cache and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const ours = await timeToLine(tarball, initialize);
    const base = await timeToLine(emptyTarball);
    if (round === 0) continue;
    times.ours.push(ours);
    times.empty.push(base);
  }
  const [ours, base] = [median(times.ours), median(times.empty)];
  const ratio = ours / base;
  console.log(
    `npx to the answer of initialize: ${ours.toFixed(0)} ms; empty package: ${base.toFixed(0)} ms; ratio ${ratio.toFixed(2)} (medians of ${rounds}, interleaved)`,
  );
  assert(ratio <= slowest, `slower than ${slowest} times an empty package`);
};

try {
  await tryPackage();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
