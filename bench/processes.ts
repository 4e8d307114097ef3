import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "../test/support/json-rpc-client.ts";
import { now } from "./stats.ts";

export type Env = Record<string, string>;

/**
 * What an MCP client hands on. More would measure something else: NODE_EXTRA_CA_CERTS alone triples
 * the start of a bare Node 20.
 */
export const hostEnv: Env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };

/** Another Node's executable, from the npm package `node`. */
export const otherNode = (major: number): string =>
  execFileSync("npx", ["-y", "-p", `node@${major}`, "node", "-p", "process.execPath"], {
    encoding: "utf8",
    timeout: 60_000,
  }).trim();

/** What falls silent must not hold the benchmark: after a minute it ends, and says what it waited for. */
const within = <T>(promise: Promise<T>, what: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: nothing in a minute`)), 60_000);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });

/** An MCP server as a child process. */
export const startServer = (command: readonly string[], env: Env = {}) => {
  const [program = "", ...args] = command;
  const started = now();
  const child = spawn(program, args, {
    env: { ...hostEnv, ...env },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const rpc = connect(child.stdin, child.stdout);
  const exited = once(child, "exit");
  void exited.then(() => rpc.fail(new Error(`${command.join(" ")} exited`)));
  const name = command.join(" ");
  return {
    pid: Number(child.pid),
    started,
    initialize: () => within(rpc.initialize(), `${name}, initialize`),
    request: (method: string, params: unknown) =>
      within(rpc.request(method, params), `${name}, ${method}`),
    end: async (): Promise<void> => {
      child.stdin.end();
      await within(exited, `${name}, its end`);
    },
  };
};

export type Server = ReturnType<typeof startServer>;

/** Something in Prelude's place, as a process of its own, and the settings of a server before it. */
export const startUpstream = async () => {
  const upstream = fork("bench/upstream.ts", { execArgv: ["--import", "tsx"] });
  const [port] = await once(upstream, "message");
  const env: Env = {
    PRELUDE_API_KEY: "bench",
    PRELUDE_BASE_URL: `http://127.0.0.1:${port}`,
    PRELUDE_MAX_WRITES_PER_MINUTE: "0",
  };
  return { env, end: () => upstream.disconnect() };
};

/** Most memory that was resident, in MB. */
export const peakMemory = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(status) ?? [];
  return Number(kilobytes) / 1024;
};

/** CPU time used so far by the threads that live, in ms (/proc/PID/task/TID/schedstat, in ns). */
export const threadsCpuMs = (pid: number): number => {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const times = tasks.map((task) => {
    const [spent] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ");
    return Number(spent) / 1e6;
  });
  return times.reduce((sum, time) => sum + time, 0);
};
