import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { maxConnections } from "../../src/prelude/connection.ts";
import {
  apiBody,
  applied,
  drop,
  endless,
  honest,
  never,
  raw,
  reply,
  resetOnReuse,
  type Step,
  startFaultServer,
} from "../support/fault-server.ts";
import { apiKey, appId, done, scopeOf, send, setTheScene } from "./scene.ts";

const { server, closers, newClient, scene } = setTheScene();

describe("the wait before a repeat", () => {
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

  test("is no reason to believe a later refusal: what was sent there may have been written", async () => {
    const gone = reply(404, apiBody("user_not_found"));
    const { patch } = scene([honest, applied(never), gone]);
    await warm(patch);
    expect(await patch({ timeoutMs: 400 })).toMatchObject({
      attempts: 2,
      failure: { code: "user_not_found", mayHaveWritten: true },
    });
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

describe("odd answers", () => {
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

  test("is asked once per call, also where the new key is refused too", async () => {
    const keys = ["second-key", "third-key"];
    const rereadKey = vi.fn(() => keys.shift());
    const { stage, patch } = scene([], { otherwise: wants(current), rereadKey });
    expect(await patch()).toMatchObject({ attempts: 2, failure: { code: "unauthorized" } });
    expect(rereadKey).toHaveBeenCalledOnce();
    expect(await patch()).toMatchObject({ attempts: 2 });
    expect(keysSent(stage.received)).toEqual([old, "second-key", "second-key", "third-key"]);
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

test("who is looked up is asked for by one address, encoded, and by nothing else", async () => {
  const { client } = scene([]);
  const asked = { by: "email", value: "a+b&c=d#e?/..%20 é@example.com" } as const;
  expect((await client.findUsers(appId, asked, scopeOf())).failure?.code).toBe("not_found");
  expect(server().strays.at(-1)?.path).toBe(
    `/v2/session/apps/${appId}/users?identifier_type=email_address&identifier_value=a%2Bb%26c%3Dd%23e%3F%2F..%2520%20%C3%A9%40example.com`,
  );
});
