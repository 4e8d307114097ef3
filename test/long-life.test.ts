import { readdirSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { afterAll, expect, it } from "vitest";
import {
  builtServer,
  type ServerProcess,
  startServer,
  toolAnswer,
} from "./support/server-process.ts";
import { startApi } from "./support/upstream.ts";

/** LONG_LIFE_CALLS=50000 for the long run. */
const calls = Number(process.env.LONG_LIFE_CALLS ?? 4_000);
/** Enough for every piece of code to have run and every pool to have its size. */
const warmUp = 2_000;
const inFlight = 48;
/** How often all connections break at once. */
const breaks = 5;

let server: ServerProcess | undefined;
afterAll(() => server?.child.kill("SIGKILL"));

/** What the upstream does with a call -> the codes that the call may end with. */
const outcomes: [
  share: number,
  play: (answer: ServerResponse, socket: Socket) => void,
  codes: (string | undefined)[],
][] = [
  [60, (answer) => answer.writeHead(204).end(), [undefined]],
  [6, (answer) => json(answer, 400, "invalid_request"), ["invalid_request"]],
  [6, (answer) => json(answer, 400, "reserved_profile_key"), ["reserved_profile_key"]],
  [6, (answer) => json(answer, 404, "user_not_found"), ["user_not_found"]],
  [4, (answer) => json(answer, 401, "invalid_api_token"), ["unauthorized"]],
  [6, (answer) => json(answer, 503, "internal"), ["upstream_error"]],
  [4, (answer) => json(answer, 429, "slow_down"), ["rate_limited"]],
  [2, (answer) => answer.writeHead(200).end("<html>sign in</html>"), ["unexpected_response"]],
  [2, (answer) => answer.writeHead(302, { location: "/x" }).end(), ["unexpected_response"]],
  [2, (answer) => answer.writeHead(200, { connection: "close" }).end("{}"), [undefined]],
  // The call is repeated, and by then something else is played.
  [1, (_, socket) => socket.destroy(), [undefined]],
  [
    1,
    (answer, socket) =>
      void answer.writeHead(200, { "content-length": 9 }).write("{", () => socket.destroy()),
    [undefined],
  ],
];
const play = outcomes.flatMap(([share, ...outcome]) =>
  Array.from({ length: share }, () => outcome),
);

const json = (answer: ServerResponse, status: number, code: string): void => {
  answer.writeHead(status, { "content-type": "application/json", "retry-after-ms": "1" });
  answer.end(JSON.stringify({ code, status: "word", message: `About ${code}.` }));
};

/** An upstream that plays these outcomes; a connection that was dropped once works the second time. */
const startPlaying = () => {
  const dropped = new Set<string>();
  return startApi(({ path }, answer, socket) => {
    const [, number = "0"] = /usr_(\d+)/.exec(path) ?? [];
    const [act] = play[Number(number) % play.length] as (typeof play)[number];
    if (dropped.has(number)) answer.writeHead(204).end();
    else act(answer, socket);
    if (socket.destroyed || !answer.writableEnded) dropped.add(number);
  });
};

/** Makes the process tell, on SIGUSR2, what it holds after a full garbage collection. */
const probe = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from "node:fs";
  process.on("SIGUSR2", () => setTimeout(() => {
    gc(); gc();
    const counts = {};
    for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
    const names = ["uncaughtException", "unhandledRejection", "exit", "warning", "SIGTERM"];
    const listeners = [
      ...names.map((name) => process.listenerCount(name)),
      ...["data", "end", "close", "error", "drain"].flatMap((name) => [process.stdin, process.stdout].map((stream) => stream.listenerCount(name))),
    ];
    const { heapUsed, external } = process.memoryUsage();
    writeSync(2, "PROBE " + JSON.stringify({ heap: heapUsed + external, counts, listeners }) + "\\n");
  }, 0));
`)}`;

type Held = { heap: number; counts: Record<string, number>; listeners: number[] };

it(`holds no more after ${calls} calls of every outcome than before them`, {
  timeout: 600_000,
}, async () => {
  const upstream = await startPlaying();
  const env = {
    PRELUDE_API_KEY: "sk_test_long_life",
    PRELUDE_BASE_URL: upstream.url,
    PRELUDE_MAX_WRITES_PER_MINUTE: "0",
  };
  const running = startServer({
    env,
    command: [process.execPath, "--expose-gc", "--import", probe, builtServer],
  });
  server = running;
  await running.initialize();

  const pid = running.child.pid as number;
  let probes = 0;
  const held = async () => {
    running.child.kill("SIGUSR2");
    probes += 1;
    const lines = () =>
      running
        .stderr()
        .split("\n")
        .filter((line) => line.startsWith("PROBE "));
    await running.until(() => lines().length === probes);
    const said = JSON.parse((lines()[probes - 1] as string).slice(6)) as Held;
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    return { ...said, heap: said.heap / 2 ** 20, rss: rss / 1024, descriptors };
  };

  const seen = new Map<string | undefined, number>();
  const wrong: unknown[] = [];
  const callOnce = async (number: number): Promise<void> => {
    // Values differ in size; some calls carry a progress token; a few users get calls in a row.
    const profile = { note: "x".repeat(number % 500), number: String(number) };
    const args = {
      app_id: "54e9ujn",
      user_id: `usr_${number - (number % 7 === 0 ? 1 : 0)}`,
      profile,
    };
    const params = {
      name: "update_user_profile",
      arguments: args,
      ...(number % 5 === 0 && { _meta: { progressToken: number } }),
    };
    const { structured } = toolAnswer(await running.request("tools/call", params, number));
    const code = structured.error?.code;
    seen.set(code, (seen.get(code) ?? 0) + 1);
    const index = Number(args.user_id.slice(4)) % play.length;
    const [, codes] = play[index] as (typeof play)[number];
    // When all connections break, every call may lose its own.
    if (
      !codes.includes(code) &&
      code !== undefined &&
      code !== "unreachable" &&
      code !== "connection_lost"
    )
      wrong.push([number, code]);
    // The test must not hold what the server may not hold.
    running.messages.length = 0;
  };
  let next = 1_000_000;
  const callMany = async (count: number): Promise<void> => {
    const end = next + count;
    const worker = async () => {
      while (next < end) await callOnce(next++);
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
  };

  await callMany(warmUp);
  const before = await held();
  const from = performance.now();
  for (let i = 0; i < breaks; i++) {
    const part = callMany(Math.round(calls / breaks));
    upstream.dropConnections();
    await part;
  }
  const seconds = (performance.now() - from) / 1000;
  const after = await held();

  process.stderr.write(
    `long life: ${calls} calls in ${seconds.toFixed(1)} s; heap ${before.heap.toFixed(1)} -> ${after.heap.toFixed(1)} MiB, RSS ${before.rss.toFixed(0)} -> ${after.rss.toFixed(0)} MiB, descriptors ${before.descriptors} -> ${after.descriptors}\n`,
  );
  expect(wrong).toEqual([]);
  expect([...seen.keys()]).toEqual(
    expect.arrayContaining([undefined, ...outcomes.flatMap(([, , codes]) => codes)]),
  );
  // Whatever is kept of a call is at least some hundred bytes.
  expect(after.heap - before.heap).toBeLessThan(2);
  expect(after.rss - before.rss).toBeLessThan(40);
  // Connections come and go; there are never more than the pool allows.
  expect(after.descriptors).toBeLessThan(before.descriptors + 17);
  expect(after.counts.Timeout ?? 0).toBeLessThanOrEqual((before.counts.Timeout ?? 0) + 1);
  expect(after.listeners).toEqual(before.listeners);

  await upstream.close();
  expect(await running.close()).toEqual({ code: 0, signal: null });
  // No warning of Node's, no unhandled rejection, nothing ignored.
  expect(running.stderr().replace(/^(?:PROBE |prelude-profile-mcp: \w+: \w+ \().*\n/gm, "")).toBe(
    "",
  );
});
