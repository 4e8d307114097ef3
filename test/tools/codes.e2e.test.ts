import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ErrorCode, errorCodes } from "../../src/tools/messages.ts";
import { app, type Json, startServer, type ToolAnswer, user } from "../support/server-process.ts";
import {
  apiError,
  type Handler,
  noContent,
  startUpstream,
  type Upstream,
} from "../support/upstream.ts";

const key = "test-key-5f1c9a";
const secretValue = "value-that-must-not-come-back";
const good = { app_id: app, user_id: user, profile: { first_name: secretValue } };

type Case = {
  code: ErrorCode;
  when: string;
  answer?: Handler;
  env?: Record<string, string>;
  args?: Json;
  capabilities?: Json;
  /** Runs between the start and the call that is looked at. */
  before?: (call: () => Promise<ToolAnswer>) => unknown;
  status?: "not_updated" | "unknown";
  retryable?: boolean;
  /** Requests that the upstream must have seen. */
  requests?: number;
  nextStep: RegExp;
  message?: RegExp;
};

const html: Handler = (_, response) => {
  response.writeHead(404, { "content-type": "text/html" }).end("<h1>Not here</h1>");
};
const redirect: Handler = (_, response) => {
  response.writeHead(303, { location: "https://example.com/" }).end();
};
const drop: Handler = (_, __, socket) => socket.destroy();
const hang: Handler = () => {};

const auditFolder = mkdtempSync(join(tmpdir(), "audit-"));

const cases: Case[] = [
  {
    code: "invalid_request",
    when: "400 invalid_request",
    answer: apiError(400, "invalid_request"),
    requests: 1,
    nextStep: /"first_name".*Do not|Do not.*"first_name"/,
  },
  {
    code: "reserved_profile_key",
    when: "400 reserved_profile_key, one key",
    answer: apiError(400, "reserved_profile_key"),
    requests: 1,
    nextStep: /cannot set "first_name".*Do not send it again/,
    message: /^Prelude reserves "first_name"; nothing was written/,
  },
  {
    code: "reserved_profile_key",
    when: "400 reserved_profile_key, several keys",
    answer: apiError(
      400,
      "reserved_profile_key",
      "The profile key is reserved and cannot be used.",
    ),
    args: { ...good, profile: { a: "1", b: "2" } },
    requests: 1,
    nextStep: /on_reserved_key set to "skip".*Do not repeat the identical call/,
    message: /at least one of the keys "a", "b"/,
  },
  {
    code: "reserved_profile_key",
    when: "400 reserved_profile_key that names the key",
    answer: apiError(400, "reserved_profile_key", "The profile key 'b' is reserved."),
    args: { ...good, profile: { a: "1", b: "2" } },
    nextStep: /"skip"/,
    message: /its message mentions "b"/,
  },
  {
    code: "session_disabled",
    when: "403 session_disabled",
    answer: apiError(403, "session_disabled"),
    requests: 1,
    nextStep: /session management must be enabled.*Do not/,
  },
  {
    code: "app_not_found",
    when: "404 app_not_found",
    answer: apiError(404, "app_not_found"),
    requests: 1,
    nextStep: /check the app id.*Do not guess/,
  },
  {
    code: "app_not_found",
    when: "404 app_not_found, app fixed",
    answer: apiError(404, "app_not_found"),
    env: { PRELUDE_APP_ID: app },
    args: { user_id: user, profile: { a: "b" } },
    nextStep: /PRELUDE_APP_ID/,
  },
  {
    code: "user_not_found",
    when: "404 user_not_found",
    answer: apiError(404, "user_not_found"),
    requests: 1,
    nextStep: /usr_.*sub claim.*not an email address.*user_id claim.*Do not complete, guess or try/,
  },
  {
    code: "user_not_found",
    when: "404 user_not_found, user fixed",
    answer: apiError(404, "user_not_found"),
    env: { PRELUDE_USER_ID: user },
    args: { app_id: app, profile: { a: "b" } },
    nextStep: /PRELUDE_USER_ID/,
  },
  {
    code: "invalid_arguments",
    when: "an email address for user_id",
    args: { ...good, user_id: "jane@example.com" },
    requests: 0,
    nextStep: /email address is not a user id.*Correct every entry/,
  },
  {
    code: "key_not_allowed",
    when: "a key that is not on the list",
    env: { PRELUDE_ALLOWED_KEYS: "nickname" },
    requests: 0,
    nextStep: /only these may be written: "nickname".*Do not try other spellings/,
    message: /"first_name"/,
  },
  {
    code: "not_configured",
    when: "no key",
    env: { PRELUDE_API_KEY: "" },
    requests: 0,
    nextStep: /PRELUDE_API_KEY.*Do not ask for the key/,
  },
  {
    code: "too_many_writes",
    when: "the rate limit",
    env: { PRELUDE_MAX_WRITES_PER_MINUTE: "1" },
    before: (call) => call(),
    requests: 1,
    retryable: true,
    nextStep: /^Wait \d+ s, then repeat the identical call/,
  },
  {
    code: "confirmation_declined",
    when: "the person says no",
    env: { PRELUDE_CONFIRM: "true" },
    capabilities: { elicitation: {} },
    requests: 0,
    nextStep: /Do not call again on your own/,
  },
  {
    code: "confirmation_unavailable",
    when: "the client cannot ask",
    env: { PRELUDE_CONFIRM: "true" },
    requests: 0,
    nextStep: /MCP elicitation.*Do not repeat the call/,
  },
  {
    code: "audit_unavailable",
    when: "the audit file's folder is gone",
    env: { PRELUDE_AUDIT_LOG: join(auditFolder, "audit.jsonl") },
    before: () => rmSync(auditFolder, { recursive: true }),
    requests: 0,

    nextStep: /PRELUDE_AUDIT_LOG/,
  },
  {
    code: "unauthorized",
    when: "401",
    answer: apiError(401, "invalid_api_token"),
    requests: 1,
    nextStep: /PRELUDE_API_KEY/,
  },
  {
    code: "forbidden",
    when: "403 without a known code",
    answer: apiError(403, "suspended_account"),
    requests: 1,
    nextStep: /the operator must.*will not help until then.*Do not try other ids/,
  },
  {
    code: "not_found",
    when: "404 of something else",
    answer: html,
    requests: 1,
    nextStep: /PRELUDE_BASE_URL/,
  },
  {
    code: "rate_limited",
    when: "429 with a long wait",
    answer: apiError(429, "slow_down", "Slow down.", { "retry-after": "100" }),
    requests: 1,
    retryable: true,
    nextStep: /^Wait 100 s, then repeat the identical call/,
  },
  {
    code: "api_error",
    when: "422",
    answer: apiError(422, "unheard_of"),
    requests: 1,
    nextStep: /Do not repeat/,
    message: /code "unheard_of", HTTP 422/,
  },
  {
    code: "upstream_error",
    when: "500 that must not be retried",
    answer: apiError(500, "internal", "Oops.", { "x-should-retry": "false" }),
    requests: 1,
    status: "unknown",
    retryable: true,
    nextStep: /identical call is safe to repeat and settles/,
  },
  {
    code: "unexpected_response",
    when: "a redirect",
    answer: redirect,
    requests: 1,
    status: "unknown",
    nextStep: /PRELUDE_BASE_URL/,
  },
  {
    code: "unreachable",
    when: "nobody listens",
    env: { PRELUDE_BASE_URL: "http://127.0.0.1:9" },
    requests: 0,
    retryable: true,
    nextStep: /Repeat the identical call once/,
  },
  {
    code: "timeout",
    when: "no answer",
    answer: hang,
    env: { PRELUDE_TIMEOUT_MS: "1500" },
    requests: 1,
    status: "unknown",
    retryable: true,
    nextStep: /identical call is safe to repeat and settles/,
  },
  {
    code: "connection_lost",
    when: "dropped connections",
    answer: drop,
    requests: 3,
    status: "unknown",
    retryable: true,
    nextStep: /identical call is safe to repeat and settles/,
  },
];

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

const run = async ({
  env = {},
  args = good,
  capabilities = {},
  before,
  answer = noContent,
}: Omit<Case, "code" | "when" | "nextStep">) => {
  upstream.play(answer);
  const server = startServer({
    env: { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url, ...env },
  });
  await server.initialize(capabilities);
  const { result } = await server.request("tools/list");
  const [tool] = (result as Json).tools as [{ outputSchema: object }];
  await before?.(() => server.callTool(args));
  const called = server.callTool(args);
  if (capabilities.elicitation) {
    await server.until(() => server.messages.some(({ method }) => method === "elicitation/create"));
    const question = server.messages.find(({ method }) => method === "elicitation/create");
    server.send({ jsonrpc: "2.0", id: question?.id, result: { action: "decline" } });
  }
  const answered = await called;
  await server.close();
  return { answered, outputSchema: tool.outputSchema, stderr: server.stderr() };
};

describe("every error code, through the built server", () => {
  /** Those that need five minutes of silence, or reading. */
  const elsewhere: ErrorCode[] = ["confirmation_timeout", "too_many_reads", "ambiguous_user"];

  test("the table above reaches all of them", () => {
    const reached = [...cases.map(({ code }) => code), ...elsewhere];
    expect(new Set(reached)).toEqual(new Set(errorCodes));
  });

  test.each(cases)("$code: $when", async (one) => {
    const { answered, outputSchema, stderr } = await run(one);
    const { structured, text, isError } = answered;
    const error = structured.error;
    expect(error?.code).toBe(one.code);
    expect(structured.status).toBe(one.status ?? "not_updated");
    expect(structured.updated_keys).toEqual([]);
    expect(error?.retryable).toBe(one.retryable ?? false);
    expect(error?.next_step).toMatch(one.nextStep);
    expect(error?.message).toMatch(one.message ?? /./);
    expect(error?.message).toMatch(
      structured.status === "unknown"
        ? /unknown whether the profile changed/
        : /nothing was written\./,
    );
    expect(isError).toBe(true);
    // A host may show either half alone.
    expect(JSON.parse(text)).toEqual(structured);
    const validate = new Ajv({ strict: true }).compile(outputSchema);
    expect(validate(structured), JSON.stringify(validate.errors)).toBe(true);
    expect(text + stderr).not.toContain(key);
    expect(text + stderr).not.toContain(secretValue);
    if (one.requests !== undefined) expect(upstream.received).toHaveLength(one.requests);
  });
});

describe("arguments in a wrong shape", () => {
  test("one answer tells every problem, and the call it leads to writes", async () => {
    upstream.play(noContent);
    const env = { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url };
    const server = startServer({ env });
    await server.initialize();
    const wrong = { app: app, userId: ` ${user}`, first_name: "Jane", profile: { age: 42 } };
    const first = await server.callTool({ input: wrong });
    const sentFirst = upstream.received.length;
    const second = await server.callTool({
      app_id: app,
      user_id: user,
      profile: { first_name: "Jane", age: "42" },
    });
    await server.close();
    expect(first.structured.error?.issues?.map(({ path }) => path)).toEqual([
      "input",
      "app",
      "userId",
      "first_name",
      "user_id",
      "profile.age",
    ]);
    expect(sentFirst).toBe(0);
    expect(second.structured).toMatchObject({
      status: "updated",
      updated_keys: ["first_name", "age"],
    });
  });

  test("a filler wipes nothing", async () => {
    const profile = { first_name: "Jane", nickname: "" };
    const env = { PRELUDE_ALLOWED_KEYS: "first_name,nickname" };
    const { answered } = await run({ env, args: { ...good, profile } });
    expect(answered.structured.error).toMatchObject({
      code: "invalid_arguments",
      issues: [{ path: "profile.nickname", accepted: expect.stringMatching(/a call of its own/) }],
    });
    expect(upstream.received).toEqual([]);
  });

  test.each<[string, Json]>([
    ["quotes around a key", { '"first_name"': "Jane" }],
    ["half a surrogate pair in a value", { first_name: "\ud83d" }],
    ["half a surrogate pair in a key", { "\ude00": "Jane" }],
  ])("%s is not sent", async (_, profile) => {
    const { answered } = await run({ args: { ...good, profile } });
    expect(answered.structured.error?.code).toBe("invalid_arguments");
    expect(upstream.received).toEqual([]);
  });
});

describe("success", () => {
  test("204: the keys that were written, and no error", async () => {
    const { answered, outputSchema } = await run({});
    expect(answered.structured).toEqual({
      status: "updated",
      app_id: app,
      user_id: user,
      updated_keys: ["first_name"],
    });
    expect(answered.isError).toBe(false);
    expect(JSON.parse(answered.text)).toEqual(answered.structured);
    expect(new Ajv().validate(outputSchema, answered.structured)).toBe(true);
    expect(upstream.received[0]).toMatchObject({
      method: "PATCH",
      path: `/v2/session/apps/${app}/users/${user}/profile`,
      rawBody: JSON.stringify({ profile: good.profile }),
      headers: {
        authorization: `Bearer ${key}`,
        accept: "application/json",
        "content-type": "application/json",
        "user-agent": expect.stringMatching(/^prelude-profile-mcp\/\d+\.\d+\.\d+ node\/\d+\./),
      },
    });
  });

  test.each([
    ["arguments as JSON text", JSON.stringify(good)],
    ["profile as JSON text", { ...good, profile: JSON.stringify(good.profile) }],
  ])("%s", async (_, args) => {
    const { answered } = await run({ args: args as Json });
    expect(answered.structured.status).toBe("updated");
    expect(upstream.received[0]?.rawBody).toBe(JSON.stringify({ profile: good.profile }));
  });

  test("what n8n adds to the arguments changes nothing", async () => {
    const added = { toolCallId: "call_1", sessionId: "s", action: "sendMessage", chatInput: "x" };
    const { answered } = await run({ args: { ...good, ...added, tool: "update_user_profile" } });
    expect(answered.structured.status).toBe("updated");
    expect(upstream.received[0]?.rawBody).toBe(JSON.stringify({ profile: good.profile }));
  });

  test("keys named like members of Object arrive as keys", async () => {
    const profile = '{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}';
    const args = JSON.parse(`{"app_id":"${app}","user_id":"${user}","profile":${profile}}`);
    const { answered } = await run({ args });
    expect(answered.structured.updated_keys).toEqual([
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
    ]);
    expect(upstream.received[0]?.rawBody).toBe(`{"profile":${profile}}`);
  });

  test("on_reserved_key skip: everything but the reserved keys, ending with one PATCH of all of it", async () => {
    const profile = { a: "1", role: "2", b: "3", sub: "4", c: "5" };
    const answer: Handler = (request, response, socket) => {
      const refused = "role" in request.profile || "sub" in request.profile;
      return (refused ? apiError(400, "reserved_profile_key") : noContent)(
        request,
        response,
        socket,
      );
    };
    const { answered } = await run({ args: { ...good, profile, on_reserved_key: "skip" }, answer });
    expect(answered.structured).toMatchObject({
      status: "partially_updated",
      updated_keys: ["a", "b", "c"],
      error: {
        code: "reserved_profile_key",
        keys: ["role", "sub"],
        retryable: false,
        http_status: 400,
      },
    });
    expect(answered.isError).toBe(true);
    expect(upstream.received.at(-1)?.profile).toEqual({ a: "1", b: "3", c: "5" });
    expect(answered.structured.attempts).toBe(upstream.received.length);
  });
});
