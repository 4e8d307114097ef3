import { spawn } from "node:child_process";
import { once } from "node:events";
import { type Env, hostEnv, memory, startServer, threadsCpuMs } from "./processes.ts";
import { interleave, median, now, type Summary, summary } from "./stats.ts";

/** Of a server: start to the answer of `initialize` and then of `tools/list` in ms, and memory. */
export type StartUp = {
  init_ms: Summary;
  init_vs_bare: number;
  list_vs_init?: number;
  /** CPU time until `initialize` was answered: what else the machine does hardly counts here. */
  cpu_ms?: Summary;
  peak_mb?: Summary;
};

type Sample = { init: number; cpu: number; list: number; peak: number };

/** Whole life of a process that does nothing, in ms. */
const bareStart = async (node: string, env: Env): Promise<Sample> => {
  const started = now();
  const child = spawn(node, ["-e", "0"], { env: { ...hostEnv, ...env }, stdio: "ignore" });
  await once(child, "exit");
  return { init: now() - started, cpu: Number.NaN, list: Number.NaN, peak: Number.NaN };
};

const serverStart = async (command: readonly string[], env: Env): Promise<Sample> => {
  const server = startServer(command, env);
  await server.initialize();
  const init = now() - server.started;
  const cpu = threadsCpuMs(server.pid);
  await server.request("tools/list", {});
  const list = now() - server.started;
  const peak = memory(server.pid, "VmHWM");
  await server.end();
  return { init, cpu, list, peak };
};

/** Starts each server `runs` times, and the same Node with nothing to do, as `bare`. */
export const measureStart = async (
  node: string,
  servers: Record<string, readonly string[]>,
  runs: number,
  env: Env = {},
): Promise<Record<string, StartUp>> => {
  const jobs = Object.entries(servers).map(([name, command]) => [
    name,
    () => serverStart(command, env),
  ]);
  const samples = await interleave<string, Sample>(
    { bare: () => bareStart(node, env), ...Object.fromEntries(jobs) },
    runs,
  );
  const bare = median((samples.bare ?? []).map(({ init }) => init));
  const describe = (name: string, list: readonly Sample[]): StartUp => {
    const init_ms = summary(list.map(({ init }) => init));
    const start = { init_ms, init_vs_bare: init_ms.p50 / bare };
    if (name === "bare") return start;
    return {
      ...start,
      list_vs_init: median(list.map(({ list, init }) => list / init)),
      cpu_ms: summary(list.map(({ cpu }) => cpu)),
      peak_mb: summary(list.map(({ peak }) => peak)),
    };
  };
  return Object.fromEntries(
    Object.entries(samples).map(([name, list]) => [name, describe(name, list)]),
  );
};
