import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { gate, startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, user } from "../support/server-process.ts";
import { type Handler, noContent } from "../support/upstream.ts";

const email = "jane.secret-address@example.com";

const json =
  (body: unknown): Handler =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  };

/** A user whose identifier is this address. */
const userOf = (value: string) => ({
  id: user,
  identifiers: [{ type: "email_address", value }],
  profile: { first_name: "Jane-value" },
});

const start = (answers: Handler[], env: Record<string, string> = {}) =>
  startGuarded({ env: { PRELUDE_READ: "values", ...env }, answers });

it("nobody is found whose address only folds to the one asked for", async () => {
  const { server } = await start([json({ users: [userOf("\u212aate@example.com")] })]);
  const asked = { app_id: app, email: "kate@example.com" };
  const { structured, text } = await server.call("get_user_profile", asked);
  expect(structured).toMatchObject({ status: "not_read", error: { code: "unexpected_response" } });
  expect(structured.error).toMatchObject({
    next_step: expect.stringMatching(/Ask the person for the user id/),
  });
  expect(text).not.toMatch(/-value/);
});

it("the audit has the tool, the user and the keys of a look, no address and no value", async () => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const { server } = await start([json({ users: [userOf(email)] })], { PRELUDE_AUDIT_LOG: file });
  await server.call("get_user_profile", { app_id: app, email });
  await server.call("get_user_profile", { app_id: app, email: "jane.secret-address" });
  const written = readFileSync(file, "utf8");
  expect(written).not.toMatch(/secret-address|-value/);
  const [attempt, ...ends] = written
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(attempt).toMatchObject({ event: "attempt", tool: "get_user_profile", user_id: null });
  expect(ends).toMatchObject([
    { event: "outcome", call_id: attempt.call_id, user_id: user, keys: ["first_name"] },
    { event: "refused", status: "not_read", code: "invalid_arguments" },
  ]);
});

it("a cancelled look aborts its request", async () => {
  const arrived = gate();
  const gone = gate();
  const { server } = await start([
    (_, __, socket) => {
      socket.on("close", gone.open);
      arrived.open();
    },
  ]);
  const params = { name: "get_user_profile", arguments: { app_id: app, user_id: user } };
  server.send({ jsonrpc: "2.0", id: "look", method: "tools/call", params });
  await arrived.opened;
  const method = "notifications/cancelled";
  server.send({ jsonrpc: "2.0", method, params: { requestId: "look" } });
  await gone.opened;
});

it("an audit file that is replaced while the person reads gets an attempt line, too", async () => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const { server } = await startGuarded({
    env: { PRELUDE_READ: "values", PRELUDE_CONFIRM: "true", PRELUDE_AUDIT_LOG: file },
    capabilities: { elicitation: {} },
    answers: [json({ user: userOf(email) }), noContent],
  });
  const call = server.callTool({ app_id: app, user_id: user, profile: { a: "b" } });
  const asked = () => server.messages.find(({ method }) => method === "elicitation/create");
  await server.until(() => asked() !== undefined);
  rmSync(file);
  server.send({ jsonrpc: "2.0", id: asked()?.id, result: { action: "accept", content: {} } });
  expect((await call).structured).toMatchObject({ status: "updated" });
  const events = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(["attempt", "outcome"]);
});
