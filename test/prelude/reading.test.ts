import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, type PreludeClient } from "../../src/prelude/client.ts";
import { apiError, type Handler, startUpstream, type Upstream } from "../support/upstream.ts";
import { apiKey, appId, scopeOf } from "./scene.ts";

let upstream: Upstream;
let client: PreludeClient;

beforeAll(async () => {
  upstream = await startUpstream();
  client = createClient({
    baseUrl: `${upstream.url}/gateway`,
    apiKey,
    product: "test/1",
    useProxy: false,
    firstDelayMs: 1,
  });
});
afterAll(async () => {
  await client.close();
  await upstream.close();
});

const userId = "usr_1";
const user = { id: userId, status: "active", identifiers: [], profile: { error: "x" } };
const json =
  (body: unknown, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
const answer =
  (status: number, body: string | Buffer, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };
const sought = { by: "user_id", value: userId } as const;
const get = () => client.findUsers(appId, sought, scopeOf());
const find = (value: string, by: "email" | "phone") =>
  client.findUsers(appId, { by, value }, scopeOf());

describe("one user by id", () => {
  test("is one GET without a body, with these headers and no others", async () => {
    upstream.play(json({ user, more: true }, { "x-request-id": "req_1" }));
    expect(await get()).toEqual({
      attempts: 1,
      httpStatus: 200,
      requestId: "req_1",
      users: [user],
    });
    const [request] = upstream.received;
    expect(request?.method).toBe("GET");
    expect(request?.path).toBe(`/gateway/v2/session/apps/${appId}/users/${userId}`);
    expect(request?.rawBody).toBe("");
    expect(request?.headers).toEqual({
      host: `127.0.0.1:${upstream.port}`,
      connection: "keep-alive",
      authorization: `Bearer ${apiKey}`,
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": `test/1 node/${process.versions.node}`,
    });
  });

  test("reads a profile of a megabyte, also a compressed one", async () => {
    const large = { ...user, profile: { text: "é".repeat(500_000) } };
    upstream.play(json({ user: large }));
    expect((await get()).users).toEqual([large]);
    upstream.play(
      answer(200, gzipSync(JSON.stringify({ user: large })), { "content-encoding": "gzip" }),
    );
    expect((await get()).users).toEqual([large]);
  });

  test("reads no more than 2 MiB, and does not repeat that", async () => {
    const huge = JSON.stringify({ user: { ...user, profile: { text: "x".repeat(3_000_000) } } });
    for (const handler of [
      answer(200, huge),
      answer(200, gzipSync(huge), { "content-encoding": "gzip" }),
    ]) {
      upstream.play(handler);
      expect(await get()).toMatchObject({
        attempts: 1,
        failure: { code: "unexpected_response", reason: "too_large", mayHaveWritten: false },
      });
    }
  });

  const failures: [Handler, string, number][] = [
    [apiError(404, "user_not_found"), "user_not_found", 1],
    [answer(200, "<h1>Sign in</h1>"), "unexpected_response", 1],
    [answer(204, ""), "unexpected_response", 1],
    [answer(429, ""), "rate_limited", 3],
    [(_, __, socket) => socket.destroy(), "connection_lost", 3],
  ];
  test.each(failures)(
    "%#: %o is %s, never anything written, tried %d times",
    async (handler, code, attempts) => {
      upstream.play(handler);
      expect(await get()).toMatchObject({ attempts, failure: { code, mayHaveWritten: false } });
      expect(upstream.received).toHaveLength(attempts);
    },
  );

  test("ends at the deadline, before an answer and in the middle of one", async () => {
    const begin: Handler = (_, response) => void response.writeHead(200).write('{"user":{');
    for (const handler of [() => {}, begin]) {
      upstream.play(handler);
      const outcome = await client.findUsers(appId, sought, scopeOf({ timeoutMs: 100 }));
      expect(outcome.failure).toMatchObject({ code: "timeout", mayHaveWritten: false });
    }
  });

  test("that is cancelled aborts its request", async () => {
    const cancelled = new AbortController();
    const closed = new Promise<void>((resolve) => {
      upstream.play((_, __, socket) => {
        socket.on("close", () => resolve());
        cancelled.abort();
      });
    });
    const outcome = await client.findUsers(appId, sought, scopeOf({ signal: cancelled.signal }));
    expect(outcome.failure).toMatchObject({ code: "timeout", mayHaveWritten: false });
    await closed;
  });
});

describe("users by address or number", () => {
  const values: ["email" | "phone", string, string][] = [
    ["phone", "+33612345678", "%2B33612345678"],
    ["email", "ada@example.com", "ada%40example.com"],
    [
      "email",
      "a+b&c=d#e?/..%20 é@example.com",
      "a%2Bb%26c%3Dd%23e%3F%2F..%2520%20%C3%A9%40example.com",
    ],
  ];
  test.each(values)("asks for one %s, %s, encoded", async (by, value, encoded) => {
    upstream.play(json({ users: [user] }));
    expect(await find(value, by)).toEqual({ attempts: 1, httpStatus: 200, users: [user] });
    expect(upstream.received.map(({ method, path }) => [method, path])).toEqual([
      [
        "GET",
        `/gateway/v2/session/apps/${appId}/users?identifier_type=${by === "email" ? "email_address" : "phone_number"}&identifier_value=${encoded}`,
      ],
    ]);
  });

  test.each([[], null])("finds nobody where users is %j", async (users) => {
    upstream.play(json({ users }));
    expect(await find("+1", "phone")).toEqual({ attempts: 1, httpStatus: 200, users: [] });
  });

  test.each(['{"users":{}}', '{"user":{}}'])("%s lacks the list", async (body) => {
    upstream.play(answer(200, body));
    expect(await find("+1", "phone")).toMatchObject({
      failure: { reason: "unexpected_shape", reasonDetail: { lacks: "the list users" } },
    });
  });

  test("puts the value into no failure", async () => {
    for (const handler of [answer(400, "{"), answer(302, ""), answer(200, "")]) {
      upstream.play(handler);
      const outcome = await find("ada@example.com", "email");
      expect(JSON.stringify(outcome)).not.toContain("ada");
    }
  });
});
