import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { createServer } from "../../src/mcp/server.ts";
import type { PreludeClient } from "../../src/prelude/client.ts";
import type { CallScope } from "../../src/prelude/request.ts";
import { updateDefinition } from "../../src/tools/definitions.ts";
import { gate, key, startGuarded } from "../support/guarded.ts";
import { app, builtServer, type ServerProcess, user } from "../support/server-process.ts";
import { startUpstream } from "../support/upstream.ts";
import { callOf, createUpdateProfile, dependenciesOf } from "../support/use-case.ts";

const env = { PRELUDE_CONFIRM: "true" };
const capabilities = { elicitation: { form: {} } };
const args = { app_id: app, user_id: user, profile: { first_name: "Jane", plan: "pro" } };
const values = ['"first_name" = "Jane"', '"plan" = "pro"'];
const question = [`Update the Prelude profile of user ${user} in app ${app}?`, ...values].join(
  "\n",
);

const failed = (code: string) => ({
  status: "not_updated",
  updated_keys: [],
  error: { code, retryable: false },
});
const declined = failed("confirmation_declined");
const late = failed("confirmation_timeout");

const questions = (server: ServerProcess) =>
  server.messages.filter(({ method }) => method === "elicitation/create");
const asked = async (server: ServerProcess, count = 1) => {
  await server.until(() => questions(server).length >= count);
  return questions(server)[count - 1]?.id;
};
const yes = { action: "accept", content: {} };
const answer = (id: unknown, result: unknown) => ({ jsonrpc: "2.0", id, result });
const callLine = (id: string) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name: "update_user_profile", arguments: args },
});
const cancelLine = {
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId: "c" },
};
const lines = (...messages: unknown[]) =>
  messages.map((message) => `${JSON.stringify(message)}\n`).join("");

describe("on the wire", () => {
  it("asks before each write, in form mode, with app, user, keys and values", async () => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    for (const count of [1, 2]) {
      const call = server.callTool(args);
      const id = await asked(server, count);
      expect(questions(server).at(-1)?.params).toEqual({
        mode: "form",
        message: question,
        requestedSchema: {
          type: "object",
          properties: { write: { type: "boolean", title: "Write these values", default: true } },
        },
      });
      expect(upstream.received).toHaveLength(count - 1);
      server.send(answer(id, yes));
      expect((await call).structured.status).toBe("updated");
    }
    expect(upstream.received.map(({ profile }) => profile)).toEqual([args.profile, args.profile]);
  });

  it("takes the first answer to the question and no other", async () => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    for (const id of [0, 1, 2]) server.send(answer(id, yes));
    const call = server.callTool(args);
    const id = await asked(server);
    server.write(lines(answer(id, { action: "decline" }), answer(id, yes)));
    expect((await call).structured).toMatchObject(declined);
    expect(upstream.received).toEqual([]);
  });

  it("asks about each write at once, and writes in the order of the answers", async () => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    const calls = ["0", "1", "2"].map((n) => server.callTool({ ...args, profile: { n } }));
    await asked(server, 3);
    for (const index of [2, 0]) {
      server.send(answer(questions(server)[index]?.id, yes));
      expect((await calls[index])?.structured.status).toBe("updated");
    }
    server.send(answer(questions(server)[1]?.id, { action: "decline" }));
    expect((await calls[1])?.structured).toMatchObject(declined);
    expect(upstream.received.map(({ profile }) => profile)).toEqual([{ n: "2" }, { n: "0" }]);
  });

  it.each<[when: string, sent: (id: unknown) => unknown[]]>([
    ["alone", () => [cancelLine]],
    ["before an acceptance", (id) => [cancelLine, answer(id, yes)]],
    ["right after an acceptance", (id) => [answer(id, yes), cancelLine]],
  ])("a call cancelled while the person is asked, %s, writes nothing", async (_, sent) => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    server.send(callLine("c"));
    server.write(lines(...sent(await asked(server))));
    const next = { ...args, profile: { after: "cancel" } };
    const call = server.callTool(next);
    server.send(answer(await asked(server, 2), yes));
    expect((await call).structured.status).toBe("updated");
    expect(upstream.received.map(({ profile }) => profile)).toEqual([next.profile]);
    expect(server.messages.filter(({ id }) => id === "c")).toEqual([]);
  });
});

describe("a client of an SDK", () => {
  const command = async () => {
    const upstream = await startUpstream();
    onTestFinished(upstream.close);
    const settings = { ...env, PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url };
    return { upstream, run: { command: process.execPath, args: [builtServer], env: settings } };
  };
  const params = { name: "update_user_profile", arguments: args };

  it("cancels the call while asked: the question is withdrawn, nothing is written", async () => {
    const { upstream, run } = await command();
    const client = new Client({ name: "sdk-client", version: "1.0.0" }, { capabilities });
    onTestFinished(() => client.close());
    const shown: AbortSignal[] = [];
    const [window, later] = [gate(), gate()];
    client.setRequestHandler(ElicitRequestSchema, async (_, { signal }) => {
      shown.push(signal);
      if (shown.length > 1) return { action: "decline" };
      window.open();
      await later.opened;
      return { action: "accept", content: {} };
    });
    await client.connect(new StdioClientTransport(run));
    // With the listed schema at hand, the client validates each result.
    await client.listTools();
    const controller = new AbortController();
    const { signal } = controller;
    const cancelled = client.callTool(params, undefined, { signal }).catch(String);
    await window.opened;
    controller.abort();
    // What the server sends for the cancellation is here before its answer to what comes later.
    await client.ping();
    later.open();
    expect(await cancelled).toContain("abort");
    expect((await client.callTool(params)).structuredContent).toMatchObject(declined);
    expect(upstream.received).toEqual([]);
    expect(shown.map(({ aborted }) => aborted)).toEqual([true, false]);
  });
});

describe("time", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  const hour = 3_600_000;
  const settings = { ...env, PRELUDE_API_KEY: key, PRELUDE_TIMEOUT_MS: "1000" };
  const { config } = readConfig(settings);
  if (!config) throw new Error("no configuration");
  /** Stands for Prelude and records the bounds that each request is given. */
  const recordingClient = () => {
    const scopes: CallScope[] = [];
    const client: PreludeClient = {
      patchProfile: async (_, scope) => {
        scopes.push(scope);
        return { attempts: 1 };
      },
      findUsers: async () => ({ attempts: 1 }),
      close: async () => {},
    };
    return { update: createUpdateProfile(dependenciesOf(config, client)), scopes };
  };

  it("with the person does not count against the deadline, nor does that of another call", async () => {
    vi.useFakeTimers();
    const { update, scopes } = recordingClient();
    const people: ((answer: "accepted") => void)[] = [];
    const confirm = () => new Promise<"accepted">((resolve) => people.push(resolve));
    const calls = [update(callOf(args, { confirm })), update(callOf(args, { confirm }))];
    await vi.advanceTimersByTimeAsync(0);
    for (const index of [1, 0]) {
      await vi.advanceTimersByTimeAsync(hour);
      people[index]?.("accepted");
      await vi.advanceTimersByTimeAsync(0);
      const scope = scopes.at(-1);
      expect(scopes).toHaveLength(2 - index);
      expect(scope?.signal.aborted).toBe(false);
      expect(scope?.deadlineAt).toBe(performance.now() + 1_000);
    }
    expect(await Promise.all(calls)).toMatchObject([{ status: "updated" }, { status: "updated" }]);
  });

  it("of five minutes without an answer is the end of the question", async () => {
    vi.useFakeTimers();
    const { update, scopes } = recordingClient();
    const name = "update_user_profile";
    const server = createServer({
      info: { name: "test", version: "1.0.0" },
      instructions: "",
      log: { error: () => {}, info: () => {}, debug: () => {} },
      tools: [{ name, definition: () => updateDefinition(config), call: update }],
    });
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    await server.connect(ours);
    const person = new Client({ name: "silent", version: "1.0.0" }, { capabilities });
    const window = gate();
    person.setRequestHandler(ElicitRequestSchema, () => {
      window.open();
      return new Promise(() => {});
    });
    await person.connect(theirs);
    const call = person.callTool({ name, arguments: args }, undefined, { timeout: hour });
    await window.opened;
    const [{ structuredContent }] = await Promise.all([call, vi.advanceTimersByTimeAsync(300_000)]);
    expect(structuredContent).toMatchObject(late);
    expect(scopes).toEqual([]);
    await person.close();
  });
});
