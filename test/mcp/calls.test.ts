import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";
import {
  app,
  type ServerProcess,
  startServer,
  toolAnswer,
  user,
} from "../support/server-process.ts";
import { type Handler, noContent, startUpstream, type Upstream } from "../support/upstream.ts";

// Ids, cancellations, questions to a person and defects, on the built server.

const servers: ServerProcess[] = [];
const upstreams: Upstream[] = [];
afterAll(async () => {
  for (const { child } of servers) child.kill("SIGKILL");
  await Promise.all(upstreams.map((upstream) => upstream.close()));
});

type Options = Parameters<typeof startServer>[0] & { script?: Handler[] };

const start = async ({ script = [noContent], env, ...options }: Options = {}) => {
  const upstream = await startUpstream(...script);
  upstreams.push(upstream);
  const server = startServer({
    ...options,
    env: { PRELUDE_API_KEY: "sk_test_calls", PRELUDE_BASE_URL: upstream.url, ...env },
  });
  servers.push(server);
  return { server, upstream };
};

/** Looks until it is so; a slow machine may take its time. */
const soon = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 20_000, interval: 10 });

const writeOf = (userId: string) => ({ app_id: app, user_id: userId, profile: { a: "b" } });
const line = (message: object) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
const callOf = (id: unknown, userId = user, args: unknown = writeOf(userId)) =>
  line({ id, method: "tools/call", params: { name: "update_user_profile", arguments: args } });
const cancelOf = (requestId: unknown, more: object = {}) =>
  line({ method: "notifications/cancelled", params: { requestId, ...more } });

/** Bytes that a server has read so far; only Linux tells. */
const readBy = ({ child }: ServerProcess): number =>
  Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${child.pid}/io`, "utf8"))?.[1]);

/** A server whose calls wait at the upstream until they are let through, in any order. */
const gated = async () => {
  const open: (() => void)[] = [];
  const aborted: string[] = [];
  const hold: Handler = ({ path }, response, socket) => {
    socket.on("close", () => aborted.push(path));
    open.push(() => response.writeHead(204).end());
  };
  return { ...(await start({ script: [hold] })), open, aborted };
};

describe.concurrent("initialize", () => {
  it("answers each known revision with itself, any other with the newest, again and again", async () => {
    const known = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
    const { server } = await start();
    for (const version of [...known, "2026-07-28", "2099-01-01", "", "__proto__", ...known]) {
      const { result } = await server.initialize({}, version);
      const expected = known.includes(version) ? version : "2025-11-25";
      expect([version, result?.protocolVersion]).toEqual([version, expected]);
    }
    expect((await server.request("tools/list")).result?.tools).toHaveLength(1);
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toBe("");
  });
});

describe.concurrent("a call that the client cancels", () => {
  it.each([
    [0, {}],
    ["", {}],
    [7, { reason: "no longer wanted" }],
    ["7", { reason: null }],
  ])(
    "aborts its HTTP request and is not answered, and its id %j is free again",
    async (id, more) => {
      const { server, upstream, aborted } = await gated();
      server.write(callOf(id));
      await soon(() => upstream.received.length === 1);
      server.write(cancelOf(id, more));
      await soon(() => aborted.length === 1);
      await server.request("ping", undefined, id);
      await server.close();
      expect(server.messages).toMatchObject([{ id, result: {} }]);
      expect(server.messages[0]?.result).toEqual({});
    },
  );
});

describe.concurrent("ids in flight", () => {
  it("are two if one is a number and the other its text", async () => {
    const { server, upstream, aborted, open } = await gated();
    server.write(callOf(7, "usr_number") + callOf("7", "usr_text"));
    await soon(() => upstream.received.length === 2);
    server.write(cancelOf(7));
    await soon(() => aborted.some((path) => path.includes("usr_number")));
    for (const answer of open) answer();
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.messages).toMatchObject([
      { id: "7", result: { structuredContent: { user_id: "usr_text", status: "updated" } } },
    ]);
  });

  it("are not given twice: the second request is refused, the first one still answered", async () => {
    const { server, upstream, open } = await gated();
    server.write(callOf(7, "usr_a") + callOf(7, "usr_b"));
    await soon(() => upstream.received.length === 1);
    await server.until(() => server.messages.length === 1);
    open[0]?.();
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.messages).toMatchObject([
      { id: 7, error: { code: -32600 } },
      { id: 7, result: { structuredContent: { user_id: "usr_a", status: "updated" } } },
    ]);
    expect(upstream.received).toHaveLength(1);
  });

  it("may be a thousand that arrive in one write", async () => {
    const { server, upstream } = await start({ env: { PRELUDE_MAX_WRITES_PER_MINUTE: "0" } });
    const ids = Array.from({ length: 1_000 }, (_, i) => i);
    server.write(ids.map((id) => callOf(id, `usr_${id}`)).join(""));
    await server.until(() => server.messages.length === ids.length);
    expect(await server.close()).toEqual({ code: 0, signal: null });
    const answers = server.messages.map((message) => toolAnswer(message).structured);
    expect(answers.every(({ status }) => status === "updated")).toBe(true);
    expect(new Set(server.messages.map(({ id }) => id))).toEqual(new Set(ids));
    expect(new Set(upstream.received.map(({ path }) => path)).size).toBe(1_000);
  });
});

describe.concurrent("a defect in a tool", () => {
  it("is an internal error that says that a write is unknown, and is told to the operator alone", async () => {
    const preload = `data:text/javascript,${encodeURIComponent(`
      const stringify = JSON.stringify;
      JSON.stringify = (value, ...more) => {
        if (value?.profile?.a === "b") throw new Error("a defect, made on purpose");
        return stringify(value, ...more);
      };`)}`;
    const { server } = await start({
      command: [process.execPath, "--import", preload, "dist/prelude-profile-mcp.cjs"],
    });
    const { error } = await server.request("tools/call", {
      name: "update_user_profile",
      arguments: writeOf(user),
    });
    expect(error).toEqual({
      code: -32603,
      message: expect.stringContaining("if this was a write, it is unknown whether it took effect"),
    });
    expect((await server.request("ping")).result).toEqual({});
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toMatch(/defect: Error at /);
    expect(server.stderr()).not.toContain("made on purpose");
  });
});

describe.concurrent("a client that does not read", () => {
  it.skipIf(process.platform !== "linux")(
    "gets no more answers than it takes, and all of them once it reads",
    async () => {
      const { server } = await start();
      server.stdout.pause();
      const count = 20_000;
      const input = Array.from({ length: count }, (_, id) => line({ id, method: "tools/list" }));
      let isTaken = false;
      server.stdin.write(input.join(""), () => {
        isTaken = true;
      });
      let before = 0;
      const hasStopped = () => {
        const read = readBy(server);
        const isSame = read === before;
        before = read;
        return isSame && read > input.join("").length / 20;
      };
      await vi.waitUntil(hasStopped, { timeout: 20_000, interval: 200 });
      // 90 MB of answers are not to wait in its memory.
      expect(isTaken).toBe(false);
      // It reads by fits and starts, so that stdout fills up and drains again and again.
      server.stdout.on("data", () => {
        server.stdout.pause();
        setImmediate(() => server.stdout.resume());
      });
      server.stdout.resume();
      await server.until(() => server.messages.length === count);
      expect(await server.close()).toEqual({ code: 0, signal: null });
    },
  );

  it("may leave stderr unread: lines are lost, and nothing else", async () => {
    const { server } = await start();
    server.child.stderr?.pause();
    server.write("garbage\n".repeat(20_000));
    await server.request("ping");
    server.stdin.end();
    expect(await server.exited).toMatchObject({ code: 0 });
  });
});
