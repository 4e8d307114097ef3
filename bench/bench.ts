import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle } from "../scripts/build/bundle.ts";
import { measureCalls, measureGrowth, type Programs } from "./calls.ts";
import { drawChart } from "./chart.ts";
import { type Battery, figuresOf, figuresTable, type Results, serversTable } from "./figures.ts";
import { installPeers, measureNpx, otherNode } from "./installed.ts";
import { startServer, threadsCpuMs } from "./processes.ts";
import { measureStart } from "./start-up.ts";

// Usage: npm run bench -- [--quick] [--write]
// Prints ratios of one run, on this Node and on Node 24. --write puts them into bench/results.json
// and docs/start-up.svg; without it nothing is written.

const quick = process.argv.includes("--quick");
const write = process.argv.includes("--write");

const runs = quick ? 9 : 41;
const amount = quick
  ? { rounds: 2, latencyCalls: 500, throughputCalls: 3_000 }
  : { rounds: 4, latencyCalls: 2_000, throughputCalls: 20_000 };

/** What the benchmark runs beside the server, bundled as the server is. */
const bundlePrograms = async (): Promise<Programs> => {
  const input = {
    forwarder: "bench/forwarder.ts",
    upstream: "bench/upstream.ts",
  };
  await bundle(input, "out/bench");
  return {
    ours: resolve("dist/prelude-profile-mcp.cjs"),
    forwarder: resolve("out/bench/forwarder.cjs"),
    upstream: resolve("out/bench/upstream.cjs"),
  };
};

const measureIdle = async (node: string, file: string) => {
  const seconds = quick ? 3 : 10;
  const server = startServer([node, file]);
  await server.initialize();
  await server.request("tools/list", {});
  await sleep(500);
  const before = threadsCpuMs(server.pid);
  await sleep(seconds * 1000);
  const cpu_ms = threadsCpuMs(server.pid) - before;
  await server.end();
  return { seconds, cpu_ms };
};

const measure = async <T>(what: string, job: () => Promise<T>): Promise<T> => {
  process.stderr.write(`${what}\n`);
  return job();
};

const runBattery = async (
  label: string,
  node: string,
  programs: Programs,
  peers: Record<string, readonly string[]>,
): Promise<Battery> => {
  const servers = {
    floor: [node, resolve("bench/floor.cjs")],
    ours: [node, programs.ours],
    forwarder: [node, programs.forwarder],
    ...peers,
  };
  const growthOf = (program: string) =>
    measureGrowth(node, program, programs.upstream, quick ? 1 : 3);
  return {
    node: label,
    start: await measure("start-up", () => measureStart(node, servers, runs)),
    calls: await measure("calls", () => measureCalls(node, programs, amount)),
    growth: {
      ours: await measure("growth", () => growthOf(programs.ours)),
      forwarder: await measure("growth of the forwarder", () => growthOf(programs.forwarder)),
    },
    idle: await measure("idling", () => measureIdle(node, programs.ours)),
  };
};

const machine = () => ({
  cpu: cpus()[0]?.model ?? "",
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 2 ** 30),
});

const programs = await bundlePrograms();
const here = await runBattery(process.version, process.execPath, programs, installPeers());
const there = await runBattery("Node 24", otherNode(24), programs, {});
const batteries = [here, there];
const results: Results = {
  quick,
  machine: machine(),
  version: JSON.parse(readFileSync("package.json", "utf8")).version,
  batteries,
  npx: await measure("npx", () => measureNpx(quick ? 3 : 11)),
};

const figures = figuresOf(results);
console.log(
  figuresTable(
    figures,
    batteries.map(({ node }) => node),
  ),
);
for (const { node, start } of batteries) console.log(`\n${node}\n\n${serversTable(start)}`);
if (write) {
  writeFileSync("bench/results.json", `${JSON.stringify({ ...results, figures }, null, 2)}\n`);
  writeFileSync("docs/start-up.svg", drawChart(here.start));
}
