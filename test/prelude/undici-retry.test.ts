import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Agent, interceptors, RetryAgent, request } from "undici";
import { afterEach, describe, expect, test } from "vitest";

// Why prelude/client.ts repeats requests itself: what undici's own retry (RetryAgent,
// interceptors.retry; they share one handler) does with this product's one request. A test that
// fails here after an update of undici means that the reason is gone.

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const start = async (...steps: Handler[]) => {
  const received: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(async (message, response) => {
    message.resume();
    await once(message, "end");
    received.push(message);
    await steps[Math.min(received.length, steps.length) - 1]?.(message, response);
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { received, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const policy = {
  methods: ["PATCH" as const],
  statusCodes: [408, 429, 500, 502, 503, 504],
  maxRetries: 2,
  minTimeout: 1,
  maxTimeout: 60_000,
  timeoutFactor: 1,
};

type Policy = typeof policy & { throwOnError: boolean };

const kinds: [string, (policy: Policy) => RetryAgent | Agent][] = [
  ["RetryAgent", (policy) => new RetryAgent(new Agent(), policy)],
  ["interceptors.retry", (policy) => new Agent().compose(interceptors.retry(policy)) as Agent],
];
const newPatch =
  (create: (policy: Policy) => RetryAgent | Agent, throwOnError: boolean) =>
  async (url: string, signal: AbortSignal, minTimeout = 1) => {
    const dispatcher = create({ ...policy, throwOnError, minTimeout });
    closers.push(() => dispatcher.destroy());
    const body = Buffer.from('{"profile":{"name":"Ada"}}');
    return request(url, { method: "PATCH", body, dispatcher, signal });
  };

const fail: Handler = (_, response) => response.writeHead(503).end('{"code":"internal"}');
const accept: Handler = (_, response) => response.writeHead(204).end();

/** Resolves at the next message on one of undici's diagnostics channels. */
const published = (channel: string): Promise<void> =>
  new Promise((resolve) => {
    const listener = () => {
      unsubscribe(channel, listener);
      resolve();
    };
    subscribe(channel, listener);
  });

/** How many milliseconds a call that waits 300 ms for its repeat goes on after it was aborted. */
const abortedWhileWaiting = async (patch: ReturnType<typeof newPatch>, step: Handler) => {
  const { url, received } = await start(step);
  const cancelled = new AbortController();
  const refused = Promise.race(["undici:request:error", "undici:request:trailers"].map(published));
  const call = patch(url, cancelled.signal, 300);
  await refused;
  const aborted = performance.now();
  cancelled.abort();
  await expect(call).rejects.toThrow();
  expect(received).toHaveLength(1);
  return performance.now() - aborted;
};

const cases = kinds.flatMap(([kind, create]) =>
  [true, false].map((throwOnError) => ({ kind, create, throwOnError })),
);

describe.each(cases)("undici's $kind, throwOnError: $throwOnError", ({ create, throwOnError }) => {
  const patch = newPatch(create, throwOnError);

  test("does repeat a PATCH where everything is well-behaved", async () => {
    const { url, received } = await start(fail, accept);
    const { statusCode } = await patch(url, AbortSignal.timeout(5_000));
    expect([statusCode, received.length]).toEqual([204, 2]);
  });

  test("waits for the end of a refused attempt's body, so one without end stops everything", async () => {
    const { url, received } = await start((_, response) => {
      response.writeHead(503);
      response.write("{");
    }, accept);
    await expect(patch(url, AbortSignal.timeout(100))).rejects.toThrow("aborted due to timeout");
    expect(received).toHaveLength(1);
  });

  test("goes on waiting after an abort, if a connection error came before", async () => {
    const drop: Handler = (message) => message.socket.destroy();
    expect(await abortedWhileWaiting(patch, drop)).toBeGreaterThan(150);
  });

  test("asks for the rest of a success that broke off: a PATCH with a Range", async () => {
    const { url, received } = await start((_, response) => {
      response.writeHead(200, { "content-length": 20 });
      response.write('{"status":', () => response.socket?.end());
    }, accept);
    const { body } = await patch(url, AbortSignal.timeout(5_000));
    await expect(body.text()).rejects.toThrow();
    expect(received.map(({ headers }) => headers.range)).toEqual([undefined, "bytes=10-19"]);
  });

  test("knows neither x-should-retry nor retry-after-ms", async () => {
    const { url, received } = await start((_, response) => {
      response.writeHead(503, { "x-should-retry": "false", "retry-after-ms": "4000" }).end();
    }, accept);
    const started = performance.now();
    const { statusCode } = await patch(url, AbortSignal.timeout(5_000));
    expect([statusCode, received.length]).toEqual([204, 2]);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe.each(kinds)("undici's %s, as it is by default", (_, create) => {
  const patch = newPatch(create, true);

  test("goes on waiting after an abort, if a refusal came before", async () => {
    expect(await abortedWhileWaiting(patch, fail)).toBeGreaterThan(150);
  });

  test("keeps no body of the last refusal, and so no code of the API", async () => {
    const { url, received } = await start(fail);
    const error = await patch(url, AbortSignal.timeout(5_000)).catch((thrown: unknown) => thrown);
    expect(received).toHaveLength(3);
    expect(error).toMatchObject({ code: "UND_ERR_REQ_RETRY", statusCode: 503 });
    expect(error).not.toHaveProperty("body");
    expect(JSON.stringify(error)).not.toContain("internal");
  });
});
