import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostEnv, peakMemory, startServer, threadsCpuMs } from "./processes.ts";
import { interleave, median, now, type Summary, summary } from "./stats.ts";

/** Of a server: start to the answer of `initialize` and then of `tools/list` in ms, and memory. */
export type StartUp = {
  init_ms: Summary;
  init_vs_bare: number;
  list_vs_init: number;
  /** CPU time until `initialize` was answered: what else the machine does hardly counts here. */
  cpu_ms: Summary;
  peak_mb: Summary;
};

type Sample = { init: number; cpu: number; list: number; peak: number };

/** Whole life of a process that does nothing, in ms. */
const bareStart = async (node: string): Promise<Sample> => {
  const started = now();
  const child = spawn(node, ["-e", "0"], { env: hostEnv, stdio: "ignore" });
  await once(child, "exit");
  return { init: now() - started, cpu: 0, list: 0, peak: 0 };
};

const serverStart = async (command: readonly string[]): Promise<Sample> => {
  const server = startServer(command);
  await server.initialize();
  const init = now() - server.started;
  const cpu = threadsCpuMs(server.pid);
  await server.request("tools/list", {});
  const list = now() - server.started;
  const peak = peakMemory(server.pid);
  await server.end();
  return { init, cpu, list, peak };
};

/** Starts each server `runs` times, and the same Node with nothing to do. */
export const measureStart = async <Name extends string>(
  node: string,
  servers: Record<Name, readonly string[]>,
  runs: number,
): Promise<Record<Name, StartUp>> => {
  const names = Object.keys(servers) as Name[];
  const starts = names.map((name) => [name, () => serverStart(servers[name])] as const);
  const jobs = { bare: () => bareStart(node), ...Object.fromEntries(starts) };
  const samples = await interleave<string, Sample>(jobs, runs);
  const bare = median((samples.bare ?? []).map(({ init }) => init));
  const described = names.map((name) => {
    const list = samples[name] ?? [];
    const init_ms = summary(list.map(({ init }) => init));
    const start: StartUp = {
      init_ms,
      init_vs_bare: init_ms.p50 / bare,
      list_vs_init: median(list.map(({ list, init }) => list / init)),
      cpu_ms: summary(list.map(({ cpu }) => cpu)),
      peak_mb: summary(list.map(({ peak }) => peak)),
    };
    return [name, start];
  });
  return Object.fromEntries(described);
};
