import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { gate, key, startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, type Json, startServer, user } from "../support/server-process.ts";
import { apiError, type Handler, noContent } from "../support/upstream.ts";

type Setup = Parameters<typeof startGuarded>[0];

const linesOf = (file: string): Json[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

const startAudited = async (setup: Setup = {}) => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const env = { ...setup.env, PRELUDE_AUDIT_LOG: file };
  return { file, ...(await startGuarded({ ...setup, env })) };
};

const args = { app_id: app, user_id: user, profile: { first_name: "Jane", plan: "pro" } };
const callMessage = (id: string) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name: "update_user_profile", arguments: args },
});

/** Every field of a line; a test names those that differ. */
const record = (fields: Json = {}): Json => ({
  time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  client: "test-client",
  client_version: "1.2.3",
  sandbox: false,
  app_id: app,
  user_id: user,
  keys: ["first_name", "plan"],
  status: "updated",
  code: null,
  http_status: null,
  attempts: 1,
  ms: expect.any(Number),
  request_id: null,
  ...fields,
});

describe("one line for each call", () => {
  const busy = apiError(503, "internal", "Busy.", { "retry-after-ms": "1" });
  const refusal = { status: "not_updated", attempts: 0 };

  type Row = { what: string; answers?: Handler[]; env?: Record<string, string>; call?: unknown };
  it.each<Row & { line: Json }>([
    { what: "a write", line: {} },
    { what: "a write after a retry", answers: [busy, noContent], line: { attempts: 2 } },
    {
      what: "a refusal by Prelude",
      answers: [apiError(404, "user_not_found", "No.", { "x-request-id": "req_7" })],
      line: {
        status: "not_updated",
        code: "user_not_found",
        http_status: 404,
        request_id: "req_7",
      },
    },
    {
      what: "a write whose fate is unknown",
      answers: [apiError(500, "internal", "No.", { "x-should-retry": "false" })],
      line: { status: "unknown", code: "upstream_error", http_status: 500 },
    },
    {
      what: "invalid arguments",
      call: { user_id: "..", profile: { first_name: 1 }, extra: true },
      line: {
        ...refusal,
        app_id: null,
        user_id: null,
        keys: ["first_name"],
        code: "invalid_arguments",
      },
    },
    {
      what: "no arguments",
      call: "[]",
      line: { ...refusal, app_id: null, user_id: null, keys: [], code: "invalid_arguments" },
    },
    {
      what: "a key that is not allowed",
      env: { PRELUDE_ALLOWED_KEYS: "first_name" },
      line: { ...refusal, code: "key_not_allowed" },
    },
    {
      what: "pinned ids",
      env: { PRELUDE_APP_ID: app, PRELUDE_USER_ID: user },
      call: { profile: { first_name: "Jane", plan: "pro" } },
      line: {},
    },
    {
      what: "a client that cannot ask the person",
      env: { PRELUDE_CONFIRM: "true" },
      line: { ...refusal, code: "confirmation_unavailable" },
    },
    {
      what: "no API key",
      env: { PRELUDE_API_KEY: "" },
      line: { ...refusal, code: "not_configured" },
    },
  ])("$what", async ({ answers = [], env = {}, call = args, line }) => {
    const { file, server } = await startAudited({ answers, env });
    await server.callTool(call);
    expect(linesOf(file)).toEqual([record(line)]);
    expect(Object.keys(linesOf(file)[0] ?? {})).toEqual(Object.keys(record()));
  });

  it("a call that the brake held", async () => {
    const { file, server } = await startAudited({ env: { PRELUDE_MAX_WRITES_PER_MINUTE: "1" } });
    await server.callTool(args);
    await server.callTool(args);
    expect(linesOf(file)).toEqual([record(), record({ ...refusal, code: "too_many_writes" })]);
  });

  it("a call that the person declined", async () => {
    const { file, server } = await startAudited({
      env: { PRELUDE_CONFIRM: "true" },
      capabilities: { elicitation: { form: {} } },
    });
    const call = server.callTool(args);
    const question = () => server.messages.find(({ method }) => method === "elicitation/create");
    await server.until(() => question() !== undefined);
    server.send({ jsonrpc: "2.0", id: question()?.id, result: { action: "decline" } });
    await call;
    expect(linesOf(file)).toEqual([record({ ...refusal, code: "confirmation_declined" })]);
  });

  it("both halves of a confirmed call of 2026-07-28, with the client of its envelope", async () => {
    const { file, server } = await startAudited({ env: { PRELUDE_CONFIRM: "true" } });
    const params = {
      name: "update_user_profile",
      arguments: args,
      _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": { elicitation: {} },
        "io.modelcontextprotocol/clientInfo": { name: "stateless", version: "9" },
      },
    };
    const { result } = await server.request("tools/call", params);
    const inputResponses = { confirm: { action: "accept", content: {} } };
    await server.request("tools/call", {
      ...params,
      requestState: result?.requestState,
      inputResponses,
    });
    const client = { client: "stateless", client_version: "9" };
    expect(linesOf(file)).toEqual([
      record({ ...client, ...refusal, code: "confirmation_asked" }),
      record(client),
    ]);
  });

  it("a call that the client cancelled after it was sent", async () => {
    const arrived = gate();
    const { file, server, upstream } = await startAudited();
    upstream.play(arrived.open, noContent);
    server.send(callMessage("c"));
    await arrived.opened;
    const params = { requestId: "c" };
    server.send({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    await server.callTool(args);
    expect(linesOf(file)).toEqual([
      record({ status: "unknown", code: "cancelled" }),
      record({ attempts: 1 }),
    ]);
  });

  it("a call that was in flight when the client went away", async () => {
    const arrived = gate();
    const { file, server, upstream } = await startAudited();
    upstream.play(arrived.open);
    server.send(callMessage("c"));
    await arrived.opened;
    server.stdin.end();
    await server.exited;
    expect(linesOf(file)).toEqual([record({ status: "unknown", code: "cancelled" })]);
  });

  it("each of 60 calls at once, and of two servers with one file", async () => {
    const { file, server, upstream } = await startAudited();
    const other = startServer({
      env: {
        PRELUDE_API_KEY: key,
        PRELUDE_BASE_URL: upstream.url,
        PRELUDE_AUDIT_LOG: file,
      },
    });
    await other.initialize();
    const users = Array.from({ length: 60 }, (_, i) => `usr_${i}`);
    await Promise.all(
      users.map((id, i) => (i % 2 === 0 ? server : other).callTool({ ...args, user_id: id })),
    );
    await other.close();
    const lines = linesOf(file);
    expect(new Set(lines.map((line) => line.user_id))).toEqual(new Set(users));
    expect(lines).toHaveLength(60);
  });

  it("on one line, whatever the client and the keys are called", async () => {
    const { file, server } = await startAudited();
    const name = `a\nb\u202e"}\n${"x".repeat(1_000)}`;
    await server.request("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name, version: "1\r\n2" },
    });
    await server.callTool({ ...args, profile: { [name]: "x", "\u0000": "y" } });
    const shown = `a b"} ${"x".repeat(93)}…`;
    expect(linesOf(file)).toEqual([
      record({ client: shown, client_version: "1 2", keys: [shown, ""] }),
    ]);
  });
});

it("is readable by its owner alone", async () => {
  const { file } = await startAudited();
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it("holds no value, wherever one was sent, and no key", async () => {
  const secret = "the-value-nobody-may-see";
  const { file, server } = await startAudited({
    answers: [apiError(400, "invalid_request", `${secret} and ${key} are not valid`)],
  });
  const calls = [
    { ...args, profile: { first_name: secret } },
    { ...args, profile: { first_name: [secret], last_name: { deep: secret } } },
    { ...args, app_id: `${secret} ` },
    { ...args, user_id: secret },
    { ...args, profile: secret },
    { ...args, on_reserved_key: secret },
    { ...args, extra: secret },
    JSON.stringify({ ...args, profile: { first_name: secret } }),
  ];
  for (const call of calls) await server.callTool(call);
  expect(linesOf(file)).toHaveLength(calls.length);
  expect(readFileSync(file, "utf8")).not.toContain(secret);
  expect(readFileSync(file, "utf8")).not.toContain(key);
});

describe("a file that cannot be opened at the start", () => {
  it.each<[what: string, make: (path: string) => unknown, reason: string]>([
    ["a directory", (path) => mkdirSync(path), "EISDIR"],
    ["in no folder", (path) => rmSync(dirname(path), { recursive: true }), "ENOENT"],
    ["in a file", (path) => replaceFolder(path), "ENOTDIR"],
    ["a pipe", (path) => execFileSync("mkfifo", [path]), "is a pipe"],
    ["a link to itself", (path) => symlinkSync(path, path), "ELOOP"],
  ])("%s: the server does not start", async (_, make, reason) => {
    const file = join(temporaryFolder(), "audit.jsonl");
    make(file);
    const server = startServer({ env: { PRELUDE_API_KEY: key, PRELUDE_AUDIT_LOG: file } });
    await server.closed;
    expect(await server.exited).toEqual({ code: 2, signal: null });
    expect(server.stderr()).toContain(
      `PRELUDE_AUDIT_LOG cannot be opened for appending (${reason})`,
    );
    expect(server.messages).toEqual([]);
  });
});

const replaceFolder = (path: string) => {
  rmSync(dirname(path), { recursive: true });
  writeFileSync(dirname(path), "");
};

describe("a file that becomes unwritable", () => {
  const unavailable = {
    status: "not_updated",
    updated_keys: [],
    error: { code: "audit_unavailable", retryable: false },
  };

  it.each<[what: string, make: (path: string) => unknown]>([
    ["a directory", (path) => mkdirSync(path)],
    ["a pipe", (path) => execFileSync("mkfifo", [path])],
    ["a link to itself", (path) => symlinkSync(path, path)],
  ])("%s: calls are refused and nothing is sent, until it is mended", async (_, make) => {
    const { file, server, upstream } = await startAudited();
    rmSync(file);
    make(file);
    for (let i = 0; i < 2; i++) {
      const { structured, isError } = await server.callTool(args);
      expect(isError).toBe(true);
      expect(structured).toMatchObject(unavailable);
    }
    expect(upstream.received).toEqual([]);
    rmSync(file, { recursive: true });
    const { structured } = await server.callTool(args);
    expect(structured.status).toBe("updated");
    expect(linesOf(file)).toEqual([record()]);
  });

  it("a full disk: no further call before the lost line is in the file", async () => {
    const { file, server, upstream } = await startAudited();
    rmSync(file);
    symlinkSync("/dev/full", file);
    const written = await server.callTool({ ...args, user_id: "usr_first" });
    expect(written.structured.status).toBe("updated");
    await server.until(() => server.stderr().includes("audit line could not be written"));
    const refused = await server.callTool({ ...args, user_id: "usr_second" });
    expect(refused.structured).toMatchObject(unavailable);
    expect(upstream.received).toHaveLength(1);
    rmSync(file);
    await server.callTool({ ...args, user_id: "usr_third" });
    expect(linesOf(file)).toEqual([
      record({ user_id: "usr_first" }),
      record({ user_id: "usr_third" }),
    ]);
  });
});

describe("a file that is rotated", () => {
  it.each<[how: string, rotate: (file: string) => unknown]>([
    ["renamed", (file) => renameSync(file, `${file}.1`)],
    ["deleted", (file) => rmSync(file)],
    ["emptied in place", (file) => writeFileSync(file, "")],
  ])("%s: the next line is in the file of that name", async (_, rotate) => {
    const { file, server } = await startAudited();
    await server.callTool({ ...args, user_id: "usr_before" });
    rotate(file);
    await server.callTool({ ...args, user_id: "usr_after" });
    expect(linesOf(file)).toEqual([record({ user_id: "usr_after" })]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("while a call is in flight: its line is in the new file", async () => {
    const [arrived, released] = [gate(), gate()];
    const { file, server, upstream } = await startAudited();
    upstream.play(async (request, response, socket) => {
      arrived.open();
      await released.opened;
      noContent(request, response, socket);
    });
    const call = server.callTool(args);
    await arrived.opened;
    renameSync(file, `${file}.1`);
    released.open();
    await call;
    expect(linesOf(`${file}.1`)).toEqual([]);
    expect(linesOf(file)).toEqual([record()]);
  });
});
