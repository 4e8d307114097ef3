import { Client as PinnedClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as PinnedTransport } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  type ElicitRequest,
  ElicitRequestSchema,
  type ElicitResult,
  type ServerNotification,
  type ServerRequest,
} from "@modelcontextprotocol/sdk/types.js";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { createServer } from "../../src/mcp/server.ts";
import type { CallScope, PreludeClient } from "../../src/prelude/client.ts";
import { publishedUpdate } from "../../src/tools/published.ts";
import type { UpdateResult } from "../../src/tools/update-profile/schema.ts";
import { createUpdateProfile } from "../../src/tools/update-profile/update-profile.ts";
import { gate, key, startGuarded } from "../support/guarded.ts";
import {
  app,
  builtServer,
  type Json,
  type RpcResponse,
  type ServerProcess,
  toolAnswer,
  user,
} from "../support/server-process.ts";
import { apiError, type Handler, startUpstream } from "../support/upstream.ts";
import { callOf, dependenciesOf } from "../support/use-case.ts";

const env = { PRELUDE_CONFIRM: "true" };
const capabilities = { elicitation: { form: {} } };
const args = { app_id: app, user_id: user, profile: { first_name: "Jane", plan: "pro" } };
const question = [
  `Update the Prelude profile of user ${user} in app ${app}?`,
  '"first_name" = "Jane"',
  '"plan" = "pro"',
].join("\n");

const declined = {
  status: "not_updated",
  updated_keys: [],
  error: {
    code: "confirmation_declined",
    retryable: false,
    next_step: expect.stringContaining("Do not call again on your own."),
  },
};
const late = {
  status: "not_updated",
  updated_keys: [],
  error: {
    code: "confirmation_timeout",
    retryable: false,
    next_step: expect.stringContaining("Do not call again on your own"),
  },
};
const unavailable = {
  status: "not_updated",
  updated_keys: [],
  error: {
    code: "confirmation_unavailable",
    retryable: false,
    next_step: expect.stringContaining("Do not repeat the call."),
  },
};

const questions = (server: ServerProcess) =>
  server.messages.filter(({ method }) => method === "elicitation/create");
const asked = async (server: ServerProcess, count = 1) => {
  await server.until(() => questions(server).length >= count);
  return questions(server)[count - 1]?.id;
};
const answer = (id: unknown, result: unknown) => ({ jsonrpc: "2.0", id, result });
const callLine = (id: string, toolArguments: unknown = args) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name: "update_user_profile", arguments: toolArguments },
});
const cancelLine = (requestId: string) => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId },
});
const lines = (...messages: unknown[]) =>
  messages.map((message) => `${JSON.stringify(message)}\n`).join("");

/** What a client may reply to the question without having the person's yes. */
const replies: [what: string, reply: Json, expected: object][] = [
  ["declined", { result: { action: "decline" } }, declined],
  ["dismissed", { result: { action: "cancel" } }, declined],
  ["empty", { result: {} }, unavailable],
  ["almost an acceptance", { result: { action: "accepted" } }, unavailable],
  ["a list", { result: { action: ["accept"] } }, unavailable],
  ["an acceptance in the content", { result: { content: { action: "accept" } } }, unavailable],
  ["method not found", { error: { code: -32601, message: "Method not found" } }, unavailable],
  ["an internal error", { error: { code: -32603, message: "accept" } }, unavailable],
  ["a timeout", { error: { code: -32001, message: "Request timed out" } }, late],
  [
    "an error with an acceptance in its data",
    { error: { code: -32000, message: "x", data: { action: "accept" } } },
    unavailable,
  ],
];

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
      server.send(answer(id, { action: "accept", content: {} }));
      expect((await call).structured.status).toBe("updated");
    }
    expect(upstream.received.map(({ profile }) => profile)).toEqual([args.profile, args.profile]);
    expect(questions(server)).toHaveLength(2);
  });

  it("asks nobody unless told to", async () => {
    const { server } = await startGuarded({ capabilities });
    expect((await server.callTool(args)).structured.status).toBe("updated");
    expect(questions(server)).toEqual([]);
  });

  it.each<[what: string, answer: Handler, shown: string[]]>([
    [
      "shows what is there now, without the key",
      (_, response) => {
        const profile = { plan: `free ${key}` };
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ user: { id: user, profile } }));
      },
      ['"first_name" = "Jane" (new)', '"plan" = "pro" (now "free [redacted]")'],
    ],
    [
      "says where it could not be read",
      apiError(404, "not_found"),
      [...question.split("\n").slice(1), "What the profile holds now could not be read."],
    ],
  ])("%s", async (_, look, shown) => {
    const reading = { ...env, PRELUDE_READ: "values" };
    const { server } = await startGuarded({ env: reading, capabilities, answers: [look] });
    const call = server.callTool(args);
    const id = await asked(server);
    const text = String(questions(server)[0]?.params?.message);
    expect(text.split("\n").slice(1)).toEqual(shown);
    server.send(answer(id, { action: "decline" }));
    expect((await call).structured).toMatchObject(declined);
  });

  it("writes nothing on any reply but an acceptance", async () => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    for (const [i, [what, reply, expected]] of replies.entries()) {
      const call = server.callTool(args);
      server.send({ jsonrpc: "2.0", id: await asked(server, i + 1), ...reply });
      const { structured, isError, text } = await call;
      const sent = upstream.received.length;
      expect({ what, isError, ...structured, sent }).toMatchObject({
        what,
        isError: true,
        ...expected,
        sent: 0,
      });
      expect(JSON.parse(text)).toEqual(structured);
    }
  });

  it.each<[what: string, capabilities: Json]>([
    ["no capability", {}],
    ["elicitation by URL only", { elicitation: { url: {} } }],
    ["sampling and roots only", { sampling: {}, roots: {} }],
  ])("writes nothing, and asks nothing, of a client with %s", async (_, offered) => {
    const { server, upstream } = await startGuarded({ env, capabilities: offered });
    const { structured, isError } = await server.callTool(args);
    expect(isError).toBe(true);
    expect(structured).toMatchObject(unavailable);
    expect(questions(server)).toEqual([]);
    expect(upstream.received).toEqual([]);
  });

  it("takes no answer from before the question", async () => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    for (const id of [0, 1, 2]) server.send(answer(id, { action: "accept", content: {} }));
    const call = server.callTool(args);
    server.send(answer(await asked(server), { action: "decline" }));
    expect((await call).structured).toMatchObject(declined);
    expect(upstream.received).toEqual([]);
  });

  it("takes the first answer and no other", async () => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    const call = server.callTool(args);
    const id = await asked(server);
    server.write(
      lines(answer(id, { action: "decline" }), answer(id, { action: "accept", content: {} })),
    );
    expect((await call).structured).toMatchObject(declined);
    expect(upstream.received).toEqual([]);
  });

  it("asks about each write at once, and writes in the order of the answers", async () => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    const calls = ["0", "1", "2"].map((n) => server.callTool({ ...args, profile: { n } }));
    await asked(server, 3);
    const texts = questions(server).map(({ params }) => String(params?.message).split("\n")[1]);
    expect(texts).toEqual(['"n" = "0"', '"n" = "1"', '"n" = "2"']);
    for (const index of [2, 0]) {
      const { id } = questions(server)[index] ?? {};
      server.send(answer(id, { action: "accept", content: { write: true } }));
      expect((await calls[index])?.structured.status).toBe("updated");
    }
    server.send(answer(questions(server)[1]?.id, { action: "decline" }));
    expect((await calls[1])?.structured).toMatchObject(declined);
    expect(upstream.received.map(({ profile }) => profile)).toEqual([{ n: "2" }, { n: "0" }]);
  });

  it.each([user, "usr_other"])(
    "a question that nobody answers holds up no other call, for %s",
    async (userId) => {
      const { server, upstream } = await startGuarded({ env, capabilities });
      server.send(callLine("open"));
      await asked(server);
      const call = server.callTool({ ...args, user_id: userId, profile: { n: "1" } });
      server.send(answer(await asked(server, 2), { action: "accept", content: {} }));
      expect((await call).structured.status).toBe("updated");
      expect(upstream.received.map(({ profile }) => profile)).toEqual([{ n: "1" }]);
    },
  );

  it("does not ask about a call that another guard refuses", async () => {
    const guards = { ...env, PRELUDE_BLOCKED_KEYS: "role", PRELUDE_MAX_WRITES_PER_MINUTE: "1" };
    const { server } = await startGuarded({ env: guards, capabilities });
    await server.callTool({ ...args, profile: { role: "admin" } });
    await server.callTool({ ...args, user_id: "jane" });
    expect(questions(server)).toEqual([]);
    const call = server.callTool(args);
    server.send(answer(await asked(server), { action: "decline" }));
    await call;
    expect((await server.callTool(args)).structured.error?.code).toBe("too_many_writes");
    expect(questions(server)).toHaveLength(1);
  });

  describe("a call cancelled while the person is asked", () => {
    const next = { ...args, profile: { after: "cancel" } };

    it.each<[when: string, sent: (id: unknown) => unknown[]]>([
      ["alone", () => [cancelLine("c")]],
      [
        "before an acceptance",
        (id) => [cancelLine("c"), answer(id, { action: "accept", content: {} })],
      ],
      [
        "right after an acceptance",
        (id) => [answer(id, { action: "accept", content: {} }), cancelLine("c")],
      ],
    ])("%s writes nothing, and the next call of the user gets its turn", async (_, sent) => {
      const { server, upstream } = await startGuarded({ env, capabilities });
      server.send(callLine("c"));
      server.write(lines(...sent(await asked(server))));
      const call = server.callTool(next);
      server.send(answer(await asked(server, 2), { action: "accept", content: {} }));
      expect((await call).structured.status).toBe("updated");
      expect(upstream.received.map(({ profile }) => profile)).toEqual([next.profile]);
      expect(server.messages.filter(({ id }) => id === "c")).toEqual([]);
    });
  });

  it.each<[how: string, leave: (server: ServerProcess) => void]>([
    ["closes stdin", ({ stdin }) => void stdin.end()],
    [
      "vanishes",
      ({ stdin, stdout }) => {
        stdin.destroy();
        stdout.destroy();
      },
    ],
    ["sends SIGTERM", ({ child }) => void child.kill("SIGTERM")],
  ])("writes nothing when the client %s while the person is asked", async (_, leave) => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    server.send(callLine("c"));
    await asked(server);
    leave(server);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(upstream.received).toEqual([]);
  });
});

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Person = (request: ElicitRequest, extra: Extra) => Promise<ElicitResult>;

/** A real SDK client before the built server; without a person it declares no elicitation. */
const connect = async (person?: Person) => {
  const upstream = await startUpstream();
  onTestFinished(upstream.close);
  const client = new Client(
    { name: "sdk-client", version: "1.0.0" },
    { capabilities: person ? capabilities : {} },
  );
  if (person) client.setRequestHandler(ElicitRequestSchema, person);
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [builtServer],
    env: { ...env, PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url },
  });
  onTestFinished(() => client.close());
  await client.connect(transport);
  // With the listed schema at hand, the client validates each result.
  await client.listTools();
  const call = async (signal?: AbortSignal) => {
    const params = { name: "update_user_profile", arguments: args };
    const result = await client.callTool(params, undefined, signal ? { signal } : {});
    return result.structuredContent as UpdateResult;
  };
  return { client, upstream, call };
};

describe("a client of the SDK", () => {
  it("accepts: the write happens, and the person saw it all", async () => {
    const seen: unknown[] = [];
    const { call, upstream } = await connect(async ({ params }) => {
      seen.push(params.message);
      return { action: "accept", content: {} };
    });
    expect((await call()).status).toBe("updated");
    expect(seen).toEqual([question]);
    expect(upstream.received.map(({ profile }) => profile)).toEqual([args.profile]);
  });

  it.each<[how: string, person: Person | undefined, expected: object]>([
    ["declines", async () => ({ action: "decline" }), declined],
    ["dismisses", async () => ({ action: "cancel" }), declined],
    ["lacks the capability", undefined, unavailable],
    [
      "answers with an error",
      async () => {
        throw new Error("no window");
      },
      unavailable,
    ],
    ["answers nonsense", async () => ({ action: "sure" }) as never, unavailable],
  ])("%s: nothing is written", async (_, person, expected) => {
    const { call, upstream } = await connect(person);
    expect(await call()).toMatchObject(expected);
    expect(upstream.received).toEqual([]);
  });

  it("cancels the call while asked: the question is withdrawn, nothing is written", async () => {
    const shown: AbortSignal[] = [];
    const [window, late] = [gate(), gate()];
    const { client, call, upstream } = await connect(async (_, { signal }) => {
      shown.push(signal);
      if (shown.length > 1) return { action: "decline" };
      window.open();
      await late.opened;
      return { action: "accept", content: {} };
    });
    const controller = new AbortController();
    const cancelled = call(controller.signal).catch((error: Error) => error.message);
    await window.opened;
    controller.abort();
    // What the server sends for the cancellation is here before its answer to what comes later.
    await client.ping();
    late.open();
    expect(await cancelled).toContain("abort");
    expect(await call()).toMatchObject(declined);
    expect(upstream.received).toEqual([]);
    expect(shown.map(({ aborted }) => aborted)).toEqual([true, false]);
  });
});

describe("a client pinned to 2026-07-28", () => {
  const pinned = async (action?: "accept" | "decline" | "cancel") => {
    const upstream = await startUpstream();
    onTestFinished(upstream.close);
    const seen: unknown[] = [];
    const client = new PinnedClient(
      { name: "pinned-client", version: "2.0.0" },
      {
        capabilities: action ? capabilities : {},
        versionNegotiation: { mode: { pin: "2026-07-28" } },
      },
    );
    if (action) {
      client.setRequestHandler("elicitation/create", async ({ params }) => {
        seen.push(params.message);
        return { action, ...(action === "accept" && { content: {} }) };
      });
    }
    const transport = new PinnedTransport({
      command: process.execPath,
      args: [builtServer],
      env: { ...env, PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url },
    });
    onTestFinished(() => client.close());
    await client.connect(transport);
    await client.listTools();
    const { structuredContent } = await client.callTool({
      name: "update_user_profile",
      arguments: args,
    });
    return { result: structuredContent, seen, received: upstream.received };
  };

  it("accepts: the write happens, and the person saw it all", async () => {
    const { result, seen, received } = await pinned("accept");
    expect(result).toMatchObject({ status: "updated", updated_keys: ["first_name", "plan"] });
    expect(seen).toEqual([question]);
    expect(received.map(({ profile }) => profile)).toEqual([args.profile]);
  });

  it.each(["decline", "cancel"] as const)("answers %s: nothing is written", async (action) => {
    const { result, seen, received } = await pinned(action);
    expect(result).toMatchObject(declined);
    expect(seen).toEqual([question]);
    expect(received).toEqual([]);
  });
});

const accept = { confirm: { action: "accept", content: {} } };
const decline = { confirm: { action: "decline" } };
/** How an acceptance may come back other than with its own ticket for its own write. */
const forgeries: [how: string, more: (ticket: string) => Json][] = [
  ["without the ticket", () => ({ inputResponses: accept })],
  ["with a ticket of its own", () => ({ requestState: "a".repeat(36), inputResponses: accept })],
  [
    "with the ticket changed in one letter",
    (ticket) => ({
      requestState: ticket.replace(/.$/, (end) => (end === "0" ? "1" : "0")),
      inputResponses: accept,
    }),
  ],
  ["with the ticket in a list", (ticket) => ({ requestState: [ticket], inputResponses: accept })],
  ["with the ticket alone", (ticket) => ({ requestState: ticket })],
  [
    "with an unknown action",
    (ticket) => ({ requestState: ticket, inputResponses: { confirm: { action: "accepted" } } }),
  ],
  [
    "for another value",
    (ticket) => ({
      requestState: ticket,
      inputResponses: accept,
      arguments: { ...args, profile: { ...args.profile, plan: "enterprise" } },
    }),
  ],
  [
    "for another user",
    (ticket) => ({
      requestState: ticket,
      inputResponses: accept,
      arguments: { ...args, user_id: "usr_other" },
    }),
  ],
  [
    "for another app",
    (ticket) => ({
      requestState: ticket,
      inputResponses: accept,
      arguments: { ...args, app_id: "fvua38g" },
    }),
  ],
];

describe("the wire of 2026-07-28", () => {
  const metaWith = (clientCapabilities: Json) => ({
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": clientCapabilities,
    "io.modelcontextprotocol/clientInfo": { name: "raw-client", version: "1" },
  });
  const call = (server: ServerProcess, more: Json = {}, offered: Json = capabilities) =>
    server.request("tools/call", {
      name: "update_user_profile",
      arguments: args,
      _meta: metaWith(offered),
      ...more,
    });
  /** The ticket of a question; fails where the answer is none. */
  const ticketOf = ({ result }: RpcResponse): string => {
    expect(result).toMatchObject({
      resultType: "input_required",
      requestState: expect.any(String),
      inputRequests: {
        confirm: { method: "elicitation/create", params: { mode: "form", message: question } },
      },
    });
    return String(result?.requestState);
  };

  it("asks first, then writes once the ticket comes back with an acceptance", async () => {
    const { server, upstream } = await startGuarded({ env });
    const requestState = ticketOf(await call(server));
    expect(upstream.received).toEqual([]);
    const { structured } = toolAnswer(await call(server, { requestState, inputResponses: accept }));
    expect(structured.status).toBe("updated");
    expect(upstream.received).toHaveLength(1);
  });

  it("has the person asked anew where an acceptance is not for this very write", async () => {
    const { server, upstream } = await startGuarded({ env });
    for (const [how, more] of forgeries) {
      const ticket = ticketOf(await call(server));
      const { result } = await call(server, more(ticket));
      const sent = upstream.received.length;
      expect({ how, resultType: result?.resultType, sent }).toEqual({
        how,
        resultType: "input_required",
        sent: 0,
      });
      expect(result?.requestState).not.toBe(ticket);
    }
  });

  it("a ticket is good for one acceptance", async () => {
    const { server, upstream } = await startGuarded({ env });
    const requestState = ticketOf(await call(server));
    const answered = { requestState, inputResponses: accept };
    const answers = await Promise.all([call(server, answered), call(server, answered)]);
    answers.push(await call(server, answered));
    expect(answers.map(({ result }) => result?.resultType)).toEqual([
      "complete",
      "input_required",
      "input_required",
    ]);
    expect(upstream.received).toHaveLength(1);
  });

  it("a ticket is void once the person has declined", async () => {
    const { server, upstream } = await startGuarded({ env });
    const requestState = ticketOf(await call(server));
    const refused = await call(server, { requestState, inputResponses: decline });
    expect(toolAnswer(refused).structured).toMatchObject(declined);
    const { result } = await call(server, { requestState, inputResponses: accept });
    expect(result?.resultType).toBe("input_required");
    expect(upstream.received).toEqual([]);
  });

  it("a ticket of another process is void", async () => {
    const [first, second] = [await startGuarded({ env }), await startGuarded({ env })];
    const requestState = ticketOf(await call(first.server));
    const { result } = await call(second.server, { requestState, inputResponses: accept });
    expect(result?.resultType).toBe("input_required");
    expect(second.upstream.received).toEqual([]);
  });

  it("a ticket does not help a client that cannot ask", async () => {
    const { server, upstream } = await startGuarded({ env });
    const requestState = ticketOf(await call(server));
    for (const offered of [{}, { elicitation: { url: {} } }]) {
      const answered = { requestState, inputResponses: accept };
      const { structured } = toolAnswer(await call(server, answered, offered));
      expect(structured).toMatchObject(unavailable);
    }
    expect(upstream.received).toEqual([]);
  });

  it("a ticket does not help a request of an older revision", async () => {
    const { server, upstream } = await startGuarded({ env, capabilities });
    const requestState = ticketOf(await call(server));
    const params = { name: "update_user_profile", arguments: args };
    const older = server.request("tools/call", {
      ...params,
      requestState,
      inputResponses: accept,
    });
    server.send(answer(await asked(server), { action: "decline" }));
    expect(toolAnswer(await older).structured).toMatchObject(declined);
    expect(upstream.received).toEqual([]);
  });

  it.each<[how: string, more: (i: number) => Json]>([
    ["other arguments", (i) => ({ arguments: { ...args, profile: { n: String(i) } } })],
    ["another user", (i) => ({ arguments: { ...args, user_id: `usr_${i}` } })],
    ["no answer", () => ({ inputResponses: {} })],
  ])("a chain of tickets with %s asks no more questions than permitted", async (_, more) => {
    const limited = { ...env, PRELUDE_MAX_WRITES_PER_MINUTE: "3" };
    const { server, upstream } = await startGuarded({ env: limited });
    let requestState: unknown;
    const outcomes: unknown[] = [];
    for (let i = 0; i < 10; i++) {
      const chained = i === 0 ? {} : { requestState, inputResponses: accept, ...more(i) };
      const { result } = await call(server, chained);
      requestState = result?.requestState;
      const { structuredContent } = (result ?? {}) as { structuredContent?: UpdateResult };
      outcomes.push(structuredContent?.error?.code ?? result?.resultType);
    }
    const [first, ...others] = [Array(3).fill("input_required"), Array(7).fill("too_many_writes")];
    expect(outcomes).toEqual([...(first ?? []), ...others.flat()]);
    expect(upstream.received).toEqual([]);
  });

  it("a ticket sent twice at once buys no second write", async () => {
    const limited = { ...env, PRELUDE_MAX_WRITES_PER_MINUTE: "1" };
    const { server, upstream } = await startGuarded({ env: limited });
    const requestState = ticketOf(await call(server));
    const answered = { requestState, inputResponses: accept };
    const [first, second] = await Promise.all([call(server, answered), call(server, answered)]);
    expect(toolAnswer(first).structured.status).toBe("updated");
    const next = second.result?.requestState ?? requestState;
    const third = await call(server, { requestState: next, inputResponses: accept });
    expect(toolAnswer(third).structured.error?.code).toBe("too_many_writes");
    expect(upstream.received).toHaveLength(1);
  });
});

describe("time", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  const hour = 3_600_000;
  const settings = { ...env, PRELUDE_API_KEY: key, PRELUDE_TIMEOUT_MS: "1000" };
  const configured = () => {
    const { config, problems } = readConfig(settings, () => "");
    if (!config) throw new Error(problems.join());
    return config;
  };
  /** Stands for Prelude and records the bounds that each request is given. */
  const recordingClient = () => {
    const scopes: CallScope[] = [];
    const client: PreludeClient = {
      patchProfile: async (_, scope) => {
        scopes.push(scope);
        return { attempts: 1 };
      },
      getUser: async () => ({ attempts: 1 }),
      findUsers: async () => ({ attempts: 1 }),
      close: async () => {},
    };
    return { client, scopes };
  };

  it("with the person does not count against the deadline, nor does that of another call", async () => {
    vi.useFakeTimers();
    const { client, scopes } = recordingClient();
    const people: ((answer: "accepted") => void)[] = [];
    const update = createUpdateProfile(dependenciesOf(configured(), client));
    const confirm = () => new Promise<"accepted">((resolve) => people.push(resolve));
    const call = () => update(callOf(args, { confirm }));
    const calls = [call(), call()];
    await vi.advanceTimersByTimeAsync(0);
    expect(people).toHaveLength(2);
    for (const index of [1, 0]) {
      await vi.advanceTimersByTimeAsync(hour);
      people[index]?.("accepted");
      await vi.advanceTimersByTimeAsync(0);
      const scope = scopes.at(-1);
      expect(scopes).toHaveLength(2 - index);
      expect(scope?.signal.aborted).toBe(false);
      expect(scope?.deadlineAt).toBe(performance.now() + 1_000);
    }
    const results = await Promise.all(calls);
    expect(results).toMatchObject([{ status: "updated" }, { status: "updated" }]);
  });

  it("of five minutes without an answer is the end of the question", async () => {
    vi.useFakeTimers();
    const { client, scopes } = recordingClient();
    const config = configured();
    const server = createServer({
      info: { name: "test", version: "1.0.0" },
      instructions: "",
      log: { error: () => {}, info: () => {}, debug: () => {} },
      tools: [
        {
          name: "update_user_profile",
          definition: () => publishedUpdate(config),
          call: createUpdateProfile(dependenciesOf(config, client)),
        },
      ],
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
    const params = { name: "update_user_profile", arguments: args };
    const call = person.callTool(params, undefined, { timeout: hour });
    await window.opened;
    const [{ structuredContent }] = await Promise.all([call, vi.advanceTimersByTimeAsync(300_000)]);
    expect(structuredContent).toMatchObject(late);
    expect(scopes).toEqual([]);
    await person.close();
  });
});
