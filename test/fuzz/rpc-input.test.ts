import { isUtf8 } from "node:buffer";
import { Ajv, type ValidateFunction } from "ajv";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import {
  app,
  type RpcResponse,
  type ServerProcess,
  startServer,
} from "../support/server-process.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";
import { damage, damaged, fuzz, runsOf } from "./run.ts";

const numRuns = runsOf(1_500);
const apiKey = "sk_test_FUZZ_0123456789";

// What goes in.

const text = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: "binary", maxLength: 30 }));
const json = fc.jsonValue({ maxDepth: 3 });
const mostly = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<unknown> = json) =>
  fc.oneof({ weight: 8, arbitrary: usual as fc.Arbitrary<unknown> }, other);
const id = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[a-z]{1,8}$/) },
  { weight: 3, arbitrary: fc.integer({ min: -5, max: 1_000 }) },
  // Few enough to meet again, in flight and cancelled.
  { weight: 4, arbitrary: fc.constantFrom<unknown>(7, "7", 0, "") },
  fc.constantFrom<unknown>(-1, 2 ** 53 - 1, 2 ** 53, 1.5, null, true, "💡", {}, [1]),
  fc.string({ unit: "binary", maxLength: 20 }),
);

const profile = mostly(fc.dictionary(text, mostly(text), { maxKeys: 5 }));
const args = fc.record({
  app_id: mostly(fc.constant(app)),
  user_id: mostly(fc.integer({ min: 0, max: 40 }).map((i) => `usr_${i}`)),
  profile: mostly(
    profile,
    profile.map((value) => JSON.stringify(value)),
  ),
  on_reserved_key: mostly(fc.constantFrom(undefined, undefined, "fail", "skip")),
});
const meta = fc.record(
  {
    progressToken: mostly(fc.oneof(fc.integer(), text)),
    "io.modelcontextprotocol/protocolVersion": mostly(fc.constantFrom("2026-07-28", "2099-01-01")),
    "io.modelcontextprotocol/clientCapabilities": mostly(fc.constantFrom({}, { elicitation: {} })),
    other: json,
  },
  { requiredKeys: [] },
);

/** Parameters of each method; those of the call more often. */
const params: Record<string, fc.Arbitrary<object>> = {
  "tools/call": fc.record({
    name: mostly(fc.constant("update_user_profile")),
    arguments: mostly(
      args,
      args.map((value) => JSON.stringify(value)),
    ),
  }),
  "tools/list": fc.constant({}),
  "server/discover": fc.constant({}),
  ping: fc.constant({}),
  initialize: fc.record({
    protocolVersion: mostly(fc.constantFrom("2025-11-25", "2024-11-05")),
    capabilities: mostly(fc.constantFrom({}, { elicitation: {} })),
    clientInfo: mostly(fc.constant({ name: "fuzz", version: "1" })),
  }),
  "notifications/initialized": fc.constant({}),
  "notifications/cancelled": fc.record({ requestId: mostly(id), reason: mostly(text) }),
  "notifications/progress": fc.record({ progressToken: id, progress: json }),
};
const calls = Array<string>(6).fill("tools/call");
const request = fc.constantFrom(...calls, ...Object.keys(params)).chain((method) =>
  fc.record({
    jsonrpc: mostly(fc.constant("2.0")),
    id: method.startsWith("notifications/") ? mostly(fc.constant(undefined), id) : mostly(id),
    method: mostly(fc.constant(method)),
    params: mostly(
      fc
        .tuple(params[method] as fc.Arbitrary<object>, mostly(fc.constant(undefined), meta))
        .map(([all, _meta]) => ({ ...all, _meta })),
    ),
  }),
);
const message = fc.oneof(
  { weight: 9, arbitrary: request },
  fc.record({ jsonrpc: fc.constant("2.0"), id, result: mostly(fc.dictionary(text, json)) }),
  fc.record({ jsonrpc: fc.constant("2.0"), id, error: json }),
  fc.dictionary(fc.constantFrom("jsonrpc", "id", "method", "params", "result", "__proto__"), json),
);

const valid = message.map((one) => Buffer.from(JSON.stringify(one)));
const lines = fc.oneof(
  { weight: 10, arbitrary: valid },
  { weight: 6, arbitrary: fc.tuple(valid, damage).map(([line, edits]) => damaged(line, edits)) },
  fc.array(mostly(message), { maxLength: 5 }).map((batch) => Buffer.from(JSON.stringify(batch))),
  json.map((value) => Buffer.from(JSON.stringify(value))),
  fc.uint8Array({ maxLength: 60 }),
  fc
    .constantFrom("", " ", "\ufeff", "[]", "{}", "[".repeat(5_000))
    .map((line) => Buffer.from(line)),
);
type Input = { lines: [line: Uint8Array, end: string][]; cuts: number[] };
const ends = fc.constantFrom("\n", "\n", "\r\n", "\n\n", "");
const input: fc.Arbitrary<Input> = fc.record({
  lines: fc.array(fc.tuple(lines, ends), { minLength: 1, maxLength: 5 }),
  cuts: fc.oneof(
    { weight: 25, arbitrary: fc.array(fc.nat(2_000), { maxLength: 4 }) },
    // In single bytes.
    fc.constant(Array.from({ length: 2_000 }, (_, at) => at)),
  ),
});

// What must come out, from the specification alone.

const isUsable = (value: unknown) => typeof value === "string" || Number.isSafeInteger(value);
const keyOf = (value: unknown) => JSON.stringify(value);

/** The messages of each line, and whether that is text at all. */
const messagesIn = (bytes: Buffer) =>
  bytes
    .toString("latin1")
    .split("\n")
    .flatMap((latin1) => {
      const line = Buffer.from(latin1, "latin1");
      const isText = isUtf8(line);
      try {
        const value: unknown = JSON.parse((isText ? line.toString() : latin1).trim());
        return (Array.isArray(value) ? value : [value]).map((entry) => ({ entry, isText }));
      } catch {
        return [];
      }
    });

/** How many answers an input demands under an id, at least and at most. */
type Demand = { least: number; most: number };

/** What is to be answered. A cancellation takes back no more than one request, an earlier one. */
const demands = (bytes: Buffer): Map<string, Demand> => {
  const all = new Map<string, Demand>();
  for (const { entry, isText } of messagesIn(bytes)) {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) continue;
    const taken = entry.method === "notifications/cancelled" && keyOf(entry.params?.requestId);
    const earlier = all.get(String(taken));
    if (earlier) earlier.least = Math.max(0, earlier.least - 1);
    const isResponse =
      (entry.method ?? undefined) === undefined && ("result" in entry || "error" in entry);
    if (!isUsable(entry.id) || isResponse) continue;
    const demand = all.get(keyOf(entry.id)) ?? { least: 0, most: 0 };
    all.set(keyOf(entry.id), demand);
    demand.most += 1;
    if (isText) demand.least += 1;
  }
  return all;
};

// The server, one for many cases.

type Session = {
  server: ServerProcess;
  validate: ValidateFunction;
  output: () => string;
  /** Answers wanted at least and at most, and received, for each id, since the server's start. */
  least: Map<string, number>;
  most: Map<string, number>;
  received: Map<string, number>;
};
let session: Session | undefined;
let upstream: Upstream | undefined;
let sentinels = 0;

afterAll(async () => {
  session?.server.child.kill("SIGKILL");
  await upstream?.close();
});

const start = async (): Promise<Session> => {
  // Echoes the key and other foul text, with every kind of status; the path decides.
  upstream ??= await startUpstream(({ path, headers }, response) => {
    const statuses = [204, 204, 204, 400, 403, 404, 429, 500, 200, 302];
    const status = statuses[Number(/usr_(\d+)/.exec(path)?.[1] ?? 0) % statuses.length] as number;
    response.writeHead(status, { "retry-after-ms": "1", "x-request-id": apiKey, location: "/" });
    if (status === 204) {
      response.end();
      return;
    }
    const message = `You sent ${headers.authorization} \u001b[31m\u202e<b>`;
    response.end(
      JSON.stringify({ code: status === 400 ? "reserved_profile_key" : "internal", message }),
    );
  });
  const server = startServer({
    env: {
      PRELUDE_API_KEY: apiKey,
      PRELUDE_BASE_URL: upstream.url,
      PRELUDE_MAX_WRITES_PER_MINUTE: "0",
    },
  });
  let output = "";
  server.stdout.on("data", (chunk: string) => {
    output += chunk;
  });
  const { result = {} } = await server.request("tools/list");
  const [tool] = result.tools as [{ outputSchema: object }];
  server.messages.length = 0;
  const validate = new Ajv({ strict: false }).compile(tool.outputSchema);
  return {
    server,
    validate,
    output: () => {
      const all = output;
      output = "";
      return all;
    },
    least: new Map(),
    most: new Map(),
    received: new Map(),
  };
};

const add = (to: Map<string, number>, key: string, count: number) =>
  to.set(key, (to.get(key) ?? 0) + count);

const checkAnswer = ({ validate }: Session, message: RpcResponse & { method?: string }): void => {
  expect(message.jsonrpc).toBe("2.0");
  if (message.method !== undefined) {
    expect(message.method).toBe("notifications/progress");
    return;
  }
  const { result, error } = message;
  expect([result, error].filter((part) => part !== undefined)).toHaveLength(1);
  if (error) {
    expect(Number.isInteger(error.code)).toBe(true);
    expect(error.message.length).toBeLessThan(1_000);
  }
  if (result?.content === undefined) return;
  expect(validate(result.structuredContent), JSON.stringify(validate.errors)).toBe(true);
  const [{ text: said }] = result.content as [{ text: string }];
  expect(JSON.parse(said)).toEqual(result.structuredContent);
};

const feed = async (bytes: Buffer, cuts: readonly number[]): Promise<void> => {
  session ??= await start();
  const now = session;
  const { server, least, most, received } = now;
  const demanded = demands(bytes);
  const sentinel = keyOf(`sentinel ${sentinels++}`);
  demanded.set(sentinel, { least: 1, most: 1 });
  for (const [key, demand] of demanded) {
    add(least, key, demand.least);
    add(most, key, demand.most);
  }

  let from = 0;
  for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
    const part = bytes.subarray(from, cut);
    from = Math.max(from, Math.min(cut, bytes.length));
    if (part.length > 0) await new Promise((resolve) => server.stdin.write(part, resolve));
  }
  server.write(`\n{"jsonrpc":"2.0","id":${sentinel},"method":"ping"}\n`);

  const take = () => {
    for (const message of server.messages.splice(0)) {
      checkAnswer(now, message);
      if (message.method !== undefined) continue;
      add(received, keyOf(message.id), 1);
    }
    return [...demanded.keys()].every((key) => (received.get(key) ?? 0) >= (least.get(key) ?? 0));
  };
  await server.until(take);
  for (const [key, count] of received) {
    if (count > (most.get(key) ?? 0))
      throw new Error(`${count} answers for the id ${key}, asked ${most.get(key) ?? 0} times`);
  }
  const said = now.output() + server.stderr();
  expect(said).not.toContain(apiKey);
  expect(server.stderr()).toMatch(/^(?:prelude-profile-mcp: (?:ignored|\w+: \w+ \() ?[^\n]*\n)*$/);
};

it(`answers each request once and stays pure and alive, whatever comes in (${numRuns} inputs)`, {
  timeout: 3_600_000,
}, async () => {
  const check = ({ lines: all, cuts }: Input) => {
    const bytes = all.flatMap(([line, lineBreak]) => [line, Buffer.from(lineBreak)]);
    return feed(Buffer.concat(bytes), cuts);
  };
  await fuzz("rpc input", numRuns, input, check, () => {
    session?.server.child.kill("SIGKILL");
    session = undefined;
  });
  expect(await session?.server.close()).toEqual({ code: 0, signal: null });
});
