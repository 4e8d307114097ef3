import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
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
/** Of each line, what it is and whom it is about. */
const told = (file: string) => linesOf(file).map(({ event, user_id }) => `${event} ${user_id}`);

const startAudited = async (setup: Setup = {}) => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const env = { ...setup.env, PRELUDE_AUDIT_LOG: file };
  return { file, ...(await startGuarded({ ...setup, env })) };
};

const args = { app_id: app, user_id: user, profile: { first_name: "Jane", plan: "pro" } };
const send = (server: ServerProcess, id: string, more: Json = {}) => {
  const params = { name: "update_user_profile", arguments: { ...args, ...more } };
  server.send({ jsonrpc: "2.0", id, method: "tools/call", params });
};
const asked = async (server: ServerProcess) => {
  const question = () => server.messages.find(({ method }) => method === "elicitation/create");
  await server.until(() => question() !== undefined);
  return question()?.id;
};

/** Answers 204, and has the disk full by then; what was written stays in `FILE.1`. */
const fillDisk =
  (file: string): Handler =>
  (...exchange) => {
    renameSync(file, `${file}.1`);
    symlinkSync("/dev/full", file);
    noContent(...exchange);
  };

describe("the attempt line", () => {
  it("is there before the request is", async () => {
    const seen: string[][] = [];
    const { file, server, upstream } = await startAudited();
    upstream.play((...exchange) => {
      seen.push(told(file));
      noContent(...exchange);
    });
    await server.callTool(args);
    expect(seen).toEqual([[`attempt ${user}`]]);
  });

  it.each([1, 5, 20])(
    "of every request survives a server that is killed at request %d",
    async (last) => {
      const { file, server, upstream } = await startAudited({
        env: { PRELUDE_MAX_WRITES_PER_MINUTE: "0" },
      });
      upstream.play((_, response) => {
        if (upstream.received.length >= last) server.child.kill("SIGKILL");
        else response.writeHead(204).end();
      });
      for (let i = 0; i < 40; i++) send(server, `k${i}`, { user_id: `usr_${i}` });
      await server.exited;
      expect(upstream.received.length).toBeGreaterThanOrEqual(last);
      for (const { path } of upstream.received) {
        expect(told(file)).toContain(`attempt ${path.split("/")[6]}`);
      }
    },
  );
});

describe("the outcome line", () => {
  const ends: [how: string, end: (server: ServerProcess) => unknown][] = [
    ["the end of stdin", (server) => server.stdin.end()],
    ["SIGTERM", (server) => server.child.kill("SIGTERM")],
  ];

  it.each(ends)("of a call in flight is written at %s", async (_, end) => {
    const arrived = gate();
    const { file, server, upstream } = await startAudited();
    upstream.play(arrived.open);
    send(server, "c");
    await arrived.opened;
    end(server);
    await server.exited;
    expect(linesOf(file)).toMatchObject([
      { event: "attempt" },
      { event: "outcome", status: "unknown", updated_keys: [], http_status: null },
    ]);
  });

  it.each(ends)("that could not be written is written at the last moment: %s", async (_, end) => {
    const { file, server, upstream } = await startAudited();
    upstream.play(fillDisk(file));
    await server.callTool(args);
    rmSync(file);
    end(server);
    await server.exited;
    expect(told(`${file}.1`)).toEqual([`attempt ${user}`]);
    expect(told(file)).toEqual([`outcome ${user}`]);
  });

  it("that cannot be written even then is told of on stderr", async () => {
    const { file, server, upstream } = await startAudited();
    upstream.play(fillDisk(file));
    await server.callTool(args);
    await server.close();
    expect(server.stderr()).toContain("outcomes of calls are lost");
  });

  it("of a call in flight is in the new file, if the old one was moved", async () => {
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
    expect(told(`${file}.1`)).toEqual([`attempt ${user}`]);
    expect(told(file)).toEqual([`outcome ${user}`]);
  });

  it("of a call that the client cancelled says so", async () => {
    const arrived = gate();
    const { file, server, upstream } = await startAudited();
    upstream.play(arrived.open, noContent);
    send(server, "c");
    await arrived.opened;
    const params = { requestId: "c" };
    server.send({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    await server.callTool(args);
    expect(linesOf(file)[1]).toMatchObject({ status: "unknown", code: "cancelled" });
  });
});

it("lines are whole, of 60 calls at once and of two servers with one file", async () => {
  const { file, server, upstream } = await startAudited();
  const other = startServer({
    env: { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url, PRELUDE_AUDIT_LOG: file },
  });
  await other.initialize();
  const users = Array.from({ length: 60 }, (_, i) => `usr_${i}`);
  await Promise.all(
    users.map((id, i) => (i % 2 === 0 ? server : other).callTool({ ...args, user_id: id })),
  );
  await other.close();
  const expected = users.flatMap((id) => [`attempt ${id}`, `outcome ${id}`]);
  expect(told(file).sort()).toEqual(expected.sort());
});

it("a refused call for another app and user is recorded as that", async () => {
  const env = { PRELUDE_APP_ID: app, PRELUDE_USER_ID: user };
  const { file, server } = await startAudited({ env });
  await server.callTool({ ...args, app_id: "other", user_id: "usr_other" });
  expect(linesOf(file)).toMatchObject([
    {
      event: "refused",
      app_id: app,
      user_id: user,
      asked_app_id: "other",
      asked_user_id: "usr_other",
    },
  ]);
});

it("holds no value, wherever one was sent, and no key", async () => {
  const secret = "the-value-nobody-may-see";
  const { file, server } = await startAudited({
    answers: [apiError(400, "invalid_request", `${secret} and ${key} are not valid`)],
  });
  await server.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: `name ${key}`, version: key },
  });
  const calls = [
    { ...args, profile: { first_name: secret } },
    { ...args, profile: { first_name: [secret], last_name: { deep: secret } } },
    { ...args, app_id: `${secret} ` },
    { ...args, user_id: secret },
    { ...args, profile: secret },
    { ...args, on_reserved_key: secret },
    JSON.stringify({ ...args, profile: { first_name: secret } }),
  ];
  for (const call of calls) await server.callTool(call);
  expect(linesOf(file).filter((line) => line.event !== "attempt")).toHaveLength(calls.length);
  expect(readFileSync(file, "utf8")).toContain('"client":"name [redacted]"');
  expect(readFileSync(file, "utf8")).not.toContain(secret);
  expect(readFileSync(file, "utf8")).not.toContain(key);
});

describe("the server does not start", () => {
  const refusedStart = async (env: Record<string, string>) => {
    const server = startServer({ env: { PRELUDE_API_KEY: key, ...env } });
    await server.closed;
    expect(await server.exited).toEqual({ code: 2, signal: null });
    expect(server.messages).toEqual([]);
    return server.stderr();
  };

  it.each<[what: string, make: (path: string) => unknown, reason: string]>([
    ["a directory", (path) => mkdirSync(path), "EISDIR"],
    ["in no folder", (path) => symlinkSync("/nonexistent/file", path), "ENOENT"],
    ["a pipe", (path) => execFileSync("mkfifo", [path]), "is a pipe"],
  ])("with a file that is %s", async (_, make, reason) => {
    const file = join(temporaryFolder(), "audit.jsonl");
    make(file);
    expect(await refusedStart({ PRELUDE_AUDIT_LOG: file })).toContain(
      `PRELUDE_AUDIT_LOG cannot be opened for appending (${reason})`,
    );
  });

  it.each<[how: string, name: (keyFile: string, audit: string) => unknown]>([
    ["its own path", () => {}],
    ["a symbolic link", (keyFile, audit) => symlinkSync(keyFile, audit)],
    ["a hard link", (keyFile, audit) => linkSync(keyFile, audit)],
  ])("with the file of the key, named by %s", async (_, name) => {
    const folder = temporaryFolder();
    const [keyFile, link] = [join(folder, "key"), join(folder, "audit.jsonl")];
    writeFileSync(keyFile, key);
    name(keyFile, link);
    const audit = existsSync(link) ? link : keyFile;
    const env = { PRELUDE_API_KEY: "", PRELUDE_API_KEY_FILE: keyFile, PRELUDE_AUDIT_LOG: audit };
    expect(await refusedStart(env)).toContain(
      "PRELUDE_AUDIT_LOG is the file of PRELUDE_API_KEY_FILE",
    );
    expect(readFileSync(keyFile, "utf8")).toBe(key);
  });
});

describe("a file that becomes unwritable", () => {
  const unavailable = {
    status: "not_updated",
    updated_keys: [],
    error: { code: "audit_unavailable", retryable: false },
  };
  const confirmed = {
    env: { PRELUDE_CONFIRM: "true" },
    capabilities: { elicitation: { form: {} } },
  };

  it.each<[what: string, make: (path: string) => unknown]>([
    ["a directory", (path) => mkdirSync(path)],
    ["a pipe", (path) => execFileSync("mkfifo", [path])],
    ["a full disk", (path) => symlinkSync("/dev/full", path)],
  ])("%s: 50 calls at once send nothing, until it is fixed", async (_, make) => {
    const { file, server, upstream } = await startAudited();
    rmSync(file);
    make(file);
    const calls = Array.from({ length: 50 }, (_, i) =>
      server.callTool({ ...args, user_id: `usr_${i}` }),
    );
    for (const { structured } of await Promise.all(calls)) {
      expect(structured).toMatchObject(unavailable);
    }
    expect(upstream.received).toEqual([]);
    rmSync(file, { recursive: true });
    expect((await server.callTool(args)).structured.status).toBe("updated");
    expect(told(file)).toEqual([`attempt ${user}`, `outcome ${user}`]);
  });

  it.each<[what: string, make: (path: string) => unknown]>([
    ["a directory", (path) => mkdirSync(path)],
    ["a full disk", (path) => symlinkSync("/dev/full", path)],
  ])("%s, while the person is asked: nothing is sent", async (_, make) => {
    const { file, server, upstream } = await startAudited(confirmed);
    const call = server.callTool(args);
    const id = await asked(server);
    rmSync(file);
    make(file);
    server.send({ jsonrpc: "2.0", id, result: { action: "accept", content: {} } });
    expect((await call).structured).toMatchObject(unavailable);
    expect(upstream.received).toEqual([]);
  });

  it("between the look and the write: nothing is written", async () => {
    const env = { ...confirmed.env, PRELUDE_READ: "keys" };
    const { file, server, upstream } = await startAudited({ ...confirmed, env });
    upstream.play((request, response, socket) => {
      if (request.method !== "GET") return noContent(request, response, socket);
      response.writeHead(200, { "content-type": "application/json" });
      return response.end(JSON.stringify({ user: { id: user, identifiers: [], profile: {} } }));
    });
    const call = server.callTool(args);
    const id = await asked(server);
    renameSync(file, `${file}.1`);
    mkdirSync(file);
    server.send({ jsonrpc: "2.0", id, result: { action: "accept", content: {} } });
    expect((await call).structured).toMatchObject(unavailable);
    expect(upstream.received.map(({ method }) => method)).toEqual(["GET"]);
    expect(told(`${file}.1`)).toEqual([`attempt ${user}`]);
  });

  it("asks nobody about a write that could not be recorded", async () => {
    const { file, server } = await startAudited(confirmed);
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

  it("after the attempt: no further write before the outcome is in the file", async () => {
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
    expect(told(`${file}.1`)).toEqual(["attempt usr_first"]);
    expect(told(file)).toEqual(["outcome usr_first", "attempt usr_third", "outcome usr_third"]);
  });
});
