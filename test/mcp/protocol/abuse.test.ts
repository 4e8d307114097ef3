import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";
import {
  app,
  builtServer,
  type RpcResponse,
  type ServerProcess,
  startServer,
  toolAnswer,
  user,
} from "../../support/server-process.ts";
import { noContent, startUpstream, type Upstream } from "../../support/upstream.ts";

const MiB = 1024 * 1024;
const servers: ServerProcess[] = [];
const upstreams: Upstream[] = [];

const start = (options: Parameters<typeof startServer>[0] = {}): ServerProcess => {
  const env = { PRELUDE_API_KEY: "sk_test_abuse", PRELUDE_BASE_URL: "http://127.0.0.1:9" };
  const server = startServer({ ...options, env: { ...env, ...options.env } });
  servers.push(server);
  return server;
};

const upstreamWith = async (...script: Parameters<typeof startUpstream>): Promise<Upstream> => {
  const upstream = await startUpstream(...script);
  upstreams.push(upstream);
  return upstream;
};

afterAll(async () => {
  for (const { child } of servers) child.kill("SIGKILL");
  await Promise.all(upstreams.map((upstream) => upstream.close()));
});

const rpc = (id: unknown, method = "ping", params?: unknown): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });
const toolCall = (id: unknown, args: unknown): string =>
  rpc(id, "tools/call", { name: "update_user_profile", arguments: args });
const writeOf = (userId: string) => ({ app_id: app, user_id: userId, profile: { a: "b" } });

/** Looks until it is so; a slow machine may take its time. */
const soon = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 20_000, interval: 10 });

/** What became of each request: its id, and "result" or the error's code. */
const outcomes = (messages: readonly RpcResponse[]) =>
  messages.map(({ id, error }) => [id, error ? error.code : "result"]).sort();

/** Runs the server on this input alone, as `printf … | server` does. */
const run = async (input: string | Buffer) => {
  const server = start();
  server.write(input);
  const end = await server.close();
  return { ...end, outcomes: outcomes(server.messages), stderr: server.stderr(), server };
};

const silent = /^$/;
/** A line for each ignored message, up to a number of them, in words of our own. */
const ignored = /^(?:prelude-profile-mcp: (?:ignored|what else is ignored) [\w ,.:'"-]+\n)+$/;
const silentOrIgnored = new RegExp(`${silent.source}|${ignored.source}`);

type Outcome = [id: unknown, "result" | number];
type Case = [name: string, input: string | Buffer, outcomes: Outcome[], stderr?: RegExp];

const p1 = rpc(1);
const deep = "[".repeat(100_000) + "]".repeat(100_000);
const longId = "i".repeat(100_000);
const meta = (fields: unknown) => rpc(1, "tools/list", { _meta: fields });

const lines: Case[] = [
  ["a garbage line", `garbage\n${p1}\n`, [[1, "result"]], ignored],
  ["half a message", `{"jsonrpc":"2.0","id":9,"meth\n${p1}\n`, [[1, "result"]], ignored],
  ["two messages in one line", `${rpc(8)}${rpc(9)}\n${p1}\n`, [[1, "result"]], ignored],
  ["zero bytes", Buffer.from(`\0\0\n${p1}\n`), [[1, "result"]], ignored],
  ["invalid UTF-8", Buffer.from([0xff, 0xfe, 0x0a, ...Buffer.from(p1)]), [[1, "result"]], ignored],
  ["UTF-16", Buffer.from(`${p1}\n`, "utf16le"), [], ignored],
  ["HTTP", `POST / HTTP/1.1\r\nhost: x\r\n\r\n${p1}\n`, [[1, "result"]], ignored],
  ["LSP framing", `Content-Length: ${p1.length}\r\n\r\n${p1}\n`, [[1, "result"]], ignored],
  ["blank lines", `\n\n  \n\t\n\r\n${p1}\n\n`, [[1, "result"]]],
  ["nothing at all", "", []],
  [
    "CRLF",
    `${p1}\r\n${rpc(2)}\r\n`,
    [
      [1, "result"],
      [2, "result"],
    ],
  ],
  ["a byte order mark", `\ufeff${p1}\n`, [[1, "result"]]],
  ["a byte order mark, a blank line", `\ufeff\r\n${p1}\r\n`, [[1, "result"]]],
  ["white space around", `  \t${p1}  \n`, [[1, "result"]]],
  ["no line break at the end", p1, [[1, "result"]]],
  ["stdin closed mid-line", `${p1}\n{"jsonrpc":"2.0","id":2,"meth`, [[1, "result"]], ignored],
];

const batches: Case[] = [
  ["one request", `[${p1}]\n`, [[1, "result"]]],
  [
    "requests, a notification, rubbish",
    `[${p1},7,{"jsonrpc":"2.0","method":"notifications/initialized"},${rpc(2, "nope")},{"id":3}]\n`,
    [
      [1, "result"],
      [2, -32601],
      [3, -32600],
    ],
    ignored,
  ],
  ["a batch in a batch", `[[${p1}],${rpc(2)}]\n`, [[2, "result"]], ignored],
  ["nothing", `[]\n${p1}\n`, [[1, "result"]], silentOrIgnored],
  ["a million numbers", `[${"1,".repeat(1_000_000)}1]\n${p1}\n`, [[1, "result"]], ignored],
];

const envelopes: Case[] = [
  ["no jsonrpc", `{"id":1,"method":"ping"}\n`, [[1, -32600]]],
  ["jsonrpc 1.0", `{"jsonrpc":"1.0","id":1,"method":"ping"}\n`, [[1, -32600]]],
  ["jsonrpc as a number", `{"jsonrpc":2.0,"id":1,"method":"ping"}\n`, [[1, -32600]]],
  ["jsonrpc null", `{"jsonrpc":null,"id":1,"method":"ping"}\n`, [[1, -32600]]],
  ["wrong jsonrpc, no id", `{"jsonrpc":"1.0","method":"ping"}\n`, [], ignored],
  ["no method", `{"jsonrpc":"2.0","id":1}\n`, [[1, -32600]]],
  ["a number as method", `{"jsonrpc":"2.0","id":1,"method":1}\n`, [[1, -32600]]],
  ["null as method", `{"jsonrpc":"2.0","id":1,"method":null}\n`, [[1, -32600]]],
  ["an empty method", `${rpc(1, "")}\n`, [[1, -32601]]],
  ["an empty object", "{}\n", [], ignored],
  ["a string", `"ping"\n`, [], ignored],
  ["a number", "1\n", [], ignored],
  ["null", "null\n", [], ignored],
  ["params null", `{"jsonrpc":"2.0","id":1,"method":"ping","params":null}\n`, [[1, "result"]]],
  ["params an array", `${rpc(1, "tools/list", [])}\n`, [[1, -32602]]],
  ["params a string", `${rpc(1, "tools/list", "x")}\n`, [[1, -32602]]],
  ["_meta a string", `${meta("x")}\n`, [[1, -32602]]],
  ["_meta null", `${meta(null)}\n`, [[1, "result"]]],
  ["progress token null", `${meta({ progressToken: null })}\n`, [[1, "result"]]],
  ["task null", `${rpc(1, "tools/list", { task: null, cursor: null })}\n`, [[1, "result"]]],
  [
    "every member null that may be absent",
    `{"jsonrpc":"2.0","id":1,"method":"ping","params":null,"result":null,"error":null}\n`,
    [[1, "result"]],
  ],
  ["progress token 1.5", `${meta({ progressToken: 1.5 })}\n`, [[1, -32602]]],
  ["progress token an object", `${meta({ progressToken: {} })}\n`, [[1, -32602]]],
  ["progress token 0", `${meta({ progressToken: 0 })}\n`, [[1, "result"]]],
  [
    "members of extensions that this server does not have, malformed",
    `${meta({ "io.modelcontextprotocol/related-task": "x" })}\n`,
    [[1, "result"]],
  ],
  [
    "a task where tasks are not offered (a receiver must ignore it)",
    `${rpc(1, "tools/list", { task: { ttl: 5 } })}\n`,
    [[1, "result"]],
  ],
  [
    "members that no envelope has",
    `{"jsonrpc":"2.0","id":1,"method":"ping","x":1}\n`,
    [[1, "result"]],
  ],
  [
    "__proto__ everywhere",
    `{"__proto__":{"id":9},"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":1}}\n`,
    [[1, "result"]],
  ],
];

const raw = (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}\n`;
const ids: Case[] = [
  ...["null", "1.5", "{}", "[1]", "true", "1e400", "9007199254740992"].map(
    (id): Case => [id, raw(id), [], ignored],
  ),
  ...[0, "", -1, 9007199254740991, "0", " ", "\u0000", "💡", "__proto__", longId].map(
    (id): Case => [JSON.stringify(id).slice(0, 30), `${rpc(id)}\n`, [[id, "result"]]],
  ),
  ["-0", raw("-0"), [[0, "result"]]],
  ["2.0", raw("2.0"), [[2, "result"]]],
  [
    '0 and "0" and "" at once',
    `${rpc(0)}\n${rpc("0")}\n${rpc("")}\n`,
    [
      ["", "result"],
      [0, "result"],
      ["0", "result"],
    ],
  ],
];

const initialize = (params: object) => {
  const clientInfo = { name: "a", version: "1" };
  const usual = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  return `${rpc(1, "initialize", { ...usual, ...params })}\n`;
};
const methods: Case[] = [
  ...[
    "nope",
    "__proto__",
    "constructor",
    "toString",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "logging/setLevel",
    "completion/complete",
    "tasks/list",
    "tasks/get",
    "sampling/createMessage",
    "elicitation/create",
    "notifications/initialized",
    "server/discover",
  ].map((method): Case => [method, `${rpc(1, method, {})}\n`, [[1, -32601]]]),
  ["an unknown tool", `${rpc(1, "tools/call", { name: "rm" })}\n`, [[1, -32602]]],
  ["no tool", `${rpc(1, "tools/call")}\n`, [[1, -32602]]],
  ["initialize without params", `${rpc(1, "initialize")}\n`, [[1, -32602]]],
  ["initialize with a number as version", initialize({ protocolVersion: 1 }), [[1, -32602]]],
  [
    "initialize with capabilities that are not an object",
    initialize({ capabilities: 1 }),
    [[1, -32602]],
  ],
  ["initialize without a name", initialize({ clientInfo: { version: "1" } }), [[1, -32602]]],
  ["initialize with _meta null", initialize({ _meta: null }), [[1, "result"]]],
  [
    "initialize with a progress token null",
    initialize({ _meta: { progressToken: null }, capabilities: null }),
    [[1, "result"]],
  ],
  [
    "initialize with a name of 1,001 characters",
    initialize({ clientInfo: { name: "n".repeat(1_001), version: "1" } }),
    [[1, "result"]],
  ],
  // What a later revision may say there is not this server's business.
  [
    "initialize with capabilities of another shape",
    initialize({ capabilities: { tasks: 1, roots: [], x: {} } }),
    [[1, "result"]],
  ],
  [
    "initialize with elicitation of another shape",
    initialize({ capabilities: { elicitation: { form: 1 } } }),
    [[1, "result"]],
  ],
  [
    "initialize with a client of another shape",
    initialize({ clientInfo: { name: "a", version: "1", icons: "x", title: 1 } }),
    [[1, "result"]],
  ],
];

const note = (method: string, params?: unknown) =>
  `${JSON.stringify({ jsonrpc: "2.0", method, params })}\n`;
const notifications: Case[] = [
  ["unknown", note("notifications/nope", { a: 1 }), []],
  ["initialized before initialize, twice", note("notifications/initialized").repeat(2), []],
  ["cancelled for no request", note("notifications/cancelled", { requestId: 5 }), []],
  ["cancelled without an id", note("notifications/cancelled", {}), []],
  ["cancelled without params", note("notifications/cancelled"), []],
  ["cancelled with an odd id", note("notifications/cancelled", { requestId: { a: 1 } }), []],
  [
    "progress for no request",
    note("notifications/progress", { progressToken: 1, progress: 1 }),
    [],
  ],
  ["progress without params", note("notifications/progress"), []],
  ["a request's method", note("tools/list"), []],
].map(([name, input, none]) => [name, `${input}${p1}\n`, [...(none as []), [1, "result"]]] as Case);

const responses: Case[] = [
  ["a result for no request", `{"jsonrpc":"2.0","id":7,"result":{}}`],
  ["an error for no request", `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x"}}`],
  ["a result that is not an object", `{"jsonrpc":"2.0","id":7,"result":5}`],
  ["an error that is a string", `{"jsonrpc":"2.0","id":7,"error":"x"}`],
  [
    "a result and an error",
    `{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":"x"}}`,
  ],
  ["an error without an id", `{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}}`],
  [
    "an error with the id null",
    `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}`,
  ],
  // Answering it would put an error under an id that belongs to the other side.
  ["a response without jsonrpc", `{"id":7,"result":{}}`],
].map(([name, input]) => [name, `${input}\n${p1}\n`, [[1, "result"]], silentOrIgnored] as Case);

const nested: Case[] = [
  ["an array", deep, [[1, "result"]], ignored],
  [
    "params",
    `{"jsonrpc":"2.0","id":2,"method":"ping","params":{"a":${deep}}}`,
    [
      [1, "result"],
      [2, "result"],
    ],
  ],
  [
    "params that are an array",
    `{"jsonrpc":"2.0","id":2,"method":"ping","params":${deep}}`,
    [
      [1, "result"],
      [2, -32602],
    ],
  ],
  ["an id", `{"jsonrpc":"2.0","id":${deep},"method":"ping"}`, [[1, "result"]], ignored],
  [
    "a method",
    `{"jsonrpc":"2.0","id":2,"method":${deep}}`,
    [
      [1, "result"],
      [2, -32600],
    ],
  ],
  [
    "_meta",
    `{"jsonrpc":"2.0","id":2,"method":"ping","params":{"_meta":{"x":${deep}}}}`,
    [
      [1, "result"],
      [2, "result"],
    ],
  ],
  [
    "a progress token",
    `{"jsonrpc":"2.0","id":2,"method":"ping","params":{"_meta":{"progressToken":${deep}}}}`,
    [
      [1, "result"],
      [2, -32602],
    ],
  ],
  [
    "beside a malformed _meta",
    `{"jsonrpc":"2.0","id":2,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/related-task":1},"x":${deep}}}`,
    [
      [1, "result"],
      [2, "result"],
    ],
  ],
  [
    "arguments",
    `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"update_user_profile","arguments":${deep}}}`,
    [
      [1, "result"],
      [2, "result"],
    ],
  ],
  [
    "a profile value",
    `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"update_user_profile","arguments":{"profile":{"a":${deep}}}}}`,
    [
      [1, "result"],
      [2, "result"],
    ],
  ],
  [
    "a profile as JSON text",
    toolCall(2, { profile: `{"a":${deep}}` }),
    [
      [1, "result"],
      [2, "result"],
    ],
  ],
  ["a result", `{"jsonrpc":"2.0","id":2,"result":{"a":${deep}}}`, [[1, "result"]], silentOrIgnored],
  [
    "a result that is an array",
    `{"jsonrpc":"2.0","id":2,"result":${deep}}`,
    [[1, "result"]],
    silentOrIgnored,
  ],
  [
    "an error's data",
    `{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"x","data":${deep}}}`,
    [[1, "result"]],
    silentOrIgnored,
  ],
  [
    "a notification",
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1,"a":${deep}}}`,
    [[1, "result"]],
  ],
  [
    "a cancellation",
    `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3,"reason":${deep}}}`,
    [[1, "result"]],
  ],
].map(([name, input, ...rest]) => [name, `${input}\n${p1}\n`, ...rest] as Case);

const groups: Record<string, Case[]> = {
  lines,
  batches,
  envelopes,
  ids,
  methods,
  notifications,
  responses,
  "deep nesting in": nested,
};

for (const [group, cases] of Object.entries(groups)) {
  describe.concurrent(group, () => {
    it.each(cases)("%s", async (_, input, expected, stderr = silent) => {
      const { code, ...is } = await run(input);
      expect(is.outcomes).toEqual(expected.sort());
      expect(is.stderr).toMatch(stderr);
      expect(code).toBe(0);
    });
  });
}

describe.concurrent("initialize", () => {
  const known = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
  const unknown = ["2026-07-28", "2099-01-01", "1.0", "", "__proto__"];
  const clientInfo = { name: "test-client", version: "1" };

  it("answers each known version with itself, any other with the newest, again and again", async () => {
    const server = start();
    for (const protocolVersion of [...known, ...unknown, ...known]) {
      const params = { protocolVersion, capabilities: {}, clientInfo };
      const { result } = await server.request("initialize", params);
      const expected = known.includes(protocolVersion) ? protocolVersion : "2025-11-25";
      expect([protocolVersion, result?.protocolVersion]).toEqual([protocolVersion, expected]);
      server.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    }
    expect((await server.request("tools/list")).result?.tools).toHaveLength(1);
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toBe("");
  });

  it("is not needed for a list or a call", async () => {
    const upstream = await upstreamWith(noContent);
    const server = start({ env: { PRELUDE_BASE_URL: upstream.url } });
    expect((await server.callTool(writeOf(user))).structured.status).toBe("updated");
    expect((await server.request("tools/list")).result?.tools).toHaveLength(1);
    expect(await server.close()).toEqual({ code: 0, signal: null });
  });
});

describe.concurrent("ids in flight", () => {
  const gated = async () => {
    const open: (() => void)[] = [];
    const aborted: string[] = [];
    const upstream = await upstreamWith(
      ({ path }, response, socket) =>
        new Promise<void>((resolve) => {
          socket.on("close", () => aborted.push(path));
          open.push(() => resolve(void response.writeHead(204).end()));
        }),
    );
    const server = start({
      env: { PRELUDE_BASE_URL: upstream.url, PRELUDE_LOG_LEVEL: "info" },
    });
    return { upstream, server, open, aborted };
  };

  it.each([
    [0, {}],
    ["", {}],
    [7, {}],
    ["7", { reason: "no longer wanted" }],
    [8, { reason: { of: "another shape" } }],
  ])("cancels %j with %j, and the id is free again", async (id, more) => {
    const { upstream, server, aborted } = await gated();
    server.write(`${toolCall(id, writeOf(user))}\n`);
    await soon(() => upstream.received.length === 1);
    const params = { requestId: id, ...more };
    server.send({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    await soon(() => aborted.length === 1);
    await server.request("ping", undefined, id);
    await server.close();
    expect(outcomes(server.messages)).toEqual([[id, "result"]]);
  });

  it.each([
    ["in one chunk", 7, false],
    ["in one chunk, under an id that is falsy", 0, false],
    ["after a while", "seven", true],
  ])("gives a cancelled call's id to the next one, %s", async (_, id, waits) => {
    const { upstream, server, open, aborted } = await gated();
    const cancelled = note("notifications/cancelled", { requestId: id });
    server.write(`${toolCall(id, writeOf("usr_first"))}\n`);
    if (waits) await soon(() => upstream.received.length === 1);
    server.write(`${cancelled}${toolCall(id, writeOf("usr_second"))}\n`);
    await soon(() => upstream.received.some(({ path }) => path.includes("usr_second")));
    if (waits) await soon(() => aborted.length === 1);
    for (const answer of open) answer();
    await server.until(() => server.messages.length === 1);
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.messages).toHaveLength(1);
    const { structured } = toolAnswer(server.messages[0] as RpcResponse);
    expect(structured).toMatchObject({ status: "updated", user_id: "usr_second" });
  });

  it("tells the calls under one id apart, when one after the other is cancelled in one chunk", async () => {
    const { upstream, server, open } = await gated();
    const cancelled = note("notifications/cancelled", { requestId: 7 });
    const calls = Array.from({ length: 20 }, (_, i) => `${toolCall(7, writeOf(`usr_${i}`))}\n`);
    server.write(calls.join(cancelled));
    await soon(() => upstream.received.some(({ path }) => path.includes("usr_19/")));
    for (const answer of open) answer();
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.messages).toHaveLength(1);
    const { structured } = toolAnswer(server.messages[0] as RpcResponse);
    expect(structured).toMatchObject({ status: "updated", user_id: "usr_19" });
  });

  it("does not run a call that has no id", async () => {
    const { upstream, server } = await gated();
    const params = { name: "update_user_profile", arguments: writeOf(user) };
    server.send({ jsonrpc: "2.0", method: "tools/call", params });
    await server.close();
    expect(server.messages).toEqual([]);
    expect(upstream.received).toEqual([]);
  });

  it("answers each of two requests that share one id, also when stdin ends between them", async () => {
    const { upstream, server, open } = await gated();
    server.write(`${toolCall(7, writeOf("usr_a"))}\n${toolCall(7, writeOf("usr_b"))}\n${rpc(8)}\n`);
    await server.until(() => server.messages.some(({ id }) => id === 8));
    await soon(() => upstream.received.length > 0);
    const sharing = () => server.messages.filter(({ id }) => id === 7).length;
    if (sharing() === 0) await soon(() => open.length === 2);
    open.shift()?.();
    await server.until(() => sharing() >= 1);
    server.stdin.end();
    await server.until(() => server.stderr().includes("stopping"));
    for (const answer of open) answer();
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(sharing()).toBe(2);
  });
});

describe.concurrent("large input", () => {
  const pad = "x".repeat(9 * MiB);

  it("answers lines of 9 MiB", async () => {
    const input = [
      rpc(1, "ping", { pad }),
      toolCall(2, { ...writeOf(user), profile: { a: pad } }),
      toolCall(3, { [pad]: 1 }),
      toolCall(4, pad),
      rpc(5, "tools/call", { name: pad }),
      rpc(6, "x".repeat(9 * MiB)),
      " ".repeat(9 * MiB) + rpc(7),
    ].join("\n");
    const { code, stderr, server, ...is } = await run(input);
    expect(is.outcomes).toEqual([
      ...[1, 2, 3, 4].map((id) => [id, "result"]),
      [5, -32602],
      [6, -32601],
      [7, "result"],
    ]);
    expect(JSON.stringify(server.messages).length).toBeLessThan(20_000);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it.each([
    [
      "whose id is last",
      toolCall(2, { x: pad + pad })
        .replace('"id":2,', "")
        .replace(/}$/, ',"id":2}'),
      [2],
    ],
    ["whose id is first", toolCall("two", { x: pad + pad }), ["two"]],
    ["without an id of its own", note("nope", { id: 2, x: pad + pad }).trimEnd(), []],
    ["of no JSON", pad + pad, []],
  ])("drops a line over 10 MiB %s, and goes on", async (_, line, refused) => {
    let answer = () => {};
    const upstream = await upstreamWith((_request, response) => {
      answer = () => response.writeHead(204).end();
    }, noContent);
    const server = start({ env: { PRELUDE_BASE_URL: upstream.url } });
    server.write(`${toolCall(1, writeOf("usr_before"))}\n`);
    await soon(() => upstream.received.length === 1);
    server.write(`${line}\n${toolCall(3, writeOf("usr_after"))}\n`);
    await server.until(() => server.messages.some(({ id }) => id === 3));
    answer();
    await server.until(() => server.messages.some(({ id }) => id === 1));
    expect(await server.close()).toEqual({ code: 0, signal: null });
    const others = server.messages.filter(({ id }) => id !== 1 && id !== 3);
    expect(outcomes(others)).toEqual(refused.map((id) => [id, -32600]));
    expect(server.messages.filter(({ result }) => result?.isError)).toEqual([]);
    expect(server.stderr()).toMatch(
      refused.length > 0 ? silent : /^prelude-profile-mcp: ignored [^\n]*10 MiB\n$/,
    );
  });

  const names = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`some_name_${i}`, value]));
  it.each([
    ["undeclared arguments", names(50_000, "x"), {}],
    ["values of a wrong type", { ...writeOf(user), profile: names(50_000, 1) }, {}],
    [
      "keys that are not allowed",
      { ...writeOf(user), profile: names(50_000, "x") },
      {
        PRELUDE_ALLOWED_KEYS: Object.keys(names(50, 0))
          .map((name) => `allowed_${name}`)
          .join(),
      },
    ],
  ])("answers 50,000 %s in less than the question", async (_, args, env) => {
    const question = toolCall(1, args);
    const server = start({ env });
    let bytes = 0;
    server.stdout.on("data", (text: string) => {
      bytes += text.length;
    });
    server.write(`${question}\n`);
    await server.close();
    const answer = toolAnswer(server.messages[0] as RpcResponse);
    expect(answer.structured.error?.code).toBe("invalid_arguments");
    expect(bytes).toBeLessThan(question.length);
  });

  it("answers 1,000 calls that arrive in one write", async () => {
    const upstream = await upstreamWith(noContent);
    const server = start({
      env: { PRELUDE_BASE_URL: upstream.url, PRELUDE_MAX_WRITES_PER_MINUTE: "0" },
    });
    const ids = Array.from({ length: 1_000 }, (_, i) => i);
    server.write(ids.map((id) => `${toolCall(id, writeOf(`usr_${id}`))}\n`).join(""));
    await server.until(() => server.messages.length === ids.length);
    expect(await server.close()).toEqual({ code: 0, signal: null });
    const answers = server.messages.map((message) => toolAnswer(message).structured);
    expect(answers.every(({ status }) => status === "updated")).toBe(true);
    expect(new Set(server.messages.map(({ id }) => id))).toEqual(new Set(ids));
    expect(new Set(upstream.received.map(({ path }) => path)).size).toBe(1_000);
    expect(upstream.received).toHaveLength(1_000);
  });

  it.each([
    ["3 lines", 3, "ping"],
    ["2,000 pings", 2_000, "ping"],
    ["400 lists, 2 MB of answers", 400, "tools/list"],
  ])("answers everything that a shell pipes into it: %s", async (_, count, method) => {
    const list = `for (let id = 0; id < ${count}; id++) process.stdout.write('{"jsonrpc":"2.0","id":' + id + ',"method":"${method}"}\\n')`;
    const line = '"$0" -e "$1" | "$0" "$2"';
    const server = start({ command: ["sh", "-c", line, process.execPath, list, builtServer] });
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.messages).toHaveLength(count);
    expect(server.messages.every(({ id }, i) => id === i)).toBe(true);
    expect(server.stderr()).toBe("");
  });
});

describe.concurrent("split UTF-8", () => {
  it("puts characters together again that arrive in pieces", async () => {
    const upstream = await upstreamWith(noContent);
    const server = start({ env: { PRELUDE_BASE_URL: upstream.url } });
    const text = "naïve 💡 日本語 ‮";
    const bytes = Buffer.from(`${toolCall("💡", { ...writeOf(user), profile: { a: text } })}\n`);
    for (const byte of bytes) {
      await new Promise((resolve) => server.stdin.write(Buffer.from([byte]), resolve));
    }
    await server.until(() => server.messages.length === 1);
    await server.close();
    expect(server.messages[0]?.id).toBe("💡");
    expect(upstream.received[0]?.profile).toEqual({ a: text });
  });
});

describe.concurrent("bytes that are not UTF-8", () => {
  it.each([
    ["a byte that never occurs", [0xff]],
    ["Latin-1", [0x4a, 0xfc, 0x72, 0x67]],
    ["half a character", [0xf0, 0x9f, 0x92]],
    ["a lone surrogate", [0xed, 0xa0, 0xbd]],
  ])("are never written as something else: %s", async (_, bytes) => {
    const upstream = await upstreamWith(noContent);
    const server = start({ env: { PRELUDE_BASE_URL: upstream.url } });
    const [before = "", after = ""] = toolCall(1, { ...writeOf(user), profile: { a: "@" } }).split(
      "@",
    );
    server.write(
      Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(`${after}\n`)]),
    );
    await server.request("ping", undefined, 2);
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(outcomes(server.messages)).toEqual([
      [1, -32700],
      [2, "result"],
    ]);
    expect(upstream.received).toEqual([]);
  });
});

describe.concurrent("a question that was withdrawn", () => {
  it.each([
    ["a nested result", `"result":{"action":"accept","content":{"a":${deep}}}`],
    ["a nested error", `"error":{"code":1,"message":"x","data":${deep}}`],
    ["a plain yes", `"result":{"action":"accept","content":{}}`],
  ])("may be answered late, with %s: nothing comes of it", async (_, answer) => {
    const upstream = await upstreamWith(noContent);
    const env = { PRELUDE_BASE_URL: upstream.url, PRELUDE_CONFIRM: "true" };
    const server = start({ env });
    await server.initialize({ elicitation: {} });
    const asked = () => server.messages.filter(({ method }) => method === "elicitation/create");
    server.write(`${toolCall(1, writeOf("usr_a"))}\n`);
    await soon(() => asked().length === 1);
    server.write(`${toolCall(2, writeOf("usr_b"))}\n`);
    await soon(() => asked().length === 2);
    const [first, second] = asked().map(({ id }) => JSON.stringify(id));
    server.write(note("notifications/cancelled", { requestId: 1 }));
    await server.until(() =>
      server.messages.some(({ method }) => method === "notifications/cancelled"),
    );
    server.write(`{"jsonrpc":"2.0","id":${first},${answer}}\n`);
    // The other one is still open.
    server.write(`{"jsonrpc":"2.0","id":${second},"result":{"action":"accept","content":{}}}\n`);
    await server.until(() => server.messages.some(({ id }) => id === 2));
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(upstream.received.map(({ path }) => path)).toEqual([expect.stringContaining("usr_b")]);
    expect(server.stderr()).toBe("prelude-profile-mcp: ignored a response to no request\n");
  });
});

/** Bytes that a process has read so far, and the most memory that it ever held, in MiB. */
const usage = (pid: number) => ({
  read: Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]),
  peak: Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
});

describe.concurrent("readers that do not read", () => {
  /** A server whose answers are counted, once somebody reads them, and not kept. */
  const unread = () => {
    const env = { PATH: process.env.PATH ?? "", PRELUDE_API_KEY: "sk_test_abuse" };
    const child = spawn(process.execPath, [builtServer], { env, stdio: ["pipe", "pipe", "pipe"] });
    const exited = new Promise((resolve) => child.on("exit", (...end) => resolve(end)));
    child.stdin.on("error", () => {});
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    const answered = (count: number) =>
      new Promise<{ bytes: number }>((resolve, reject) => {
        let seen = 0;
        let bytes = 0;
        child.stdout.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          for (const byte of chunk) if (byte === 10) seen += 1;
          if (seen === count) resolve({ bytes });
        });
        child.on("exit", () => reject(new Error(`gone after ${seen} answers: ${stderr}`)));
      });
    return { child, pid: child.pid as number, exited, answered, stderr: () => stderr };
  };
  const many = (count: number, method: string, pad = "") =>
    Array.from({ length: count }, (_, id) => rpc(id, method, { pad }));

  it("holds 100,000 requests (13 MB) back while nobody reads, and answers them all when somebody does", async () => {
    const { child, pid, exited, answered, stderr } = unread();
    child.stdin.write(`${many(100_000, "ping", "x".repeat(70)).join("\n")}\n`);
    await soon(() => usage(pid).read > 10 * MiB);
    expect(usage(pid).peak).toBeLessThan(200);
    await answered(100_000);
    expect(usage(pid).peak).toBeLessThan(200);
    child.stdin.end();
    expect(await exited).toEqual([0, null]);
    expect(stderr()).toBe("");
  });

  it.each([
    ["lines", (requests: string[]) => requests.join("\n")],
    ["one batch", (requests: string[]) => `[${requests.join(",")}]`],
  ])("makes no more answers than the reader takes: 20,000 lists (90 MB) in %s", async (_, join) => {
    const { child, pid, exited, answered } = unread();
    const input = `${join(many(20_000, "tools/list"))}\n`;
    child.stdin.write(input);
    await soon(() => usage(pid).read > input.length);
    // Lists, and not refusals, which are short.
    expect((await answered(20_000)).bytes).toBeGreaterThan(20_000 * 3_000);
    expect(usage(pid).peak).toBeLessThan(200);
    child.stdin.end();
    expect(await exited).toEqual([0, null]);
  });

  it("goes on, and ends, with a full stderr", async () => {
    const server = start();
    server.child.stderr?.pause();
    server.write("garbage\n".repeat(20_000));
    await server.request("ping");
    server.stdin.end();
    expect(await server.exited).toMatchObject({ code: 0 });
  });

  it("ends when the reader closes stdout", async () => {
    const server = start();
    await server.initialize();
    server.stdout.destroy();
    server.send({ jsonrpc: "2.0", id: 1, method: "ping" });
    expect(await server.exited).toMatchObject({ code: 0 });
    expect(server.stderr()).toBe("");
  });
});
