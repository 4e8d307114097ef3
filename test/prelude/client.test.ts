import { createServer, type Socket } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { maxConnections } from "../../src/prelude/dispatcher.ts";
import { retryPolicy } from "../../src/prelude/retry.ts";
import {
  apiBody,
  applied,
  compressed,
  drip,
  drop,
  endless,
  honest,
  interim,
  never,
  raw,
  reply,
  reset,
  resetOnReuse,
  type Step,
  startFaultServer,
  truncated,
} from "../support/fault-server.ts";
import { apiKey, appId, done, send, setTheScene, slow } from "./scene.ts";

const { server, closers, newClient, scene, listen } = setTheScene();

describe("the request", () => {
  test("is the one of the API document, with these headers and no others", async () => {
    const { stage, patch, user } = scene([]);
    expect(await patch({ profile: { first_name: "Zoë", "": "", 'a"b': "\u0000" } })).toEqual(
      done(1),
    );
    const [request] = stage.received;
    expect(request?.method).toBe("PATCH");
    expect(request?.path).toBe(`/v2/session/apps/${appId}/users/${user}/profile`);
    expect(request?.rawBody).toBe('{"profile":{"first_name":"Zoë","":"","a\\"b":"\\u0000"}}');
    expect(request?.headers).toEqual({
      host: `127.0.0.1:${server().port}`,
      connection: "keep-alive",
      authorization: `Bearer ${apiKey}`,
      "content-type": "application/json",
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": `test/1.2.3 node/${process.versions.node}`,
      "content-length": String(Buffer.byteLength(request?.rawBody ?? "")),
    });
  });

  test("is answered with a status and, where the answer has one, an id", async () => {
    const headers = { "x-request-id": "req_1", "cf-ray": apiKey };
    const { patch } = scene([reply(204, "", headers), reply(200, "OK", headers), reply(201, "{}")]);
    expect(await patch()).toEqual({ attempts: 1, httpStatus: 204, requestId: "req_1" });
    expect(await patch()).toEqual({ attempts: 1, httpStatus: 200, requestId: "req_1" });
    expect(await patch()).toEqual({ attempts: 1, httpStatus: 201 });
  });

  test("keeps keys that every JavaScript object has", async () => {
    const { stage, patch } = scene([]);
    const names = ["__proto__", "constructor", "toString", "toJSON", "hasOwnProperty"];
    const profile = Object.fromEntries(names.map((name) => [name, `the ${name}`]));
    await patch({ profile });
    expect([...stage.profile]).toEqual(Object.entries(profile));
  });

  test("stays below its path, whatever the ids hold", async () => {
    const { client } = scene([]);
    const odd = { appId: "a/b?c#d", userId: "usr_%2e/../x y", profile: { a: "b" } };
    const scope = { signal: AbortSignal.timeout(5_000), deadlineAt: performance.now() + 5_000 };
    expect((await client.patchProfile(odd, scope)).failure?.code).toBe("not_found");
    expect(server().strays.map(({ path }) => path)).toContain(
      "/v2/session/apps/a%2Fb%3Fc%23d/users/usr_%252e%2F..%2Fx%20y/profile",
    );
  });

  test("goes below a path in the base URL", async () => {
    const client = newClient({ baseUrl: `${server().url}/gateway/prelude` });
    await send(client, "usr_below");
    expect(server().strays.map(({ path }) => path)).toContain(
      `/gateway/prelude/v2/session/apps/${appId}/users/usr_below/profile`,
    );
  });

  test("uses its connections again", async () => {
    const { stage, patch } = scene([honest, reply(400, apiBody("invalid_request"))]);
    for (let i = 0; i < 10; i++) await patch();
    // One that is about to be free again may be passed by for a new one, but not for a third.
    expect(new Set(stage.received.map(({ connection }) => connection)).size).toBeLessThan(3);
  });
});

describe("is repeated after", () => {
  const cases: [string, Step][] = [
    ...[408, 429, 500, 502, 503, 504].map((status): [string, Step] => [`${status}`, reply(status)]),
    ["a connection that closes", drop],
    ["a connection that closes after the write", applied(drop)],
    ["a connection that is reset", reset],
    ["a connection that is reset after the write", applied(reset)],
    ["a success that breaks off", applied(truncated(200, '{"status":'))],
    ["an answer of HTTP/1.1 100 that nobody asked for", raw("HTTP/1.1 100 Continue\r\n\r\n")],
    ["an upgrade that nobody asked for", raw("HTTP/1.1 101 Switching Protocols\r\n\r\n")],
  ];
  test.concurrent.each(cases)("%s", async (_, step) => {
    const once = scene([step]);
    expect(await once.patch()).toEqual(done(2));
    expect(once.stage.received).toHaveLength(2);
    expect(once.stage.profile).toEqual(new Map([["name", "Ada"]]));

    const always = scene([], { otherwise: step });
    const { attempts, failure } = await always.patch();
    expect(attempts).toBe(3);
    expect(failure).toBeDefined();
    expect(always.stage.received).toHaveLength(3);
  });

  test("a refused connection, as often, and nothing may have been written", async () => {
    const closed = createServer();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const onRetry = vi.fn();
    const client = newClient({ baseUrl: `http://127.0.0.1:${port}` });
    const { attempts, failure } = await send(client, "usr_1", { onRetry });
    expect(attempts).toBe(3);
    expect(onRetry).toHaveBeenCalledTimes(2);
    expect(failure).toMatchObject({
      code: "unreachable",
      mayHaveWritten: false,
      reason: "connection_refused",
    });
  });

  test("whatever x-should-retry allows, and nothing that it forbids", async () => {
    const answers: [number, string, number][] = [
      [409, "true", 2],
      [400, "TRUE", 2],
      [503, "false", 1],
      [429, "False", 1],
      [503, "perhaps", 2],
      [409, "perhaps", 1],
    ];
    for (const [status, word, attempts] of answers) {
      const { patch, stage } = scene([reply(status, "", { "x-should-retry": word })]);
      expect(await patch()).toMatchObject({ attempts });
      expect(stage.received).toHaveLength(attempts);
    }
  });
});

describe("is never repeated after", () => {
  const statuses = [
    400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 418, 421, 422, 423,
    424, 425, 426, 428, 431, 451, 499, 501, 505, 507, 511, 599,
  ];
  test.concurrent.each(statuses)("%d", async (status) => {
    const { stage, patch } = scene([reply(status, apiBody("whatever"))]);
    const { attempts, failure } = await patch();
    expect(attempts).toBe(1);
    expect(failure).toMatchObject({ httpStatus: status, mayHaveWritten: status >= 500 });
    expect(stage.received).toHaveLength(1);
    expect(stage.applied).toHaveLength(0);
  });

  test("a success that is an HTML page", async () => {
    const page = reply(200, "<h1>Sign in</h1>", { "content-type": "text/html" });
    const { stage, patch } = scene([page]);
    expect(await patch()).toMatchObject({
      attempts: 1,
      failure: { code: "unexpected_response", mayHaveWritten: true, httpStatus: 200 },
    });
    expect(stage.received).toHaveLength(1);
  });

  const notDone: [number, string][] = [
    [200, '{"error":"boom"}'],
    [200, '{"success":false}'],
    [200, "false"],
    [202, ""],
    [206, "OK"],
    [207, "{}"],
  ];
  test.each(notDone)("%d %s, which is no success", async (status, body) => {
    const { stage, patch } = scene([reply(status, body)]);
    expect(await patch()).toMatchObject({
      attempts: 1,
      failure: { code: "unexpected_response", mayHaveWritten: true, httpStatus: status },
    });
    expect(stage.received).toHaveLength(1);
  });

  test.concurrent.each([300, 301, 302, 303, 307, 308])(
    "redirect %d, nor followed",
    async (status) => {
      const other = scene([]);
      const location = `${server().url}/v2/session/apps/${appId}/users/${other.user}/profile`;
      const { stage, patch } = scene([reply(status, "", { location })]);
      expect(await patch()).toMatchObject({
        attempts: 1,
        failure: { code: "unexpected_response", httpStatus: status, mayHaveWritten: true },
      });
      expect(stage.received).toHaveLength(1);
      expect(other.stage.received).toHaveLength(0);
    },
  );
});

describe("the wait before a repeat", () => {
  const inAMinute = () => new Date(Date.now() + 60_000).toUTCString();
  const long: [string, () => Record<string, string>, number][] = [
    ["retry-after-ms", () => ({ "retry-after-ms": "61000" }), 61_000],
    ["Retry-After in seconds", () => ({ "retry-after": "61" }), 61_000],
    ["Retry-After as a date", () => ({ "retry-after": inAMinute() }), 60_000],
  ];

  test.each(long)("is as long as %s says", async (_, headers, ms) => {
    const cancelled = new AbortController();
    const waits: number[] = [];
    const { patch } = scene([reply(503, "", headers())]);
    await patch({
      timeoutMs: 100_000,
      signal: cancelled.signal,
      onRetry: ({ waitMs }) => {
        waits.push(waitMs);
        cancelled.abort();
      },
    });
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeLessThanOrEqual(ms);
    expect(waits[0]).toBeGreaterThan(ms - 2_000);
  });

  test.each(long)("does not begin where %s does not fit the deadline", async (_, headers, ms) => {
    const onRetry = vi.fn();
    const started = performance.now();
    const { stage, patch } = scene([reply(429, "", headers())]);
    const outcome = await patch({ timeoutMs: 20_000, onRetry });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(outcome).toMatchObject({ attempts: 1, failure: { code: "rate_limited" } });
    expect(outcome.retryAfterMs).toBeLessThanOrEqual(ms);
    expect(outcome.retryAfterMs).toBeGreaterThan(ms - 2_000);
    expect(onRetry).not.toHaveBeenCalled();
    expect(stage.received).toHaveLength(1);
  });

  const short: [string, Record<string, string>][] = [
    ["retry-after-ms: 5", { "retry-after-ms": "5" }],
    ["Retry-After: 0", { "retry-after": "0" }],
    ["a Retry-After in the past", { "retry-after": "Mon, 01 Jan 2024 00:00:00 GMT" }],
  ];
  test.each(short)("is shorter than the policy's if %s says so", async (_, headers) => {
    const { stage, patch } = scene([reply(503, "", headers)], { retry: slow });
    expect(await patch({ timeoutMs: 5_000 })).toEqual(done(2));
    expect(stage.received).toHaveLength(2);
  });

  test("is the policy's where nothing was asked, and ends the call where that does not fit", async () => {
    const started = performance.now();
    const { stage, patch } = scene([reply(503)], { retry: slow });
    expect(await patch({ timeoutMs: 20_000 })).toEqual({
      attempts: 1,
      failure: { code: "upstream_error", httpStatus: 503, mayHaveWritten: true },
    });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(stage.received).toHaveLength(1);
  });

  test("grows, with jitter, and is announced with its reason", async () => {
    const waits: unknown[] = [];
    const retry = { ...retryPolicy, firstDelayMs: 8, maxDelayMs: 1_000 };
    const { patch } = scene([reply(503), drop], { retry });
    await patch({
      onRetry: ({ attempt, waitMs, failure }) =>
        waits.push([attempt, waitMs > attempt * 6 - 0.01 && waitMs <= attempt * 8, failure.code]),
    });
    expect(waits).toEqual([
      [1, true, "upstream_error"],
      [2, true, "connection_lost"],
    ]);
  });

  test("ends at once on cancellation, without another request", async () => {
    for (const fault of [reply(503), drop]) {
      const cancelled = new AbortController();
      const started = performance.now();
      const { stage, patch } = scene([fault], { retry: slow });
      const outcome = await patch({
        timeoutMs: 100_000,
        signal: cancelled.signal,
        onRetry: () => setImmediate(() => cancelled.abort()),
      });
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(outcome).toMatchObject({ attempts: 1, failure: { mayHaveWritten: true } });
      expect(stage.received).toHaveLength(1);
    }
  });
});

describe("a stale connection does not surface", () => {
  test("where the server resets it on reuse", async () => {
    const { stage, patch } = scene([], { otherwise: resetOnReuse });
    for (let n = 1; n <= 6; n++) {
      expect((await patch({ profile: { n: `${n}` } })).failure).toBeUndefined();
      expect(stage.profile).toEqual(new Map([["n", `${n}`]]));
    }
    expect(stage.received.some(({ place }) => place > 1)).toBe(true);
  });

  test("where every connection of the pool is stale", async () => {
    const { stage, patch } = scene([], { otherwise: resetOnReuse });
    const all = () => Promise.all(Array.from({ length: maxConnections }, () => patch()));
    await all();
    expect(new Set(stage.received.map(({ connection }) => connection)).size).toBe(maxConnections);
    for (const outcome of await all()) expect(outcome.failure).toBeUndefined();
  });

  test("where the server ended it while it was idle", async () => {
    const own = await startFaultServer();
    closers.push(own.close);
    const stage = own.stage("usr_1");
    const client = newClient({ baseUrl: own.url });
    for (let i = 0; i < 3; i++) {
      expect((await send(client, "usr_1")).failure).toBeUndefined();
      await own.endConnections();
    }
    expect(stage.applied).toHaveLength(3);
  });

  test.each([
    ["HTTP/1.0 204", "HTTP/1.0 204 No Content\r\n\r\n", true],
    ["Connection: close", "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", true],
    ["Keep-Alive: timeout=0", "HTTP/1.1 204 No Content\r\nkeep-alive: timeout=0\r\n\r\n", true],
    ["garbage behind the 204", "HTTP/1.1 204 No Content\r\n\r\nhello\r\n\r\n", false],
    [
      "an answer that nobody asked for behind the 204",
      "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
      false,
    ],
    ["a body of the 204", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello", false],
  ])("after %s", async (_, bytes, end) => {
    const { stage, patch } = scene([applied(raw(bytes, end))]);
    expect(await patch()).toEqual(done(1));
    const second = await patch({ profile: { name: "Grace" } });
    expect(second.failure).toBeUndefined();
    expect(stage.profile.get("name")).toBe("Grace");
  });
});

describe("cancellation and deadline", () => {
  test("a cancelled request ends at once and takes its connection along", async () => {
    const cancelled = new AbortController();
    const { stage, patch } = scene([applied(never)]);
    const pending = patch({ signal: cancelled.signal });
    await server().until(() => stage.received.length === 1);
    cancelled.abort();
    expect(await pending).toEqual({
      attempts: 1,
      failure: { code: "timeout", mayHaveWritten: true },
    });
    await stage.received[0]?.closed;
  });

  test("a call that was cancelled before sends nothing", async () => {
    const { stage, patch } = scene([]);
    expect(await patch({ signal: AbortSignal.abort() })).toEqual({
      attempts: 1,
      failure: { code: "timeout", mayHaveWritten: false },
    });
    expect(stage.received).toHaveLength(0);
  });

  test("the deadline ends a request that is never answered", async () => {
    const { stage, patch } = scene([never]);
    expect(await patch({ timeoutMs: 50 })).toEqual({
      attempts: 1,
      failure: { code: "timeout", mayHaveWritten: true },
    });
    await stage.received[0]?.closed;
  });

  const trickles: [string, Step][] = [
    ["a head", drip("HTTP/1.1 204 No Content\r\nx: ".padEnd(9_000, "x"), 2)],
    ["interim answers", interim(1, "103 Early Hints", drip("HTTP/1.1 102\r\n\r\n".repeat(900), 1))],
    ["a success body", drip(`HTTP/1.1 200 OK\r\n\r\n{"a":"`.padEnd(9_000, "x"), 2)],
  ];
  test.concurrent.each(trickles)("the deadline ends %s that only trickles in", async (_, step) => {
    const { stage, patch } = scene([step]);
    expect(await patch({ timeoutMs: 200 })).toMatchObject({
      attempts: 1,
      failure: { code: "timeout", mayHaveWritten: true },
    });
    await stage.received[0]?.closed;
  });

  const tricklingErrors: [number, string, boolean][] = [
    [404, "user_not_found", false],
    [503, "upstream_error", true],
  ];
  test.each(tricklingErrors)(
    "a %d whose body only trickles in keeps its code at the deadline",
    async (status, code, mayHaveWritten) => {
      const onRetry = vi.fn();
      const begin = `HTTP/1.1 ${status} No\r\n\r\n{"code":"user_not_found","message":"`;
      const step: Step = (exchange) => {
        exchange.socket.write(begin);
        drip("x".repeat(9_000), 1)(exchange);
      };
      const { stage, patch } = scene([step]);
      expect(await patch({ timeoutMs: 200, onRetry })).toMatchObject({
        attempts: 1,
        failure: { code, httpStatus: status, mayHaveWritten },
      });
      expect(onRetry).not.toHaveBeenCalled();
      await stage.received[0]?.closed;
    },
  );

  test.concurrent("a body that only trickles in is given up before a far deadline", async () => {
    const step: Step = (exchange) => {
      exchange.socket.write('HTTP/1.1 400 Bad\r\n\r\n{"code":"invalid_request","message":"');
      drip("x".repeat(9_000), 20)(exchange);
    };
    const { stage, patch } = scene([step]);
    const started = performance.now();
    expect(await patch({ timeoutMs: 60_000 })).toMatchObject({
      attempts: 1,
      failure: { code: "invalid_request", mayHaveWritten: false },
    });
    expect(performance.now() - started).toBeLessThan(10_000);
    await stage.received[0]?.closed;
  });

  test("a call that got no connection in time wrote nothing, and leaves no request behind", async () => {
    const own = await startFaultServer();
    closers.push(own.close);
    const busy = own.stage("usr_busy", { otherwise: never });
    const waiting = own.stage("usr_waiting");
    const client = newClient({ baseUrl: own.url });
    const cancelled = new AbortController();
    const { signal } = cancelled;
    const blockers = Array.from({ length: maxConnections }, () =>
      send(client, "usr_busy", { signal }),
    );
    await own.until(() => busy.received.length === maxConnections);
    expect(await send(client, "usr_waiting", { timeoutMs: 50 })).toEqual({
      attempts: 1,
      failure: { code: "timeout", mayHaveWritten: false },
    });
    cancelled.abort();
    await Promise.all(blockers);
    const after = await send(client, "usr_waiting", { profile: { late: "yes" } });
    expect(after).toEqual(done(1));
    expect(waiting.applied).toEqual([new Map([["late", "yes"]])]);
    expect(own.mostSockets()).toBeLessThanOrEqual(2 * maxConnections);
  });
});

describe("what earlier attempts left stays part of the truth", () => {
  const gone = reply(404, apiBody("user_not_found"));
  const cases: [string, Step[], boolean][] = [
    ["a lost connection, then 404", [applied(drop), gone], true],
    ["a reset, then 404", [reset, gone], true],
    ["a 503, then 404", [reply(503), gone], true],
    ["a success that broke off, then 404", [applied(truncated(200, "{")), gone], true],
    ["a 503, a 429, then 404", [applied(reply(503)), reply(429), gone], true],
    ["a 429, then 404", [reply(429), gone], false],
    ["a 408, then 404", [reply(408), gone], false],
  ];
  test.concurrent.each(cases)("%s", async (_, steps, mayHaveWritten) => {
    const { patch } = scene(steps);
    expect(await patch()).toMatchObject({
      attempts: steps.length,
      failure: { code: "user_not_found", httpStatus: 404, mayHaveWritten },
    });
  });

  test("but a documented success settles it", async () => {
    const { patch, stage } = scene([applied(drop), reply(503)]);
    expect(await patch()).toEqual(done(3));
    expect(stage.applied).toHaveLength(2);
  });
});

describe("odd answers", () => {
  const reserved = '{"code":"reserved_profile_key","status":"bad_request","message":"No."}';
  const head = (status: string, ...lines: string[]) =>
    `HTTP/1.1 ${[status, ...lines].join("\r\n")}\r\n\r\n`;

  const refused: [string, Step][] = [
    ["gzip", compressed("gzip", 400, reserved)],
    ["x-gzip", compressed("x-gzip", 400, reserved)],
    ["deflate", compressed("deflate", 400, reserved)],
    ["brotli", compressed("br", 400, reserved)],
    ["gzip with a byte order mark", compressed("gzip", 400, `\ufeff${reserved}`)],
    ["a byte order mark", reply(400, `\ufeff${reserved}`)],
    ["another content type", reply(400, reserved, { "content-type": "text/html" })],
    ["no content type", reply(400, reserved)],
    ["HTTP/1.0", raw(`HTTP/1.0 400 Bad\r\n\r\n${reserved}`)],
    ["a body without a length", raw(head("400 Bad", "connection: close") + reserved)],
    ["a broken off body", truncated(400, reserved.slice(0, 40))],
    [
      "a broken chunk",
      raw(`${head("400 Bad", "transfer-encoding: chunked")}46\r\n${reserved}\r\nx`),
    ],
    ["no reason phrase", raw(`HTTP/1.1 400\r\ncontent-length: 70\r\n\r\n${reserved}`)],
    ["interim answers before it", interim(3, "103 Early Hints", reply(400, reserved))],
    ["a huge message", reply(400, reserved.replace("No.", "x".repeat(200_000)))],
    ["an endless message", endless(400, "x".repeat(1_000), reserved.slice(0, -2))],
  ];
  test.concurrent.each(refused)("a refusal with %s", async (_, step) => {
    const { stage, patch } = scene([step]);
    expect(await patch()).toMatchObject({
      attempts: 1,
      failure: { code: "reserved_profile_key", httpStatus: 400, mayHaveWritten: false },
    });
    expect(stage.received).toHaveLength(1);
  });

  const succeeded: [string, Step][] = [
    ["200 without a body", applied(reply(200))],
    ["200 with JSON", applied(reply(200, {}))],
    ["200 with gzipped JSON", applied(compressed("gzip", 200, "{}"))],
    ["200 on HTTP/1.0", applied(raw("HTTP/1.0 200 OK\r\n\r\n{}"))],
    ["204 on HTTP/1.0", applied(raw("HTTP/1.0 204 No Content\r\n\r\n"))],
    ["204 after interim answers", interim(1_000, "103 Early Hints\r\nlink: </x>", honest)],
    ["204 after 102", interim(1, "102 Processing", honest)],
    ["204 that claims to be compressed", applied(reply(204, "", { "content-encoding": "gzip" }))],
  ];
  test.concurrent.each(succeeded)("%s is a success", async (_, step) => {
    const { stage, patch } = scene([step]);
    expect(await patch()).toEqual({ attempts: 1, httpStatus: expect.any(Number) });
    expect(stage.applied).toHaveLength(1);
  });

  const nonsense: [string, Step][] = [
    ["text", raw("hello\r\n\r\n")],
    ["JSON", raw('{"status":"ok"}')],
    ["an SSH banner", raw("SSH-2.0-OpenSSH_9.6\r\n")],
    ["a length that is no number", raw(head("200 OK", "content-length: many"))],
    ["two lengths", raw(`${head("400 Bad", "content-length: 2", "content-length: 2")}OK`)],
    ["a header that is none", raw(head("204 No Content", "no colon"))],
    ["more headers than can be", raw(head("400 Bad", ...Array(20_000).fill("x-a: b")))],
    ["a header longer than can be", raw(head("400 Bad", `x-a: ${"b".repeat(100_000)}`))],
  ];
  test.concurrent.each(nonsense)("%s instead of HTTP is unexpected", async (_, step) => {
    const { patch } = scene([], { otherwise: step });
    expect(await patch()).toMatchObject({
      failure: {
        code: "unexpected_response",
        mayHaveWritten: true,
        reason: "not_http",
      },
    });
  });

  test("an endless body is cut off, and so is its connection, in bounded memory", async () => {
    const sockets: Socket[] = [];
    const flood: Step = (exchange) => {
      sockets.push(exchange.socket);
      return endless(503, Buffer.alloc(64 * 1024, "x"))(exchange);
    };
    const { stage, patch } = scene([flood]);
    expect(await patch()).toEqual(done(2));
    await stage.received[0]?.closed;
    expect(sockets[0]?.bytesWritten).toBeLessThan(32 * 1024 * 1024);
  });

  test("a success body without end is not a success", async () => {
    const { patch } = scene([], { otherwise: applied(endless(200, '{"a":1},')) });
    expect((await patch()).failure).toMatchObject({ mayHaveWritten: true, httpStatus: 200 });
  });
});

describe("the key", () => {
  test("is taken out of whatever an answer echoes", async () => {
    const echo = `Bearer ${apiKey}`;
    const steps = [
      reply(400, apiBody("invalid_request", echo)),
      reply(401, apiBody(apiKey, echo)),
      reply(403, `<p>${echo}</p>`),
      reply(302, "", { location: `https://example.com/?key=${apiKey}` }),
      raw(`${echo}\r\n\r\n`),
      raw(`HTTP/1.1 400 ${echo}\r\n${echo}\r\n\r\n`),
    ];
    for (const step of steps) {
      const { patch } = scene([], { otherwise: step });
      const outcome = await patch();
      expect(outcome.failure).toBeDefined();
      expect(JSON.stringify(outcome)).not.toContain(apiKey);
    }
  });
});

describe("TLS", () => {
  test.each([
    ["that nobody signed", "valid", "tls_self_signed"],
    ["that has expired", "expired", "tls_expired"],
  ] as const)("a certificate %s is refused before anything is sent", async (_, name, reason) => {
    const own = await startFaultServer(name);
    closers.push(own.close);
    const stage = own.stage("usr_1");
    const { attempts, failure } = await send(newClient({ baseUrl: own.url }), "usr_1");
    expect(attempts).toBe(1);
    expect(failure).toMatchObject({ code: "unreachable", mayHaveWritten: false, retryable: false });
    expect(failure?.reason).toBe(reason);
    expect(stage.received).toHaveLength(0);
  });

  test.each([
    ["plain HTTP", (): string => server().url.replace("http:", "https:")],
    [
      "something else",
      async () =>
        `https://127.0.0.1:${await listen(createServer((socket) => socket.write("SSH-2.0-x\r\n")))}`,
    ],
  ])("%s on the port of an https base URL is named", async (_, url) => {
    const { attempts, failure } = await send(newClient({ baseUrl: await url() }), "usr_1");
    expect(attempts).toBe(1);
    expect(failure).toMatchObject({ code: "unreachable", mayHaveWritten: false, retryable: false });
    expect(failure?.reason).toMatch(/^tls_(?:not_spoken|no_common_version)$/);
  });

  test("a handshake that never ends is ended by the deadline, with nothing sent", async () => {
    const port = await listen(createServer(() => {}));
    const client = newClient({ baseUrl: `https://127.0.0.1:${port}` });
    expect(await send(client, "usr_1", { timeoutMs: 100 })).toEqual({
      attempts: 1,
      failure: { code: "timeout", mayHaveWritten: false },
    });
  });

  test("a handshake that breaks off is repeated, with nothing sent", async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    const client = newClient({ baseUrl: `https://127.0.0.1:${port}` });
    expect(await send(client, "usr_1")).toMatchObject({
      attempts: 3,
      failure: { code: "unreachable", mayHaveWritten: false },
    });
  });
});
