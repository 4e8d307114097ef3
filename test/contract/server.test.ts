import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { key, startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, builtServer, type Json, startServer, user } from "../support/server-process.ts";
import { apiError, type Handler, noContent } from "../support/upstream.ts";

const args = { app_id: app, user_id: user, profile: { first_name: "Jane" } };

/** What a client shows a model of this server; the version changes with each release. */
const shown = async (env: Record<string, string>): Promise<Json> => {
  const { server } = await startGuarded({ env });
  const { result } = await server.request("tools/list");
  const { tools } = result as { tools: Json[] };
  const greeting = await server.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test-client", version: "1" },
  });
  const { instructions, capabilities } = greeting.result ?? {};
  return { instructions, capabilities, tools: tools.map(({ icons, ...tool }) => tool) };
};

test.each<[what: string, env: Record<string, string>]>([
  ["no settings", {}],
  ["allowed keys", { PRELUDE_ALLOWED_KEYS: "first_name,__proto__" }],
  [
    "blocked keys, confirmation and a fixed app",
    { PRELUDE_BLOCKED_KEYS: "role", PRELUDE_CONFIRM: "true", PRELUDE_APP_ID: app },
  ],
  ["a fixed user", { PRELUDE_USER_ID: user }],
  [
    "a fixed app and user, and allowed keys",
    { PRELUDE_APP_ID: app, PRELUDE_USER_ID: user, PRELUDE_ALLOWED_KEYS: "first_name" },
  ],
  ["reading", { PRELUDE_READ: "keys" }],
  ["a dry run", { PRELUDE_WRITE: "dry-run", PRELUDE_READ: "keys" }],
  ["reading alone", { PRELUDE_WRITE: "off", PRELUDE_READ: "values", PRELUDE_USER_ID: user }],
])("what a model is shown with %s", async (_, env) => {
  expect(await shown(env)).toMatchSnapshot();
});

test("a client that wants to know is told of repeats, another is not", async () => {
  const busy = apiError(503, "internal", "Busy.", { "retry-after-ms": "1" });
  const { server } = await startGuarded({ answers: [busy, noContent, busy, noContent] });
  await server.callTool(args, undefined, { progressToken: "p" });
  await server.callTool(args);
  const told = server.messages.filter(({ method }) => method === "notifications/progress");
  expect(told.map(({ params }) => params)).toMatchSnapshot();
});

test("the sandbox answers by the same rules, and says that it is one", async () => {
  const server = startServer({ args: ["--sandbox"] });
  onTestFinished(async () => {
    await server.close();
  });
  await server.initialize();
  const profile = { first_name: "Jane", created_at: "x" };
  const answer = await server.callTool({ ...args, profile, on_reserved_key: "skip" });
  expect(answer.structured).toMatchSnapshot();
});

test("the key leaves the environment at the start", async () => {
  const look = join(temporaryFolder(), "look.cjs");
  writeFileSync(
    look,
    'process.on("exit", () => console.error("left:", process.env.PRELUDE_API_KEY));',
  );
  const server = startServer({
    env: { PRELUDE_API_KEY: key },
    command: [process.execPath, "--require", look, builtServer],
  });
  await server.initialize();
  await server.close();
  expect(server.stderr()).toContain("left: undefined");
});

test("a request is the documented one, with these headers", async () => {
  const { server, upstream } = await startGuarded();
  await server.callTool(args);
  expect(upstream.received).toMatchObject([
    {
      method: "PATCH",
      path: `/v2/session/apps/${app}/users/${user}/profile`,
      rawBody: '{"profile":{"first_name":"Jane"}}',
      headers: {
        authorization: `Bearer ${key}`,
        accept: "application/json",
        "content-type": "application/json",
        "user-agent": expect.stringMatching(/^prelude-profile-mcp\/\d+\.\d+\.\d+ node\/\d+\./),
      },
    },
  ]);
});

describe("a key file", () => {
  const withFile = async (...answers: Handler[]) => {
    const file = join(temporaryFolder(), "key");
    writeFileSync(file, "sk_old_1f0c\n");
    const env = { PRELUDE_API_KEY: "", PRELUDE_API_KEY_FILE: file };
    return { file, ...(await startGuarded({ env, answers })) };
  };
  /** Says 401 to the old key, and what a row says to the new one; both with the old one in it. */
  const rotated: Handler = (request, ...rest) =>
    request.headers.authorization === "Bearer sk_old_1f0c"
      ? apiError(401, "invalid_api_token", "sk_old_1f0c")(request, ...rest)
      : apiError(400, "invalid_request", "not sk_old_1f0c but sk_new_77aa")(request, ...rest);

  test("is read again at a 401, and the key that it replaced stays secret", async () => {
    const { file, server, upstream } = await withFile(rotated);
    writeFileSync(file, "sk_new_77aa\n");
    const { structured, text } = await server.callTool(args);
    expect(structured).toMatchSnapshot();
    expect(text).not.toMatch(/sk_old|sk_new/);
    expect(upstream.received.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer sk_old_1f0c",
      "Bearer sk_new_77aa",
    ]);
  });

  test("that holds the same key still is not tried again", async () => {
    const { server, upstream } = await withFile(rotated);
    expect((await server.callTool(args)).structured.error?.code).toBe("unauthorized");
    expect(upstream.received).toHaveLength(1);
  });
});
