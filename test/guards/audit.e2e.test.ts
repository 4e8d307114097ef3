import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
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
import {
  app,
  type Json,
  type ServerProcess,
  startServer,
  user,
} from "../support/server-process.ts";
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

const beginning: Json = {
  call_id: expect.stringMatching(/^[\da-f-]{36}$/),
  time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  tool: "update_user_profile",
  client: "test-client",
  client_version: "1.2.3",
  sandbox: false,
  app_id: app,
  user_id: user,
  keys: ["first_name", "plan"],
};

/** Every field of each line; a test names those that differ. */
const attempt = (fields: Json = {}): Json => ({ event: "attempt", ...beginning, ...fields });
const outcome = (fields: Json = {}): Json => ({
  event: "outcome",
  ...beginning,
  status: "updated",
  code: null,
  updated_keys: ["first_name", "plan"],
  http_status: 204,
  request_id: null,
  attempts: 1,
  ms: expect.any(Number),
  ...fields,
});
const refused = (fields: Json = {}): Json => ({
  ...outcome(),
  event: "refused",
  status: "not_updated",
  updated_keys: [],
  http_status: null,
  attempts: 0,
  ...fields,
});

/** Answers 204, and has the disk full by then; what was written stays in `FILE.1`. */
const fillDisk =
  (file: string): Handler =>
  (...exchange) => {
    renameSync(file, `${file}.1`);
    symlinkSync("/dev/full", file);
    noContent(...exchange);
  };

/** The lines of the last call, which belong together. */
const expectCall = (lines: Json[], expected: Json[]): void => {
  expect(lines).toEqual(expected);
  expect(lines.map((line) => Object.keys(line))).toEqual(expected.map((line) => Object.keys(line)));
  expect(new Set(lines.map((line) => line.call_id)).size).toBe(1);
};

describe("two lines for each call that sends something", () => {
  const busy = apiError(503, "internal", "Busy.", { "retry-after-ms": "1" });
  const acknowledged: Handler = (_, response) => {
    response.writeHead(204, { "x-request-id": "req_5" }).end();
  };
  const failed = { status: "not_updated", updated_keys: [] };

  type Row = { what: string; answers?: Handler[]; env?: Record<string, string>; call?: unknown };
  it.each<Row & { line: Json }>([
    { what: "a write", line: {} },
    { what: "a write with a request id", answers: [acknowledged], line: { request_id: "req_5" } },
    { what: "a write after a retry", answers: [busy, noContent], line: { attempts: 2 } },
    {
      what: "a refusal by Prelude",
      answers: [apiError(404, "user_not_found", "No.", { "x-request-id": "req_7" })],
      line: { ...failed, code: "user_not_found", http_status: 404, request_id: "req_7" },
    },
    {
      what: "a write whose fate is unknown",
      answers: [apiError(500, "internal", "No.", { "x-should-retry": "false" })],
      line: { ...failed, status: "unknown", code: "upstream_error", http_status: 500 },
    },
    {
      what: "a write of some of the keys",
      answers: [
        apiError(400, "reserved_profile_key"),
        apiError(400, "reserved_profile_key"),
        noContent,
      ],
      call: { ...args, on_reserved_key: "skip" },
      line: {
        status: "partially_updated",
        code: "reserved_profile_key",
        updated_keys: ["plan"],
        http_status: 400,
        attempts: 3,
      },
    },
    {
      what: "fixed ids",
      env: { PRELUDE_APP_ID: app, PRELUDE_USER_ID: user },
      call: { profile: { first_name: "Jane", plan: "pro" } },
      line: {},
    },
  ])("$what", async ({ answers = [], env = {}, call = args, line }) => {
    const { file, server } = await startAudited({ answers, env });
    await server.callTool(call);
    expectCall(linesOf(file), [attempt(), outcome(line)]);
  });

  it.each([1_001, 5_000])("with %d keys: all of them, the last included", async (count) => {
    const { file, server } = await startAudited();
    const keys = Array.from({ length: count }, (_, i) => (i === count - 1 ? "role" : `k${i}`));
    const profile = Object.fromEntries(keys.map((key) => [key, "x"]));
    await server.callTool({ ...args, profile });
    expectCall(linesOf(file), [attempt({ keys }), outcome({ keys, updated_keys: keys })]);
  });

  it.each(["x".repeat(200), `${"long_".repeat(51)}x`, "\u{1f511}".repeat(128)])(
    "with a long key: all of it (%#)",
    async (name) => {
      const { file, server } = await startAudited();
      await server.callTool({ ...args, profile: { [name]: "x" } });
      expect(linesOf(file).map((line) => line.keys)).toEqual([[name], [name]]);
    },
  );

  it("of which the first is there before the request is", async () => {
    const seen: Json[][] = [];
    const { file, server, upstream } = await startAudited();
    upstream.play((...exchange) => {
      seen.push(linesOf(file));
      noContent(...exchange);
    });
    await server.callTool(args);
    expect(seen).toEqual([[attempt()]]);
  });

  it.each(["SIGKILL", "SIGABRT"] as const)("of which the first survives %s", async (signal) => {
    const arrived = gate();
    const { file, server, upstream } = await startAudited();
    upstream.play(arrived.open);
    server.send(callMessage("c"));
    await arrived.opened;
    server.child.kill(signal);
    await server.exited;
    expect(linesOf(file)).toEqual([attempt()]);
  });
});

it.each([1, 5, 20])(
  "a server that is killed at its request %d: every request has its line",
  async (last) => {
    const { file, server, upstream } = await startAudited({
      env: { PRELUDE_MAX_WRITES_PER_MINUTE: "0" },
    });
    upstream.play((_, response) => {
      if (upstream.received.length >= last) server.child.kill("SIGKILL");
      else response.writeHead(204).end();
    });
    for (let i = 0; i < 40; i++) {
      const params = { name: "update_user_profile", arguments: { ...args, user_id: `usr_${i}` } };
      server.send({ jsonrpc: "2.0", id: `k${i}`, method: "tools/call", params });
    }
    await server.exited;
    const attempted = linesOf(file).flatMap(({ event, user_id }) =>
      event === "attempt" ? [user_id] : [],
    );
    expect(upstream.received.length).toBeGreaterThanOrEqual(last);
    for (const { path } of upstream.received) expect(attempted).toContain(path.split("/")[6]);
  },
);

describe("one line for each call that sends nothing", () => {
  type Row = { what: string; env?: Record<string, string>; call?: unknown; line: Json };
  it.each<Row>([
    {
      what: "invalid arguments",
      call: { user_id: "..", profile: { first_name: 1 }, extra: true },
      line: { app_id: null, user_id: null, keys: ["first_name"], code: "invalid_arguments" },
    },
    {
      what: "no arguments",
      call: "[]",
      line: { app_id: null, user_id: null, keys: [], code: "invalid_arguments" },
    },
    {
      what: "a key that is not allowed",
      env: { PRELUDE_ALLOWED_KEYS: "first_name" },
      line: { code: "key_not_allowed" },
    },
    {
      what: "a client that cannot ask the person",
      env: { PRELUDE_CONFIRM: "true" },
      line: { code: "confirmation_unavailable" },
    },
    { what: "no API key", env: { PRELUDE_API_KEY: "" }, line: { code: "not_configured" } },
  ])("$what", async ({ env = {}, call = args, line }) => {
    const { file, server } = await startAudited({ env });
    await server.callTool(call);
    expectCall(linesOf(file), [refused(line)]);
  });

  it("a call that the rate limit held", async () => {
    const { file, server } = await startAudited({ env: { PRELUDE_MAX_WRITES_PER_MINUTE: "1" } });
    await server.callTool(args);
    await server.callTool(args);
    expect(linesOf(file)).toEqual([attempt(), outcome(), refused({ code: "too_many_writes" })]);
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
    expect(linesOf(file)).toEqual([refused({ code: "confirmation_declined" })]);
  });

  it("the first half of a confirmed call of 2026-07-28, with the client of its envelope", async () => {
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
      refused({ ...client, code: "confirmation_asked" }),
      attempt(client),
      outcome(client),
    ]);
  });
});

describe("the lines of a call", () => {
  const cancelled = { status: "unknown", code: "cancelled", updated_keys: [], http_status: null };

  it("that the client cancelled after it was sent", async () => {
    const arrived = gate();
    const { file, server, upstream } = await startAudited();
    upstream.play(arrived.open, noContent);
    server.send(callMessage("c"));
    await arrived.opened;
    const params = { requestId: "c" };
    server.send({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    await server.callTool(args);
    expect(linesOf(file)).toEqual([attempt(), outcome(cancelled), attempt(), outcome()]);
  });

  it("that was in flight when the client went away", async () => {
    const arrived = gate();
    const { file, server, upstream } = await startAudited();
    upstream.play(arrived.open);
    server.send(callMessage("c"));
    await arrived.opened;
    server.stdin.end();
    await server.exited;
    expect(linesOf(file)).toEqual([attempt(), outcome({ ...cancelled, code: "timeout" })]);
  });

  it("are whole, of 60 calls at once and of two servers with one file", async () => {
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
    expect(lines).toHaveLength(120);
    const ids = lines.flatMap((line) => (line.event === "attempt" ? [line.call_id] : []));
    expect(new Set(ids).size).toBe(60);
    expect(new Set(lines.map((line) => line.call_id)).size).toBe(60);
  });

  it("hold each name on one line and visible, whatever the client and the keys are called", async () => {
    const { file, server } = await startAudited();
    const name = `a\tb\u202e"}\0`;
    const shown = 'a\\u{9}b\\u{202e}"}\\u{0}';
    await server.request("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: `${name}${"x".repeat(900)}`, version: "1\r\n2" },
    });
    await server.callTool({ ...args, profile: { [name]: "x", "\u0000": "y" } });
    const client = { client: `${shown}${"x".repeat(249)}…`, client_version: "1\\u{d}\\u{a}2" };
    const keys = [shown, "\\u{0}"];
    expect(linesOf(file)).toEqual([
      attempt({ ...client, keys }),
      outcome({ ...client, keys, updated_keys: keys }),
    ]);
  });

  it.each([
    ["a zero-width space", "\u200b"],
    ["a colour", "\u001b[31m"],
    ["a tab", "\t"],
  ])("do not hold the API key, split by %s", async (_, between) => {
    const { file, server } = await startAudited();
    const hidden = [...key].join(between);
    await server.request("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: hidden, version: `1 ${key}` },
    });
    await server.callTool({ ...args, profile: { [hidden]: "x", [`a_${key}`]: "y" } });
    const keys = ["[redacted]", "a_[redacted]"];
    const client = { client: "[redacted]", client_version: "1 [redacted]" };
    expect(linesOf(file)).toEqual([
      attempt({ ...client, keys }),
      outcome({ ...client, keys, updated_keys: keys }),
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
  expect(linesOf(file).filter((line) => line.event !== "attempt")).toHaveLength(calls.length);
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

it.each<[how: string, name: (keyFile: string, audit: string) => unknown]>([
  ["its own path", () => {}],
  ["a symbolic link", (keyFile, audit) => symlinkSync(keyFile, audit)],
  ["a hard link", (keyFile, audit) => linkSync(keyFile, audit)],
])("is not the file of the key, named by %s", async (_, name) => {
  const folder = temporaryFolder();
  const [keyFile, link] = [join(folder, "key"), join(folder, "audit.jsonl")];
  writeFileSync(keyFile, key);
  name(keyFile, link);
  const audit = existsSync(link) ? link : keyFile;
  const env = { PRELUDE_API_KEY_FILE: keyFile, PRELUDE_AUDIT_LOG: audit };
  const server = startServer({ env });
  expect(await server.exited).toEqual({ code: 2, signal: null });
  await server.closed;
  expect(server.stderr()).toContain("PRELUDE_AUDIT_LOG is the file of PRELUDE_API_KEY_FILE");
  expect(readFileSync(keyFile, "utf8")).toBe(key);
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
  ])("%s: calls are refused and nothing is sent, until it is fixed", async (_, make) => {
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
    expect(linesOf(file)).toEqual([attempt(), outcome()]);
  });

  it("a full disk: 50 calls at once send nothing", async () => {
    const { file, server, upstream } = await startAudited();
    rmSync(file);
    symlinkSync("/dev/full", file);
    const calls = Array.from({ length: 50 }, (_, i) =>
      server.callTool({ ...args, user_id: `usr_${i}` }),
    );
    for (const { structured } of await Promise.all(calls)) {
      expect(structured).toMatchObject(unavailable);
    }
    expect(upstream.received).toEqual([]);
  });

  it.each<[what: string, make: (path: string) => unknown]>([
    ["a directory", (path) => mkdirSync(path)],
    ["a full disk", (path) => symlinkSync("/dev/full", path)],
  ])("%s, while the person is asked: nothing is sent", async (_, make) => {
    const { file, server, upstream } = await startAudited({
      env: { PRELUDE_CONFIRM: "true" },
      capabilities: { elicitation: { form: {} } },
    });
    const call = server.callTool(args);
    const question = () => server.messages.find(({ method }) => method === "elicitation/create");
    await server.until(() => question() !== undefined);
    rmSync(file);
    make(file);
    const result = { action: "accept", content: {} };
    server.send({ jsonrpc: "2.0", id: question()?.id, result });
    expect((await call).structured).toMatchObject(unavailable);
    expect(upstream.received).toEqual([]);
  });

  it("a directory, while the person is asked about what is there now: nothing is written", async () => {
    const { file, server, upstream } = await startAudited({
      env: { PRELUDE_CONFIRM: "true", PRELUDE_READ: "keys" },
      capabilities: { elicitation: { form: {} } },
    });
    upstream.play((request, response, socket) => {
      if (request.method !== "GET") return noContent(request, response, socket);
      response.writeHead(200, { "content-type": "application/json" });
      return response.end(JSON.stringify({ user: { id: user, identifiers: [], profile: {} } }));
    });
    const call = server.callTool(args);
    const question = () => server.messages.find(({ method }) => method === "elicitation/create");
    await server.until(() => question() !== undefined);
    renameSync(file, `${file}.1`);
    mkdirSync(file);
    const result = { action: "accept", content: {} };
    server.send({ jsonrpc: "2.0", id: question()?.id, result });
    expect((await call).structured).toMatchObject(unavailable);
    expect(upstream.received.map(({ method }) => method)).toEqual(["GET"]);
    expect(linesOf(`${file}.1`)).toEqual([attempt()]);
  });

  it("asks nobody about a write that could not be recorded", async () => {
    const { file, server } = await startAudited({
      env: { PRELUDE_CONFIRM: "true" },
      capabilities: { elicitation: { form: {} } },
    });
    rmSync(file);
    mkdirSync(file);
    expect((await server.callTool(args)).structured).toMatchObject(unavailable);
    expect(server.messages.map(({ method }) => method)).not.toContain("elicitation/create");
  });

  it("a directory: what is refused anyway is refused for its own reason", async () => {
    const { file, server } = await startAudited({ env: { PRELUDE_BLOCKED_KEYS: "plan" } });
    rmSync(file);
    mkdirSync(file);
    expect((await server.callTool(args)).structured.error?.code).toBe("key_not_allowed");
    expect((await server.callTool({})).structured.error?.code).toBe("invalid_arguments");
  });

  it("a full disk after the attempt: no further write before the outcome is in the file", async () => {
    const { file, server, upstream } = await startAudited();
    upstream.play(fillDisk(file), noContent);
    const written = await server.callTool({ ...args, user_id: "usr_first" });
    expect(written.structured.status).toBe("updated");
    await server.until(() => server.stderr().includes("audit line could not be written"));
    const refusal = await server.callTool({ ...args, user_id: "usr_second" });
    expect(refusal.structured).toMatchObject(unavailable);
    expect(upstream.received).toHaveLength(1);
    rmSync(file);
    await server.callTool({ ...args, user_id: "usr_third" });
    expect(linesOf(`${file}.1`)).toEqual([attempt({ user_id: "usr_first" })]);
    expect(linesOf(file)).toEqual([
      outcome({ user_id: "usr_first" }),
      attempt({ user_id: "usr_third" }),
      outcome({ user_id: "usr_third" }),
    ]);
  });
});

it.each<[how: string, end: (server: ServerProcess) => unknown]>([
  ["the end of stdin", (server) => server.stdin.end()],
  ["SIGTERM", (server) => server.child.kill("SIGTERM")],
])("an outcome that could not be written is written at the last moment: %s", async (_, end) => {
  const { file, server, upstream } = await startAudited();
  upstream.play(fillDisk(file));
  await server.callTool(args);
  rmSync(file);
  end(server);
  await server.exited;
  expect(linesOf(`${file}.1`)).toEqual([attempt()]);
  expect(linesOf(file)).toEqual([outcome()]);
});

it("an outcome that cannot be written even then is told of on stderr", async () => {
  const { file, server, upstream } = await startAudited();
  upstream.play(fillDisk(file));
  await server.callTool(args);
  await server.close();
  expect(server.stderr()).toContain("outcomes of calls are lost");
});

it.each([
  ["half a line", '{"time":"2026-01-01T00:00:00.000Z","cli'],
  ["a line without its end", '{"time":"2026-01-01T00:00:00.000Z"}'],
])("a file that ends in %s gets a line break first", async (_, half) => {
  const file = join(temporaryFolder(), "audit.jsonl");
  writeFileSync(file, half);
  const { server } = await startGuarded({ env: { PRELUDE_AUDIT_LOG: file } });
  await server.callTool(args);
  const [first, ...rest] = readFileSync(file, "utf8").split("\n");
  expect(first).toBe(half);
  expect(rest.slice(0, -1).map((line) => JSON.parse(line))).toEqual([attempt(), outcome()]);
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
    const after = { user_id: "usr_after" };
    expect(linesOf(file)).toEqual([attempt(after), outcome(after)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("while a call is in flight: its outcome is in the new file", async () => {
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
    expect(linesOf(`${file}.1`)).toEqual([attempt()]);
    expect(linesOf(file)).toEqual([outcome()]);
  });
});
