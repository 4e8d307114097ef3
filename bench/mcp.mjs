import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { now } from "./stats.mjs";

/**
 * What an MCP host hands on. More would measure something else: NODE_EXTRA_CA_CERTS alone triples
 * the start of a bare Node 20.
 */
export const hostEnv = { PATH: process.env.PATH, HOME: process.env.HOME };

const initialize = {
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bench", version: "1" },
  },
};

/** A server as a child process, and requests to it by line; answers are matched by id. */
export const connect = (command, env = {}) => {
  const started = now();
  const child = spawn(command[0], command.slice(1), {
    env: { ...hostEnv, ...env },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const waiting = new Map();
  let rest = "";
  let nextId = 1;
  child.stdin.on("error", () => {});
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      // Some servers print a greeting to stdout.
      if (!line.startsWith("{")) continue;
      const message = JSON.parse(line);
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  });
  const exited = new Promise((resolve) => child.on("exit", resolve));
  const send = (message) =>
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const request = (message) =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, resolve);
      exited.then(() => reject(new Error(`${command.join(" ")} exited`)));
      send({ id, ...message });
    });
  return {
    child,
    started,
    request,
    hello: async () => {
      const answer = await request(initialize);
      send({ method: "notifications/initialized" });
      return answer;
    },
    list: () => request({ method: "tools/list", params: {} }),
    call: (args) =>
      request({ method: "tools/call", params: { name: "update_user_profile", arguments: args } }),
    end: () => {
      child.stdin.end();
      setTimeout(() => child.kill("SIGKILL"), 3_000).unref();
      return exited;
    },
  };
};

/** A field of /proc/PID/status in MB: VmHWM is the peak, VmRSS what is resident now. */
export const memory = (pid, field) =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) /
  1024;

/** CPU time used so far, in ms (proc(5): utime and stime, in ticks of 10 ms). */
export const cpuMs = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** Whole life of a process that does nothing, in ms. */
export const bareStart = (node, env = {}) =>
  new Promise((resolve) => {
    const started = now();
    const child = spawn(node, ["-e", "0"], { env: { ...hostEnv, ...env }, stdio: "ignore" });
    child.on("exit", () => resolve({ init: now() - started }));
  });

/** Times from the start to the answers of initialize and tools/list, and the peak memory then. */
export const serverStart = async (command, env) => {
  const server = connect(command, env);
  await server.hello();
  const init = now() - server.started;
  await server.list();
  const list = now() - server.started;
  const peak = memory(server.child.pid, "VmHWM");
  await server.end();
  return { init, list, peak };
};
