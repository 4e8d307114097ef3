import { type ChildProcess, type ForkOptions, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "../test/support/json-rpc-client.ts";
import { now } from "./stats.ts";

export type Env = Record<string, string>;

/**
 * What an MCP host hands on. More would measure something else: NODE_EXTRA_CA_CERTS alone triples
 * the start of a bare Node 20.
 */
export const hostEnv: Env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };

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
  const end = async (): Promise<void> => {
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), 3_000);
    await exited;
    clearTimeout(timer);
  };
  return { pid: Number(child.pid), started, end, ...rpc };
};

export type Server = ReturnType<typeof startServer>;

/** A field of /proc/PID/status in MB: VmHWM is the peak, VmRSS what is resident now. */
export const memory = (pid: number, field: "VmHWM" | "VmRSS"): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+)`).exec(status) ?? [];
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

/** One of the benchmark's own programs, bundled, with a channel to it. */
export const startHelper = (node: string, file: string, args: readonly string[] = []) => {
  const options: ForkOptions = { execPath: node, execArgv: [] };
  return fork(file, args, options);
};

/** The next message that a helper sends. */
export const receive = async <T>(child: ChildProcess): Promise<T> => {
  const [message] = await once(child, "message");
  return message as T;
};
