import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";
import {
  app,
  builtServer,
  type ServerProcess,
  startServer,
  user,
} from "../../support/server-process.ts";
import { startUpstream, type Upstream } from "../../support/upstream.ts";

const MiB = 1024 * 1024;
/**
 * The most memory that the server may take, in MiB, with any of the inputs below: it has about 50
 * when it has just started, and a line of 10 MiB takes up to six times that while it is read.
 */
const bound = 250;
/** The same for many large requests in flight, of which it holds 64 MiB. */
const boundInFlight = 500;

const servers: ServerProcess[] = [];
const upstreams: Upstream[] = [];
afterAll(async () => {
  for (const { child } of servers) child.kill("SIGKILL");
  await Promise.all(upstreams.map((upstream) => upstream.close()));
});

const start = (options: Parameters<typeof startServer>[0] = {}): ServerProcess => {
  const env = { PRELUDE_API_KEY: "sk_test_memory", PRELUDE_BASE_URL: "http://127.0.0.1:9" };
  const server = startServer({ ...options, env: { ...env, ...options.env } });
  servers.push(server);
  return server;
};

/** An upstream that never answers. */
const hanging = async (): Promise<Upstream> => {
  const upstream = await startUpstream(() => {});
  upstreams.push(upstream);
  return upstream;
};

/** The most memory that a process has ever held, in MiB; only Linux tells. */
const peakOf = ({ child }: ServerProcess): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024;
const isLinux = process.platform === "linux";

const soon = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 50_000, interval: 10 });
const write = { app_id: app, user_id: user, profile: { a: "b" } };
const call = (id: unknown, args: string, more = "") =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"update_user_profile","arguments":${args}${more}}}`;
const many = (count: number, one: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => one(i)).join(",");

/** What happens to a request: "result", the code of an error, or the code of our own. */
const outcome = (server: ServerProcess, id: unknown) => {
  const message = server.messages.find((one) => one.id === id);
  const structured = message?.result?.structuredContent as { error?: { code: string } } | undefined;
  return message?.error?.code ?? structured?.error?.code ?? (message && "result");
};

// A line that holds much more than its bytes let expect.
const dense: [name: string, line: string, outcome: unknown][] = [
  ["800,000 undeclared arguments", call(1, `{${many(800_000, (i) => `"k${i}":1`)}}`), -32600],
  ["800,000 profile keys", call(1, `{"profile":{${many(800_000, (i) => `"k${i}":""`)}}}`), -32600],
  [
    "140,000 undeclared arguments",
    call(1, `{${many(140_000, (i) => `"k${i}":1`)}}`),
    "invalid_arguments",
  ],
  [
    "140,000 profile keys",
    call(
      1,
      `{"app_id":"${app}","user_id":"${user}","profile":{${many(140_000, (i) => `"k${i}":""`)}}}`,
    ),
    "invalid_arguments",
  ],
  ["3,000,000 objects", call(1, `[${many(3_000_000, () => "{}")}]`), -32600],
  ["5,000,000 arrays in arrays", call(1, "[".repeat(5_000_000) + "]".repeat(5_000_000)), -32600],
  [
    "4,000,000 members of _meta",
    call(1, "{}", `,"_meta":{${many(2_000_000, () => '"":1')}}`),
    -32600,
  ],
  [
    "a progress token of 8 MB",
    call(1, JSON.stringify(write), `,"_meta":{"progressToken":"${"t".repeat(8_000_000)}"}`),
    -32602,
  ],
  [
    "a progress token of 1,001 characters",
    call(1, JSON.stringify(write), `,"_meta":{"progressToken":"${"t".repeat(1_001)}"}`),
    -32602,
  ],
  [
    "a value of 9 MB in every script",
    call(1, `{"profile":{"a":"${"日é💡x".repeat(900_000)}"}}`),
    "invalid_arguments",
  ],
  [
    "a version of 9 MB",
    call(
      1,
      "{}",
      `,"_meta":{"io.modelcontextprotocol/protocolVersion":"${"v".repeat(9_000_000)}","io.modelcontextprotocol/clientCapabilities":{}}`,
    ),
    -32022,
  ],
];

describe.skipIf(!isLinux)(`memory stays below ${bound} MiB`, () => {
  it.each(dense)("with %s", async (_, line, expected) => {
    const server = start();
    server.write(`${line}\n`);
    expect(await server.request("ping")).toMatchObject({ result: {} });
    expect(outcome(server, 1)).toBe(expected);
    expect(JSON.stringify(server.messages).length).toBeLessThan(100_000);
    expect(peakOf(server)).toBeLessThan(bound);
    expect(await server.close()).toEqual({ code: 0, signal: null });
  });

  it.each([
    ["of 8 MB, the longest ones", 8_000_000, []],
    ["of 100,001 characters", 100_001, []],
    ["of 100,000 characters", 100_000, ["result"]],
  ])("with ids %s", async (_, length, expected) => {
    const server = start();
    for (let i = 0; i < 20; i++) server.write(`${call(`${i}`.padEnd(length), "{}")}\n`);
    const wanted = expected.length * 20 + 1;
    server.write(`{"jsonrpc":"2.0","id":"after","method":"ping"}\n`);
    await server.until(
      () => server.messages.length === wanted && outcome(server, "after") !== undefined,
    );
    expect(peakOf(server)).toBeLessThan(bound);
    await server.close();
  });

  // Each such character takes one byte of the call, and twelve of an answer that repeats it twice.
  const unseen = Array.from({ length: 1_000 }, (_, i) => `"a${"\x7f".repeat(246)}${1_000 + i}":""`);
  const args = `{"app_id":"${app}","user_id":"${user}","profile":{${unseen}}}`;
  const calls = Array.from({ length: 38 }, (_, i) => call(i, args));
  it.each([
    ["in a batch", `[${calls}]\n`],
    ["in lines", `${calls.join("\n")}\n`],
  ])("with 38 calls whose key names are invisible, %s", async (_, lines) => {
    const server = start({ env: { PRELUDE_ALLOWED_KEYS: "first_name" } });
    server.write(lines);
    await soon(() => calls.every((_, i) => outcome(server, i) === "key_not_allowed"));
    for (const message of server.messages) {
      expect(JSON.stringify(message).length).toBeLessThan(MiB);
    }
    expect(peakOf(server)).toBeLessThan(bound);
    await server.close();
  });

  it("with one endless line of 300 MB, and what follows it works", async () => {
    const server = start();
    server.write('{"jsonrpc":"2.0","method":"ping","params":"');
    for (let i = 0; i < 300; i++) {
      await new Promise((resolve) => server.stdin.write("x".repeat(MiB), resolve));
    }
    server.write('","id":"told"}\n');
    await server.request("ping");
    expect(outcome(server, "told")).toBe(-32600);
    expect(peakOf(server)).toBeLessThan(bound);
    await server.close();
  });

  it.each([
    ["4 MB", 4 * MiB, "result"],
    ["64 kB", 64 * 1024, "result"],
  ])("with a message of %s that comes in single bytes", async (_, length, expected) => {
    // Each byte is a write of its own, which a stream of Node's would put together.
    const writer = `
      const { writeSync } = require("node:fs");
      const pad = "x".repeat(${length});
      const bytes = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", params: { pad } }) + "\\n");
      for (let at = 0; at < bytes.length; )
        try { at += writeSync(1, bytes, at, 1); } catch (error) { if (error.code !== "EAGAIN") throw error; }
      process.stdin.resume();`;
    const command = [
      "sh",
      "-c",
      'echo $$ >&2; "$0" -e "$1" | { exec "$0" "$2"; }',
      process.execPath,
      writer,
      builtServer,
    ];
    const server = start({ command });
    await server.until(() => server.messages.length === 1);
    expect(outcome(server, 1)).toBe(expected);
    const children = readFileSync(
      `/proc/${server.child.pid}/task/${server.child.pid}/children`,
      "utf8",
    );
    const peaks = children
      .trim()
      .split(" ")
      .map((pid) =>
        peakOf({ ...server, child: { ...server.child, pid: Number(pid) } } as ServerProcess),
      );
    expect(Math.max(...peaks)).toBeLessThan(150);
    await server.close();
  });

  it.each([
    [
      "one large request among many small things",
      (i: number) =>
        `[${call(i, JSON.stringify(write), `,"pad":"${"x".repeat(4 * MiB)}"`)}${",1".repeat(50_000)}]`,
    ],
    [
      "two large requests",
      (i: number) =>
        `[${[i, `${i} too`].map((id) => call(id, JSON.stringify(write), `,"pad":"${"x".repeat(4 * MiB)}"`)).join()}]`,
    ],
    [
      "no batch at all",
      (i: number) => call(i, JSON.stringify(write), `,"pad":[${many(60_000, () => "{}")}]`),
    ],
  ])("with 60 lines of requests that stay in flight: %s", async (_, lineOf) => {
    const upstream = await hanging();
    const server = start({
      env: { PRELUDE_BASE_URL: upstream.url, PRELUDE_MAX_WRITES_PER_MINUTE: "0" },
    });
    for (let i = 0; i < 60; i++) {
      await new Promise((resolve) => server.stdin.write(`${lineOf(i)}\n`, resolve));
    }
    await server.request("ping");
    const refused = server.messages.filter(({ error }) => error?.code === -32000);
    expect(refused.length).toBeGreaterThan(20);
    expect(peakOf(server)).toBeLessThan(boundInFlight);
    server.child.kill("SIGKILL");
  });

  it.each([
    ["800,000 fields", `{"action":"accept","content":{${many(800_000, (i) => `"k${i}":1`)}}}`],
    ["140,000 fields", `{"action":"accept","content":{${many(140_000, (i) => `"k${i}":1`)}}}`],
    ["a field of 9 MB", `{"action":"decline","content":{"a":"${"x".repeat(9_000_000)}"}}`],
    [
      "a field that is nested",
      `{"action":"decline","content":{"a":${"[".repeat(70_000) + "]".repeat(70_000)}}}`,
    ],
    [
      "members of 9 MB that belong to nothing",
      `{"action":"decline","a":["${"x".repeat(9_000_000)}"]}`,
    ],
    ["11 MB", `{"action":"accept","content":{"a":"${"x".repeat(11_000_000)}"}}`],
  ])("with an answer to a question that has %s, and nothing is written", async (_, answer) => {
    const upstream = await hanging();
    const server = start({ env: { PRELUDE_BASE_URL: upstream.url, PRELUDE_CONFIRM: "true" } });
    await server.initialize({ elicitation: {} });
    server.write(`${call(1, JSON.stringify(write))}\n`);
    await server.until(() => server.messages.some(({ method }) => method === "elicitation/create"));
    const question = server.messages.find(({ method }) => method === "elicitation/create");
    server.write(`{"jsonrpc":"2.0","id":${JSON.stringify(question?.id)},"result":${answer}}\n`);
    await soon(() => outcome(server, 1) !== undefined);
    expect(outcome(server, 1)).toMatch(/^confirmation_(declined|unavailable)$/);
    expect(upstream.received).toEqual([]);
    expect(peakOf(server)).toBeLessThan(bound);
    await server.close();
  });
});
