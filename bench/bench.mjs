import { execFileSync, fork, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { drawChart } from "./chart.mjs";
import { bareStart, connect, cpuMs, hostEnv, memory, serverStart } from "./mcp.mjs";
import { interleave, median, now, summary } from "./stats.mjs";

const quick = process.argv.includes("--quick");
const runs = quick ? 9 : 41;
const ours = resolve("dist/prelude-profile-mcp.cjs");
const floor = resolve("bench/floor.cjs");
const concurrency = 32;

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

const npm = (args, cwd) =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    encoding: "utf8",
  });

const installPeers = () => {
  const folder = resolve("bench/peers");
  mkdirSync(folder, { recursive: true });
  const wanted = peers.map(({ name, version }) => `${name}@${version}`);
  if (!existsSync(join(folder, "node_modules")))
    npm(["install", "--no-save", "--prefix", folder, ...wanted], folder);
  return peers.map(({ name, bin, args }) => ({
    name,
    command: [process.execPath, join(folder, "node_modules/.bin", bin), ...args],
  }));
};

/** Another Node's executable, from the npm package `node`. */
const otherNode = (major) =>
  execFileSync("npx", ["-y", "-p", `node@${major}`, "node", "-p", "process.execPath"], {
    encoding: "utf8",
  }).trim();

const times = (results, field) => results.map((result) => result[field]);

const measureStart = async (node, env, others = []) => {
  const results = await interleave(
    [
      { name: "bare", run: () => bareStart(node, env) },
      { name: "floor", run: () => serverStart([node, floor], env) },
      { name: "ours", run: () => serverStart([node, ours], env) },
      ...others.map(({ name, command }) => ({ name, run: () => serverStart(command, env) })),
    ],
    runs,
  );
  const bare = median(times(results.get("bare"), "init"));
  return Object.fromEntries(
    [...results].map(([name, list]) => {
      const init = summary(times(list, "init"));
      const entry = { init_ms: init, init_vs_bare: init.p50 / bare };
      if (name === "bare") return [name, entry];
      const ratios = list.map((result) => result.list / result.init);
      return [
        name,
        { ...entry, list_vs_init: median(ratios), peak_mb: summary(times(list, "peak")) },
      ];
    }),
  );
};

const receive = (child) => new Promise((done) => child.once("message", done));

const measureCalls = async () => {
  const upstream = fork("bench/upstream.mjs");
  const url = `http://127.0.0.1:${await receive(upstream)}`;
  const env = {
    PRELUDE_API_KEY: "bench",
    PRELUDE_BASE_URL: url,
    PRELUDE_MAX_WRITES_PER_MINUTE: "0",
  };
  const server = connect([process.execPath, ours], env);
  await server.hello();
  const args = (user) => ({
    app_id: "54e9ujn",
    user_id: `usr_${user}`,
    profile: { first_name: "Jane", last_name: "Smith" },
  });
  const call = async (user) => {
    const { result } = await server.call(args(user));
    if (result.structuredContent.status !== "updated") throw new Error(JSON.stringify(result));
  };
  const many = async (count) => {
    let left = count;
    const worker = async (_, user) => {
      while (left-- > 0) await call(user);
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  };

  const latencyCalls = quick ? 500 : 2_000;
  const throughputCalls = quick ? 3_000 : 20_000;
  const raw = fork("bench/raw-undici.mjs", [
    `${url}/v2/session/apps/54e9ujn/users/usr_0/profile`,
    latencyCalls,
    throughputCalls,
    concurrency,
  ]);
  await many(1_000);
  const after1000 = memory(server.child.pid, "VmRSS");
  await many(9_000);
  const after10000 = memory(server.child.pid, "VmRSS");
  const rounds = quick ? 2 : 4;
  const rawLatencies = [];
  const ourLatencies = [];
  const ratios = [];
  let rawPerSecond = 0;
  let ourPerSecond = 0;
  for (let round = 0; round <= rounds; round++) {
    raw.send("go");
    const { latencies, perSecond } = await receive(raw);
    const mine = [];
    for (let i = 0; i < latencyCalls; i++) {
      const started = now();
      await call(0);
      mine.push(now() - started);
    }
    const started = now();
    await many(throughputCalls);
    const own = throughputCalls / ((now() - started) / 1000);
    // The first round warms both up.
    if (round === 0) continue;
    rawLatencies.push(...latencies);
    ourLatencies.push(...mine);
    ratios.push(own / perSecond);
    [rawPerSecond, ourPerSecond] = [perSecond, own];
  }
  await server.end();
  raw.disconnect();
  upstream.disconnect();
  const [rawMs, ourMs] = [summary(rawLatencies), summary(ourLatencies)];
  return {
    call_ms: ourMs,
    raw_undici_ms: rawMs,
    call_minus_raw_ms: ourMs.p50 - rawMs.p50,
    per_second: ourPerSecond,
    raw_per_second: rawPerSecond,
    throughput_vs_raw: median(ratios),
    rss_after_1000_mb: after1000,
    rss_after_10000_mb: after10000,
    rss_10000_vs_1000: after10000 / after1000,
  };
};

const measureIdle = async () => {
  const seconds = quick ? 3 : 10;
  const server = connect([process.execPath, ours]);
  await server.hello();
  await server.list();
  await sleep(500);
  const before = cpuMs(server.child.pid);
  await sleep(seconds * 1000);
  const cpu = cpuMs(server.child.pid) - before;
  await server.end();
  return { seconds, cpu_ms: cpu };
};

/** First `npx` of a packed package whose cache is warm, until it says something on stdout. */
const npxStart = (tarball, cache) =>
  new Promise((done, reject) => {
    rmSync(join(cache, "_npx"), { recursive: true, force: true });
    const started = now();
    const env = {
      ...hostEnv,
      npm_config_cache: cache,
      npm_config_update_notifier: "false",
      npm_config_audit: "false",
    };
    const child = spawn("npx", ["-y", `file:${tarball}`], {
      env,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdout.once("data", () => {
      done({ init: now() - started });
      child.stdin.end();
    });
    child.on("error", reject);
    const params = {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "bench", version: "1" },
    };
    child.stdin.write(
      `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`,
    );
  });

const measureNpx = async () => {
  const folder = mkdtempSync(join(tmpdir(), "bench-npx-"));
  const empty = join(folder, "empty");
  mkdirSync(empty);
  writeFileSync(
    join(empty, "package.json"),
    JSON.stringify({ name: "empty-package", version: "1.0.0", bin: "bin.js" }),
  );
  writeFileSync(join(empty, "bin.js"), '#!/usr/bin/env node\nprocess.stdout.write("{}\\n");\n');
  const pack = (cwd) =>
    join(
      folder,
      npm(["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], cwd).trim(),
    );
  const tarballs = { empty: pack(empty), ours: pack(".") };
  const jobs = Object.entries(tarballs).map(([name, tarball]) => ({
    name,
    run: () => npxStart(tarball, join(folder, "cache")),
  }));
  const results = await interleave(jobs, quick ? 3 : 11, 1);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  const [emptyMs, oursMs] = ["empty", "ours"].map((name) =>
    summary(times(results.get(name), "init")),
  );
  return { empty_ms: emptyMs, ours_ms: oursMs, npx_vs_empty: oursMs.p50 / emptyMs.p50 };
};

const measureOtherNodes = async () => {
  const found = {};
  for (const major of quick ? [] : [22, 24]) {
    const cache = mkdtempSync(join(tmpdir(), "bench-compile-cache-"));
    const env = { NODE_COMPILE_CACHE: cache };
    const { bare, ours: own } = await measureStart(otherNode(major), env);
    found[`node${major}`] = { bare, ours: own };
    rmSync(cache, { recursive: true, force: true });
  }
  return found;
};

const step = async (name, measure) => {
  process.stderr.write(`${name}\n`);
  return measure();
};

const start = await step("start-up", () => measureStart(process.execPath, {}, installPeers()));
const otherNodes = await step("other Nodes", measureOtherNodes);
const calls = await step("calls", measureCalls);
const idle = await step("idling", measureIdle);
const npx = await step("npx", measureNpx);
const results = {
  quick,
  machine: {
    cpu: cpus()[0].model,
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
  version: JSON.parse(readFileSync("package.json", "utf8")).version,
  start,
  ...otherNodes,
  calls,
  idle,
  npx,
};

const round = (value, digits = 2) => value.toFixed(digits);
const figures = [
  ["start to `initialize`, against bare `node -e 0`", start.ours.init_vs_bare, 2.5],
  ...[22, 24]
    .filter((major) => results[`node${major}`])
    .map((major) => [
      `the same on Node ${major}, warm compile cache`,
      results[`node${major}`].ours.init_vs_bare,
      2,
    ]),
  ["start to `tools/list`, against `initialize`", start.ours.list_vs_init, 1.1],
  [
    "peak memory after `tools/list`, against a server without packages",
    start.ours.peak_mb.p50 / start.floor.peak_mb.p50,
    1.35,
  ],
  ["one call minus raw undici, ms", results.calls.call_minus_raw_ms, 0.15],
  [
    `calls per second at concurrency ${concurrency}, against raw undici`,
    results.calls.throughput_vs_raw,
    0.6,
    "at least",
  ],
  ["memory after 10,000 calls, against after 1,000", results.calls.rss_10000_vs_1000, 1.15],
  [`CPU in ${results.idle.seconds} s of idling, ms`, results.idle.cpu_ms, 20],
  ["first `npx` with a warm npm cache, against an empty package", results.npx.npx_vs_empty, 1.3],
].map(([figure, value, reach, bound = "at most"]) => ({
  figure,
  value,
  reach,
  bound,
  reached: bound === "at most" ? value <= reach : value >= reach,
}));

console.log("| figure | measured | to reach |\n| --- | --- | --- |");
for (const { figure, value, reach, bound, reached } of figures) {
  console.log(`| ${figure} | ${round(value)} | ${bound} ${reach}${reached ? "" : " (missed)"} |`);
}
console.log(
  "\n| server | start to `initialize`, against bare node (p10–p90, ms) | peak memory, MB |\n| --- | --- | --- |",
);
for (const [name, { init_vs_bare, init_ms, peak_mb }] of Object.entries(start)) {
  console.log(
    `| ${name} | ${round(init_vs_bare)} (${round(init_ms.p10, 0)}–${round(init_ms.p90, 0)}) | ${peak_mb ? round(peak_mb.p50, 0) : ""} |`,
  );
}
writeFileSync("bench/results.json", `${JSON.stringify({ ...results, figures }, null, 2)}\n`);
if (!quick) writeFileSync("docs/start-up.svg", drawChart(start));
