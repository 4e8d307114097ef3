import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gate, startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, type Json, type ServerProcess, toolAnswer, user } from "../support/server-process.ts";
import { apiError, type Handler, noContent } from "../support/upstream.ts";
import { linesOf } from "./harness.ts";

const args = { app_id: app, user_id: user, profile: { first_name: "Jane" } };
const call = (id: string, more: Json = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name: "update_user_profile", arguments: { ...args, ...more } },
});
const cancel = (requestId: string) => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId },
});
const never: Handler = () => {};

const answerOf = (server: ServerProcess, id: string) => {
  const response = server.messages.find((message) => message.id === id);
  return response && toolAnswer(response).structured;
};
const audited = () => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const ends = () =>
    linesOf(file).map(({ event, status, code }) => [event, status, code].filter(Boolean).join(" "));
  return { file, ends };
};

const goodbyes: [how: string, leave: (server: ServerProcess) => unknown][] = [
  ["the end of stdin", ({ stdin }) => stdin.end()],
  ["SIGTERM", ({ child }) => child.kill("SIGTERM")],
  ["SIGINT", ({ child }) => child.kill("SIGINT")],
];

/** Silence for one user, a 503 that asks for a long wait for another. */
const halfway =
  (arrived: () => void): Handler =>
  (request, ...rest) =>
    request.path.includes("usr_busy")
      ? apiError(503, "internal", "Busy.", { "retry-after": "20" })(request, ...rest)
      : arrived();

test.each(goodbyes)("%s has every call answered by what is true of it", async (_, leave) => {
  const { file, ends } = audited();
  const env = { PRELUDE_AUDIT_LOG: file, PRELUDE_CONFIRM: "true" };
  const capabilities = { elicitation: {} };
  const arrived = gate();
  const answers = [halfway(arrived.open)];
  const { server, upstream } = await startGuarded({ env, capabilities, answers });
  const begin = async (id: string, user_id: string) => {
    const questions = () => server.messages.filter(({ method }) => method === "elicitation/create");
    const before = questions().length;
    const { params } = call(id, { user_id });
    server.send({ ...call(id), params: { ...params, _meta: { progressToken: id } } });
    await server.until(() => questions().length > before);
    return questions().at(-1)?.id;
  };
  const accept = (id: unknown) =>
    server.send({ jsonrpc: "2.0", id, result: { action: "accept", content: {} } });
  accept(await begin("sent", "usr_silent"));
  await arrived.opened;
  accept(await begin("waits for its turn", "usr_silent"));
  accept(await begin("waits for its repeat", "usr_busy"));
  const isTold = () =>
    server.messages.some(({ params }) => params?.progressToken === "waits for its repeat");
  await server.until(isTold);
  await begin("is asked about", "usr_asked");

  const since = performance.now();
  leave(server);
  expect(await server.exited).toEqual({ code: 0, signal: null });
  await server.closed;
  // Two seconds are promised; a busy machine takes some of its own.
  expect(performance.now() - since).toBeLessThan(3_000);
  const ids = ["sent", "waits for its turn", "waits for its repeat", "is asked about"];
  expect(Object.fromEntries(ids.map((id) => [id, answerOf(server, id)]))).toMatchSnapshot();
  expect(upstream.received).toHaveLength(2);
  expect(ends().sort()).toEqual([
    "attempt",
    "attempt",
    "outcome unknown stopping",
    "outcome unknown stopping",
    "refused not_updated stopping",
    "refused not_updated stopping",
  ]);
});

test("nobody is asked any more after a signal", async () => {
  const arrived = gate();
  const env = { PRELUDE_CONFIRM: "true", PRELUDE_READ: "keys" };
  const capabilities = { elicitation: {} };
  const { server, upstream } = await startGuarded({ env, capabilities, answers: [arrived.open] });
  server.send(call("c"));
  await arrived.opened;
  server.child.kill("SIGTERM");
  await server.closed;
  expect(answerOf(server, "c")).toMatchObject({ status: "not_updated" });
  expect(server.messages.map(({ method }) => method)).not.toContain("elicitation/create");
  expect(upstream.received.map(({ method }) => method)).toEqual(["GET"]);
});

test("a call that comes after a signal sends nothing", async () => {
  const arrived = gate();
  const env = { PRELUDE_LOG_LEVEL: "info" };
  const { server, upstream } = await startGuarded({ env, answers: [arrived.open] });
  server.send(call("first"));
  await arrived.opened;
  server.child.kill("SIGTERM");
  await server.until(() => server.stderr().includes("stopping: "));
  server.send(call("late", { user_id: "usr_late" }));
  await server.until(() => answerOf(server, "late") !== undefined);
  expect(answerOf(server, "late")).toMatchObject({
    status: "not_updated",
    error: { code: "stopping" },
  });
  await server.closed;
  expect(upstream.received).toHaveLength(1);
});

test("a broken stdout ends the server, with a call in flight", async () => {
  const { file, ends } = audited();
  const arrived = gate();
  const env = { PRELUDE_AUDIT_LOG: file };
  const { server } = await startGuarded({ env, answers: [arrived.open] });
  server.send(call("c"));
  await arrived.opened;
  server.stdout.destroy();
  server.send({ jsonrpc: "2.0", id: "p", method: "ping" });
  expect(await server.exited).toMatchObject({ signal: null });
  expect(ends()).toEqual(["attempt", "outcome unknown stopping"]);
});

test("every call that came before the end of stdin is answered", async () => {
  const { server, upstream } = await startGuarded();
  const users = Array.from({ length: 30 }, (_, i) => `usr_${i}`);
  for (const id of users) server.send(call(id, { user_id: id }));
  await server.close();
  expect(users.map((id) => answerOf(server, id)?.status)).toEqual(users.map(() => "updated"));
  expect(upstream.received).toHaveLength(30);
});

test("a cancelled call is aborted and not answered, and the next has its turn", async () => {
  const { file, ends } = audited();
  const [arrived, aborted] = [gate(), gate()];
  const hold: Handler = (_, __, socket) => {
    socket.on("close", aborted.open);
    arrived.open();
  };
  const env = { PRELUDE_AUDIT_LOG: file };
  const { server, upstream } = await startGuarded({ env, answers: [hold, noContent] });
  server.send(call("first"));
  await arrived.opened;
  server.send(call("second"));
  server.send(cancel("second"));
  server.send(cancel("first"));
  const third = await server.callTool(args);
  await aborted.opened;
  expect(third.structured.status).toBe("updated");
  expect(server.messages.map(({ id }) => id)).not.toContain("first");
  expect(server.messages.map(({ id }) => id)).not.toContain("second");
  expect(upstream.received).toHaveLength(2);
  expect(ends().sort()).toEqual([
    "attempt",
    "attempt",
    "outcome unknown cancelled",
    "outcome updated",
    "refused not_updated cancelled",
  ]);
});

test("a call cancelled while the person is asked writes nothing, whatever they say then", async () => {
  const env = { PRELUDE_CONFIRM: "true" };
  const { server, upstream } = await startGuarded({ env, capabilities: { elicitation: {} } });
  server.send(call("c"));
  const question = () => server.messages.find(({ method }) => method === "elicitation/create");
  await server.until(() => question() !== undefined);
  server.send(cancel("c"));
  server.send({ jsonrpc: "2.0", id: question()?.id, result: { action: "accept", content: {} } });
  await server.request("ping");
  await server.close();
  expect(answerOf(server, "c")).toBeUndefined();
  expect(upstream.received).toEqual([]);
});

describe("calls for one user", () => {
  test("are written in their order, a repeat of the older one before the newer", async () => {
    const busy = apiError(503, "internal", "Busy.", { "retry-after-ms": "20" });
    const { server, upstream } = await startGuarded({ answers: [busy, noContent] });
    const names = [..."123"];
    await Promise.all(names.map((n) => server.callTool({ ...args, profile: { n } })));
    expect(upstream.received.map(({ profile }) => profile.n)).toEqual(["1", "1", "2", "3"]);
  });

  test("one that only waited until its deadline wrote nothing", async () => {
    const env = { PRELUDE_TIMEOUT_MS: "1000" };
    const { server, upstream } = await startGuarded({ env, answers: [never] });
    const answers = await Promise.all(
      ["1", "2", "3"].map((n) => server.callTool({ ...args, profile: { n } })),
    );
    const waited = answers
      .map(({ structured }) => structured)
      .filter(({ status }) => status === "not_updated");
    // The turn of one may come with its last millisecond.
    const why =
      /^(?:Earlier calls for the same user took longer than|Prelude did not answer before) the deadline of 1000 ms(?: passed)?; nothing was written\.$/;
    for (const { error } of waited) {
      expect(error).toMatchObject({
        code: "timeout",
        retryable: true,
        message: expect.stringMatching(why),
      });
    }
    const sent = upstream.received.length;
    expect(sent + waited.length).toBe(3);
  });
});
