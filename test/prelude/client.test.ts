import { createServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { maxConnections } from "../../src/prelude/connection.ts";
import { askedDelayMs } from "../../src/prelude/send.ts";
import {
  apiBody,
  applied,
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
import { apiKey, appId, done, scopeOf, send, setTheScene } from "./scene.ts";

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

  test("stays below its path, whatever the ids hold", async () => {
    const { client } = scene([]);
    const odd = { appId: "a/b?c#d", userId: "usr_%2e/../x y", profile: { a: "b" } };
    const scope = { signal: AbortSignal.timeout(5_000), deadlineAt: performance.now() + 5_000 };
    expect((await client.patchProfile(odd, scope)).failure?.code).toBe("not_found");
    expect(server().strays.map(({ path }) => path)).toContain(
      "/v2/session/apps/a%2Fb%3Fc%23d/users/usr_%252e%2F..%2Fx%20y/profile",
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
    ...[408, 429, 500, 501, 502, 503, 504, 507, 520, 530, 599].map((status): [string, Step] => [
      `${status}`,
      reply(status),
    ]),
    ["a connection that closes", drop],
    ["a connection that closes after the write", applied(drop)],
    ["a connection that is reset", reset],
    ["a connection that is reset after the write", applied(reset)],
    ["a success that breaks off", applied(truncated(200, '{"status":'))],
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
  test.concurrent.each([400, 401, 402, 403, 404, 405, 409, 410, 412, 413, 422, 425, 451, 499])(
    "%d",
    async (status) => {
      const { stage, patch } = scene([reply(status, apiBody("whatever"))]);
      expect(await patch()).toMatchObject({
        attempts: 1,
        failure: { httpStatus: status, mayHaveWritten: false },
      });
      expect(stage.received).toHaveLength(1);
    },
  );

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
  test("does not begin where it does not fit the deadline", async () => {
    const onRetry = vi.fn();
    const { stage, patch } = scene([reply(429, "", { "retry-after": "61" })]);
    const outcome = await patch({ timeoutMs: 20_000, onRetry });
    const failure = { code: "rate_limited" };
    expect(outcome).toMatchObject({ attempts: 1, failure, retryAfterMs: 61_000 });
    expect(onRetry).not.toHaveBeenCalled();
    expect(stage.received).toHaveLength(1);
  });

  test("is shorter than the policy's if the answer says so", async () => {
    const { patch } = scene([reply(503, "", { "retry-after-ms": "5" })], { firstDelayMs: 60_000 });
    expect(await patch({ timeoutMs: 5_000 })).toEqual(done(2));
  });

  const now = Date.parse("Mon, 23 Nov 2026 12:00:00 GMT");
  const asked: [Record<string, string | string[]>, number | undefined][] = [
    [{}, undefined],
    [{ "retry-after-ms": " 250.5 ", "retry-after": "9" }, 250.5],
    [{ "retry-after-ms": "soon", "retry-after": "9" }, 9_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "86400" }, 86_400_000],
    [{ "retry-after": "86401" }, undefined],
    [{ "retry-after": "Mon, 23 Nov 2026 12:00:07 GMT" }, 7_000],
    [{ "retry-after": "Mon, 23 Nov 2026 11:59:00 GMT" }, 0],
    [{ "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }, undefined],
    ...["-5", "", "soon", "1e3", "0x10", "Infinity", "2026-11-23T12:00:07Z"].map(
      (text): [Record<string, string>, undefined] => [{ "retry-after": text }, undefined],
    ),
    [{ "retry-after": ["1", "2"] }, undefined],
  ];
  test.each(asked)("is, by %j, %s ms", (headers, ms) => {
    expect(askedDelayMs(headers, now)).toBe(ms);
  });

  test("grows, with jitter, and is announced with its reason", async () => {
    const waits: unknown[] = [];
    const { patch } = scene([reply(503), drop], { firstDelayMs: 8 });
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
      const { stage, patch } = scene([fault], { firstDelayMs: 60_000 });
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
    ["Connection: close", "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", true],
    ["garbage behind the 204", "HTTP/1.1 204 No Content\r\n\r\nhello\r\n\r\n", false],
    ["a body of the 204", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello", false],
  ])("after %s", async (_, bytes, end) => {
    const { patch } = scene([applied(raw(bytes, end))]);
    expect(await patch()).toEqual(done(1));
    expect((await patch()).failure).toBeUndefined();
  });
});

describe("a connection that was used before and falls silent", () => {
  /** A first call, behind which its connection is free again. */
  const warm = async (patch: () => Promise<object>) => {
    expect(await patch()).toEqual(done(1));
    await turn();
  };

  test("is given up after half of the time, and the call goes on with a new one", async () => {
    const { stage, patch } = scene([honest, applied(never)]);
    await warm(patch);
    const waits: unknown[] = [];
    const started = performance.now();
    const onRetry = ({ waitMs, failure }: { waitMs: number; failure: object }) =>
      waits.push(waitMs, failure);
    const { failure, ...outcome } = await patch({ timeoutMs: 2_000, onRetry });
    expect([failure, outcome]).toEqual([undefined, done(2)]);
    expect(performance.now() - started).toBeLessThan(1_900);
    expect(waits).toEqual([0, { code: "timeout", mayHaveWritten: true }]);
    const [first, second, third] = stage.received.map(({ connection }) => connection);
    expect([second === first, third === first]).toEqual([true, false]);
    // The silent one is gone, and what comes next stays on the new one.
    await stage.received[1]?.closed;
    await turn();
    await warm(patch);
    expect(stage.received[3]?.connection).toBe(third);
  });

  test("once: what is silent on the new one too takes the rest, and may have written", async () => {
    const { stage, patch } = scene([honest], { otherwise: never });
    await warm(patch);
    const outcome = await patch({ timeoutMs: 400 });
    const failure = { code: "timeout", mayHaveWritten: true };
    expect(outcome).toMatchObject({ attempts: 2, failure });
    expect(stage.received).toHaveLength(3);
  });

  test("once, also where the new one was used by another call in the meantime", async () => {
    const { stage, patch } = scene([honest, honest, never, never, honest], { otherwise: never });
    await Promise.all([patch(), patch()]);
    await turn();
    const slower = patch({ timeoutMs: 800 });
    expect(await patch({ timeoutMs: 200 })).toEqual(done(2));
    expect(await slower).toMatchObject({ attempts: 2, failure: { code: "timeout" } });
    const places = stage.received.slice(4).map(({ place }) => place);
    expect(places).toEqual([1, 2]);
  });

  test("is no reason to believe a later refusal: what was sent there may have been written", async () => {
    const gone = reply(404, apiBody("user_not_found"));
    const { patch } = scene([honest, applied(never), gone]);
    await warm(patch);
    expect(await patch({ timeoutMs: 400 })).toMatchObject({
      attempts: 2,
      failure: { code: "user_not_found", mayHaveWritten: true },
    });
  });

  test("takes no time from others: calls on the old connections end there", async () => {
    const answers: (() => void)[] = [];
    const late: Step = (exchange) => answers.push(() => honest(exchange));
    const { client, stage, user, patch } = scene([honest, never, honest]);
    const other = server().stage("usr_other", { otherwise: late });
    await warm(patch);
    const onFirst = patch({ timeoutMs: 400 });
    await server().until(() => stage.received.length === 2);
    // On a connection that is new, and so not doubted.
    const onSecond = send(client, "usr_other");
    expect(await onFirst).toEqual(done(2));
    for (const answer of answers) answer();
    expect(await onSecond).toEqual(done(1));
    expect([other.received.length, user]).toEqual([1, expect.any(String)]);
  });

  test("an attempt on a new connection gets all of the time", async () => {
    const { stage, patch } = scene([never]);
    expect(await patch({ timeoutMs: 300 })).toMatchObject({
      attempts: 1,
      failure: { code: "timeout", mayHaveWritten: true },
    });
    expect(stage.received).toHaveLength(1);
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

  const trickles: [string, Step, object][] = [
    ["a head", drip("HTTP/1.1 204 No Content\r\nx: ".padEnd(9_000, "x"), 2), { code: "timeout" }],
    [
      "a success body",
      drip(`HTTP/1.1 200 OK\r\n\r\n{"a":"`.padEnd(9_000, "x"), 2),
      { code: "timeout" },
    ],
    ["an error body", drip("HTTP/1.1 404 No\r\n\r\n".padEnd(9_000, "x"), 2), { code: "not_found" }],
  ];
  test.concurrent.each(trickles)(
    "the deadline ends %s that only trickles in",
    async (_, step, failure) => {
      const { stage, patch } = scene([step]);
      expect(await patch({ timeoutMs: 200 })).toMatchObject({ attempts: 1, failure });
      await stage.received[0]?.closed;
    },
  );

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
});

describe("odd answers", () => {
  const succeeded: [string, Step][] = [
    ["on HTTP/1.0", applied(raw("HTTP/1.0 204 No Content\r\n\r\n"))],
    ["after interim answers", interim(1_000, "103 Early Hints\r\nlink: </x>", honest)],
    ["that claims to be compressed", applied(reply(204, "", { "content-encoding": "gzip" }))],
  ];
  test.concurrent.each(succeeded)("a 204 %s is a success", async (_, step) => {
    const { patch } = scene([step]);
    expect(await patch()).toEqual(done(1));
  });

  const nonsense: [string, Step][] = [
    ["text", raw("hello\r\n\r\n")],
    ["an SSH banner", raw("SSH-2.0-OpenSSH_9.6\r\n")],
    ["a length that is no number", raw("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n")],
    ["a header longer than can be", raw(`HTTP/1.1 400 Bad\r\nx-a: ${"b".repeat(100_000)}\r\n\r\n`)],
  ];
  test.concurrent.each(nonsense)("%s instead of HTTP is unexpected", async (_, step) => {
    const { patch } = scene([], { otherwise: step });
    const failure = { code: "unexpected_response", mayHaveWritten: true, reason: "not_http" };
    expect(await patch()).toMatchObject({ failure });
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
});

describe("admit", () => {
  test("is asked for each attempt, right before it leaves", async () => {
    const { stage, patch } = scene([reply(503), applied(drop)]);
    const before: number[] = [];
    const admit = () => {
      before.push(stage.received.length);
      return true;
    };
    expect(await patch({ admit })).toEqual(done(3));
    expect(before).toEqual([0, 1, 2]);
  });

  test("keeps a request back without a byte, and that is no attempt", async () => {
    const { stage, patch } = scene([]);
    expect(await patch({ admit: () => false })).toEqual({ attempts: 0, held: true });
    expect(await patch()).toEqual(done(1));
    expect(stage.received).toHaveLength(1);
  });

  test("keeps a repeat back, and what the attempt before did stays known", async () => {
    const { stage, patch } = scene([applied(reply(503))]);
    const admit = vi
      .fn(() => true)
      .mockReturnValueOnce(true)
      .mockReturnValue(false);
    expect(await patch({ admit })).toEqual({
      attempts: 1,
      held: true,
      failure: { code: "upstream_error", httpStatus: 503, mayHaveWritten: true },
    });
    expect(stage.received).toHaveLength(1);
  });

  test("is not asked for a call that is cancelled, or whose connection never comes about", async () => {
    const admit = vi.fn(() => true);
    const { patch } = scene([]);
    await patch({ admit, signal: AbortSignal.abort() });
    await send(newClient({ baseUrl: "http://127.0.0.1:9" }), "usr_1", { admit });
    expect(admit).not.toHaveBeenCalled();
  });
});

describe("rereadKey", () => {
  const old = apiKey;
  const current = "test-key-c4e1";

  /** Accepts this key only. */
  const wants =
    (key: string, message = "No."): Step =>
    (exchange) => {
      const given = exchange.request.headers.authorization;
      if (given !== `Bearer ${key}`)
        return reply(401, apiBody("invalid_api_token", message))(exchange);
      exchange.decide();
      return reply(204)(exchange);
    };
  const keysSent = (received: readonly { headers: { authorization?: string | undefined } }[]) =>
    received.map(({ headers }) => headers.authorization?.replace("Bearer ", ""));

  test("gives a key that is used for one more try, and kept", async () => {
    const rereadKey = vi.fn(() => current);
    const { stage, patch } = scene([], { otherwise: wants(current), rereadKey });
    expect(await patch()).toEqual(done(2));
    expect(await patch()).toEqual(done(1));
    expect(keysSent(stage.received)).toEqual([old, current, current]);
    expect(rereadKey).toHaveBeenCalledOnce();
  });

  const same: [string, () => string | undefined][] = [
    ["the same key", () => old],
    ["no key", () => undefined],
    ["an empty key", () => ""],
  ];
  test.each(same)("that gives %s makes no further request", async (_, give) => {
    const rereadKey = vi.fn(give);
    const { stage, patch } = scene([], { otherwise: wants(current), rereadKey });
    expect(await patch()).toMatchObject({ attempts: 1, failure: { code: "unauthorized" } });
    expect(stage.received).toHaveLength(1);
    expect(rereadKey).toHaveBeenCalledOnce();
  });

  test("is asked once per call, also where the new key is refused too", async () => {
    const keys = ["second-key", "third-key"];
    const rereadKey = vi.fn(() => keys.shift());
    const { stage, patch } = scene([], { otherwise: wants(current), rereadKey });
    expect(await patch()).toMatchObject({ attempts: 2, failure: { code: "unauthorized" } });
    expect(rereadKey).toHaveBeenCalledOnce();
    expect(await patch()).toMatchObject({ attempts: 2 });
    expect(keysSent(stage.received)).toEqual([old, "second-key", "second-key", "third-key"]);
  });

  test("does not count against the limit of repeats", async () => {
    for (const at of [0, 1, 2]) {
      const steps = [reply(503), reply(503)];
      steps.splice(at, 0, reply(401));
      const { stage, patch } = scene(steps, { rereadKey: () => current });
      expect(await patch()).toEqual(done(4));
      expect(keysSent(stage.received)).toEqual([old, old, old, current].fill(current, at + 1));
    }
  });

  test("helps every call that was refused with the old key", async () => {
    const waiting: (() => void)[] = [];
    const together: Step = async (exchange) => {
      if (exchange.request.headers.authorization !== `Bearer ${current}`)
        await new Promise<void>((go) => {
          waiting.push(go);
          if (waiting.length === 3) for (const each of waiting) each();
        });
      return wants(current)(exchange);
    };
    const { patch } = scene([], { otherwise: together, rereadKey: () => current });
    const outcomes = await Promise.all([patch(), patch(), patch()]);
    expect(outcomes).toEqual([done(2), done(2), done(2)]);
  });

  test("leaves neither key in what an answer repeats, and adds the new one to the secrets", async () => {
    const echo = `Bearer ${old}, Bearer ${current}`;
    const secrets = [old];
    const otherwise = reply(401, apiBody(current, echo), { "x-request-id": current });
    const { patch } = scene([], { otherwise, rereadKey: () => current, secrets });
    const { failure } = await patch();
    expect(failure?.apiMessage).toBe("Bearer [redacted], Bearer [redacted]");
    expect(failure).not.toHaveProperty("apiCode");
    expect(failure?.requestId).toBeUndefined();
    expect(secrets).toEqual([old, current]);
  });

  test("is asked at any 401, also where a web page comes with it", async () => {
    const page = reply(401, "<h1>Sign in</h1>", { "content-type": "text/html" });
    const { patch } = scene([page], { rereadKey: () => current });
    expect(await patch()).toEqual(done(2));
  });
});

test("each request is one line of the log, without what was asked for or sent", async () => {
  const lines: string[] = [];
  const { client, patch, user } = scene([reply(503, "", { "retry-after-ms": "1" })], {
    log: (line) => lines.push(line.replace(/\d+ ms/, "N ms")),
  });
  await patch({ profile: { secret_key: "secret value" } });
  await client.findUsers(appId, { by: "email", value: "ada@example.com" }, scopeOf());
  await send(client, user, { admit: () => false });
  const users = `/v2/session/apps/${appId}/users`;
  expect(lines).toEqual([
    `PATCH ${users}/${user}/profile: 503 upstream_error, N ms, attempt 1`,
    `PATCH ${users}/${user}/profile: 204, N ms, attempt 2`,
    `GET ${users}: 404 not_found, N ms, attempt 1`,
  ]);
});
