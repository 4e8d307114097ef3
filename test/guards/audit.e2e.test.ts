import { execFileSync } from "node:child_process";
import {
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
import { key, startGuarded, temporaryFolder } from "../support/guarded.ts";
import {
  app,
  type Json,
  type ServerProcess,
  startServer,
  user,
} from "../support/server-process.ts";
import { type Handler, noContent } from "../support/upstream.ts";

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
  it.each([1, 20])(
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

describe("the server does not start", () => {
  const refusedStart = async (env: Record<string, string>) => {
    const server = startServer({ env: { PRELUDE_API_KEY: key, ...env } });
    await server.closed;
    expect(await server.exited).toEqual({ code: 2, signal: null });
    expect(server.messages).toEqual([]);
    return server.stderr();
  };

  it("with a file that is a pipe", async () => {
    const file = join(temporaryFolder(), "audit.jsonl");
    execFileSync("mkfifo", [file]);
    expect(await refusedStart({ PRELUDE_AUDIT_LOG: file })).toContain(
      "PRELUDE_AUDIT_LOG cannot be opened for appending (is a pipe)",
    );
  });

  it.each<[how: string, name: (keyFile: string, audit: string) => unknown]>([
    ["a symbolic link", (keyFile, audit) => symlinkSync(keyFile, audit)],
    ["a hard link", (keyFile, audit) => linkSync(keyFile, audit)],
  ])("with the file of the key, named by %s", async (_, name) => {
    const folder = temporaryFolder();
    const [keyFile, link] = [join(folder, "key"), join(folder, "audit.jsonl")];
    writeFileSync(keyFile, key);
    name(keyFile, link);
    const env = { PRELUDE_API_KEY: "", PRELUDE_API_KEY_FILE: keyFile, PRELUDE_AUDIT_LOG: link };
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

  it("lets none of 50 calls at once send anything, until it is fixed", async () => {
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
    rmSync(file, { recursive: true });
    expect((await server.callTool(args)).structured.status).toBe("updated");
    expect(told(file)).toEqual([`attempt ${user}`, `outcome ${user}`]);
  });

  it("while the person is asked: nothing is sent", async () => {
    const { file, server, upstream } = await startAudited(confirmed);
    const call = server.callTool(args);
    const id = await asked(server);
    rmSync(file);
    symlinkSync("/dev/full", file);
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
});
