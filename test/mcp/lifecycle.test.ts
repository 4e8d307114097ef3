import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it, vi } from "vitest";
import {
  app,
  builtServer,
  type ServerProcess,
  startServer,
  user,
} from "../support/server-process.ts";
import { type Handler, startUpstream, type Upstream } from "../support/upstream.ts";

/** A client sends SIGTERM when the server is not gone after this time. */
const patienceMs = 2_000;

const servers: ServerProcess[] = [];
const upstreams: Upstream[] = [];

/** Servers of a host that is gone, should they survive it. */
const orphans: number[] = [];

afterAll(async () => {
  for (const { child } of servers) child.kill("SIGKILL");
  for (const pid of orphans) process.kill(pid, "SIGKILL");
  await Promise.all(upstreams.map((upstream) => upstream.close()));
});

/** Looks until it is so; a slow machine may take its time. */
const soon = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 20_000, interval: 5 });

/** The longest that a server here took from its start to its first answer, in milliseconds. */
let slowestStart = 0;
/** A bound in milliseconds on this machine, which may be busy: a start takes about 60 on a quiet one. */
const soonerThan = (ms: number): number => ms + 3 * slowestStart;

const start = (options: Parameters<typeof startServer>[0] = {}): ServerProcess => {
  const from = performance.now();
  const server = startServer(options);
  servers.push(server);
  server.stdout.once("data", () => {
    slowestStart = Math.max(slowestStart, performance.now() - from);
  });
  return server;
};

const upstreamWith = async (...script: Handler[]): Promise<Upstream> => {
  const upstream = await startUpstream(...script);
  upstreams.push(upstream);
  return upstream;
};

const isAlive = (pid: number): boolean => {
  try {
    // A process that nobody has reaped is still listed.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

/** Milliseconds from now until the process has ended. */
const timeToEnd = (pid: number): Promise<number> =>
  new Promise((resolve) => {
    const from = performance.now();
    const timer = setInterval(() => {
      if (isAlive(pid)) return;
      clearInterval(timer);
      resolve(performance.now() - from);
    }, 10);
  });
const pidOf = (server: ServerProcess): number => server.child.pid as number;

const args = { app_id: app, user_id: user, profile: { first_name: "Jane" } };
const call = (server: ServerProcess, id: unknown, meta: object = {}, userId = user): void =>
  server.send({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name: "update_user_profile", arguments: { ...args, user_id: userId }, ...meta },
  });
const ping = (server: ServerProcess, id: unknown): void =>
  server.send({ jsonrpc: "2.0", id, method: "ping" });

/** A server with a call of id 1 at an upstream that plays `script`. */
const calling = async (script: Handler[], env: Record<string, string> = {}) => {
  const upstream = await upstreamWith(...script);
  const server = start({
    env: { PRELUDE_API_KEY: "sk_test_lifecycle", PRELUDE_BASE_URL: upstream.url, ...env },
  });
  await server.initialize({ elicitation: {} });
  call(server, 1, { _meta: { progressToken: 1 } });
  return { server, upstream };
};

const hang: Handler = () => {};
const said = (server: ServerProcess, method: string) => () =>
  server.messages.some((message) => message.method === method);

const noUpstream = { PRELUDE_API_KEY: "sk_test_lifecycle", PRELUDE_BASE_URL: "http://127.0.0.1:9" };

/** What the server may be doing -> a server that does it. */
const states = {
  "is idle": async () => {
    const server = start({ env: noUpstream });
    await server.initialize();
    return server;
  },
  "waits for Prelude's answer": async () => {
    const { server, upstream } = await calling([hang]);
    await soon(() => upstream.received.length === 1);
    return server;
  },
  "waits for a person's answer": async () => {
    const { server } = await calling([hang], { PRELUDE_CONFIRM: "true" });
    await server.until(said(server, "elicitation/create"));
    return server;
  },
  "is about to start its sandbox": async () => {
    const server = start({ args: ["--sandbox"] });
    await server.initialize();
    call(server, 1);
    return server;
  },
  "has answers that nobody reads": async () => {
    const server = start({ env: noUpstream });
    await server.initialize();
    server.stdout.pause();
    for (let id = 1; id <= 1_000; id++) {
      server.send({ jsonrpc: "2.0", id, method: "tools/list" });
    }
    return server;
  },
} satisfies Record<string, () => Promise<ServerProcess>>;
type State = keyof typeof states;

const endings = {
  "stdin ends": (server) => server.stdin.end(),
  "stdin is closed": (server) => server.stdin.destroy(),
  "SIGINT comes": (server) => server.child.kill("SIGINT"),
  "SIGTERM comes": (server) => server.child.kill("SIGTERM"),
  "SIGHUP comes": (server) => server.child.kill("SIGHUP"),
  "a whole volley of signals comes": (server) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGTERM", "SIGINT"] as const)
      server.child.kill(signal);
  },
  // Nobody can notice before there is something to write.
  "stdout breaks": (server) => {
    server.stdout.destroy();
    ping(server, "written to nobody");
  },
} satisfies Record<string, (server: ServerProcess) => unknown>;
type Ending = keyof typeof endings;

const every = Object.keys(endings) as Ending[];
const plan: Record<State, Ending[]> = {
  "is idle": every,
  "waits for Prelude's answer": every,
  "waits for a person's answer": ["stdin ends", "SIGTERM comes", "stdout breaks"],
  "is about to start its sandbox": ["stdin ends", "SIGTERM comes"],
  // An end of stdin does not show while it is not read; a client sends SIGTERM then.
  "has answers that nobody reads": ["SIGTERM comes", "stdout breaks"],
};
const pairs = Object.entries(plan).flatMap(([state, all]) =>
  all.map((ending) => [state as State, ending] as const),
);

describe.concurrent("the process is gone within 2 s, with code 0 and nothing on stderr", () => {
  it.each(pairs)("it %s when %s", async (state, ending) => {
    const server = await states[state]();
    const ms = timeToEnd(pidOf(server));
    endings[ending](server);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(await ms).toBeLessThan(soonerThan(patienceMs));
    expect(server.stderr()).toBe("");
  });
});

describe.concurrent("a call in flight when stdin ends", () => {
  const stopping = (server: ServerProcess) =>
    server.until(() => server.stderr().includes("stopping: "));
  const log = { PRELUDE_LOG_LEVEL: "info" };

  it.each(["stdin ends", "SIGTERM comes"] as const)(
    "is finished and answered if Prelude answers soon: %s",
    async (ending) => {
      let answer = () => {};
      const { server, upstream } = await calling(
        [
          (_, response) => {
            answer = () => response.writeHead(204).end();
          },
        ],
        log,
      );
      await soon(() => upstream.received.length === 1);
      endings[ending](server);
      await stopping(server);
      answer();
      expect(await server.exited).toEqual({ code: 0, signal: null });
      await server.closed;
      expect(server.messages.at(-1)).toMatchObject({
        id: 1,
        result: { structuredContent: { status: "updated" } },
      });
    },
  );

  it("leaves no request unanswered that comes in one piece with its cancellation", async () => {
    const { server, upstream } = await calling([hang], log);
    await soon(() => upstream.received.length === 1);
    endings["SIGTERM comes"](server);
    await stopping(server);
    const pieces = [
      { method: "notifications/cancelled", params: { requestId: 1 } },
      { id: "known", method: "ping" },
      { id: "unknown", method: "nothing/such" },
    ].map((message) => JSON.stringify({ jsonrpc: "2.0", ...message }));
    server.stdin.write(`${pieces.join("\n")}\n`);
    await server.closed;
    const answered = server.messages.map(({ id }) => id);
    expect(answered.slice(-2).sort()).toEqual(["known", "unknown"]);
    expect(answered).not.toContain(1);
  });
});

describe.concurrent("no orphan", () => {
  it.each([
    ["an idle server", []],
    ["a server with a call in flight", [1]],
  ])("when the host is killed: %s", async (_, calls) => {
    const upstream = await upstreamWith(hang);
    const requests = calls.map((id) =>
      JSON.stringify({
        jsonrpc: "2.0",
        id,
        method: "tools/call",
        params: { name: "update_user_profile", arguments: args },
      }),
    );
    const input = `${[...requests, '{"jsonrpc":"2.0","id":0,"method":"ping"}'].join("\n")}\n`;
    const hostScript = `
      const { spawn } = require("node:child_process");
      const stdio = ["pipe", "pipe", "inherit"];
      const server = spawn(process.execPath, [process.argv[1]], { stdio });
      server.stdin.write(process.argv[2]);
      server.stdout.once("data", () => console.log(server.pid));`;
    const host = spawn(process.execPath, ["-e", hostScript, builtServer, input], {
      env: { ...noUpstream, PRELUDE_BASE_URL: upstream.url },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stderr = "";
    host.stderr.on("data", (text) => {
      stderr += text;
    });
    const [line] = await once(createInterface(host.stdout), "line");
    const pid = Number(line);
    await soon(() => upstream.received.length === calls.length);
    expect(isAlive(pid)).toBe(true);
    orphans.push(pid);
    const ms = timeToEnd(pid);
    host.kill("SIGKILL");
    expect(await ms).toBeLessThan(soonerThan(patienceMs));
    orphans.splice(orphans.indexOf(pid), 1);
    expect(stderr).toBe("");
  });

  // From the moment stdin ends until after the last moment that a stop may take.
  const moments = Array.from({ length: 6 }, (_, i) => i * 300);
  it.each(["SIGTERM", "SIGKILL"] as const)(
    "when %s comes at any moment of the shutdown",
    async (signal) => {
      const ends = moments.map(async (delay) => {
        const { server, upstream } = await calling([hang]);
        await soon(() => upstream.received.length === 1);
        const ms = timeToEnd(pidOf(server));
        server.stdin.end();
        const timer = setTimeout(() => server.child.kill(signal), delay);
        const end = await server.exited;
        clearTimeout(timer);
        await server.closed;
        return { ...end, stderr: server.stderr(), late: (await ms) > soonerThan(patienceMs) };
      });
      for (const end of await Promise.all(ends)) {
        // Once Node has taken down its own signal handlers, a signal ends what is left at once.
        const how = end.signal ? { code: null, signal } : { code: 0, signal: null };
        expect(end).toEqual({ ...how, stderr: "", late: false });
      }
    },
  );
});
