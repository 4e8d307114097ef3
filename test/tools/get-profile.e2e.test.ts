import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { gate, startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, user } from "../support/server-process.ts";
import type { Handler } from "../support/upstream.ts";

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

it("a look that the server's own end cuts off says so", async () => {
  const arrived = gate();
  const { server } = await start([arrived.open]);
  const look = server.call("get_user_profile", { app_id: app, user_id: user });
  await arrived.opened;
  server.child.kill("SIGTERM");
  expect((await look).structured).toMatchObject({
    status: "not_read",
    error: { code: "stopping" },
  });
});
