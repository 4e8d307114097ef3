import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle } from "../scripts/build/bundle.ts";
import { measureCalls } from "./calls.ts";
import { type Battery, figuresTable, serversTable } from "./figures.ts";
import { otherNode, startServer, threadsCpuMs } from "./processes.ts";
import { measureStart } from "./start-up.ts";

// Usage: npm run bench -- [--quick] [--write]
// Prints ratios of one run, on this Node and on Node 24. --write puts all that was measured into
// bench/results.json.

const quick = process.argv.includes("--quick");
const runs = quick ? 9 : 41;
const amount = quick
  ? { rounds: 2, latencyCalls: 500, throughputCalls: 3_000 }
  : { rounds: 13, latencyCalls: 700, throughputCalls: 7_000 };

// The forwarder is bundled as the server is.
await bundle("bench/forwarder.ts", "out/bench");
const files = {
  floor: resolve("bench/floor.cjs"),
  ours: resolve("dist/prelude-profile-mcp.cjs"),
  forwarder: resolve("out/bench/forwarder.cjs"),
};

const measureIdle = async (node: string): Promise<number> => {
  // Long enough that V8's one collection, once the process has fallen idle, stands for no more.
  const seconds = quick ? 3 : 30;
  const server = startServer([node, files.ours]);
  await server.initialize();
  await server.request("tools/list", {});
  await sleep(500);
  const before = threadsCpuMs(server.pid);
  await sleep(seconds * 1000);
  const spent = threadsCpuMs(server.pid) - before;
  await server.end();
  return spent / seconds;
};

const runBattery = async (label: string, node: string): Promise<Battery> => {
  process.stderr.write(`measuring on ${label}\n`);
  const servers = {
    floor: [node, files.floor],
    ours: [node, files.ours],
    forwarder: [node, files.forwarder],
  };
  return {
    node: label,
    start: await measureStart(node, servers, runs),
    calls: await measureCalls(node, files, amount),
    idle: await measureIdle(node),
  };
};

const batteries = [
  await runBattery(`Node ${process.versions.node}`, process.execPath),
  await runBattery("Node 24", otherNode(24)),
];
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const machine = {
  cpu: cpus()[0]?.model ?? "",
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 2 ** 30),
};
console.log([figuresTable(batteries), ...batteries.map(serversTable)].join("\n\n"));
if (process.argv.includes("--write")) {
  const results = { quick, machine, version, batteries };
  writeFileSync("bench/results.json", `${JSON.stringify(results, null, 2)}\n`);
}
