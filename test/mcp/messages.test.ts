import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { app, type ServerProcess, startServer, user } from "../support/server-process.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";

// What the built server makes of whatever a client may write to its stdin.

const MiB = 1024 * 1024;
const env = { PRELUDE_API_KEY: "sk_test_messages", PRELUDE_BASE_URL: "http://127.0.0.1:9" };

const rpc = (id: unknown, method = "ping", params?: unknown): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });
const note = (method: string, params?: unknown) =>
  JSON.stringify({ jsonrpc: "2.0", method, params });
const toolCall = (id: unknown, args: unknown): string =>
  rpc(id, "tools/call", { name: "update_user_profile", arguments: args });

type Outcome = [id: unknown, "result" | number];

/** What became of each request: its id, and "result" or the error's code. */
const outcomesOf = ({ messages }: ServerProcess, from = 0): Outcome[] =>
  messages
    .slice(from)
    .filter(({ id }) => !String(id).startsWith("sentinel"))
    .map(({ id, error }): Outcome => [id, error ? error.code : "result"])
    .sort();

/** A line that is sent -> what is answered, and which words stand on stderr because of it. */
type Row = [name: string, input: string | Buffer, outcomes: Outcome[], ...ignored: string[]];

const notJson = "a line that is not JSON";
const noObject = "a message that is not an object";
const oddId = "a message whose id is neither a string nor an integer";
const noCall = "a message that is neither a request nor a notification";
const noRequest = "a response to no request";

const p1 = rpc(1);
const ok: Outcome[] = [[1, "result"]];
const refused: Outcome[] = [[1, -32600]];
const unknownMethod: Outcome[] = [[1, -32601]];
const unknownTool: Outcome[] = [[1, -32602]];

const lines: Row[] = [
  ["a garbage line", "garbage", [], notJson],
  ["half a message", '{"jsonrpc":"2.0","id":9,"meth', [], notJson],
  ["LSP framing", `Content-Length: ${p1.length}\r\n\r\n${p1}`, ok, notJson],
  ["blank lines", `\n\n  \n\t\n\r\n${p1}\n`, ok],
  ["CRLF", `${p1}\r\n`, ok],
  ["a byte order mark", `\ufeff${p1}`, ok],
];

const batches: Row[] = [
  [
    "a batch of requests, a notification and rubbish",
    `[${p1},7,${note("notifications/initialized")},${rpc(2, "nope")},{"id":3}]`,
    [
      [1, "result"],
      [2, -32601],
      [3, -32600],
    ],
    noObject,
  ],
  ["a batch in a batch", `[[${p1}],${rpc(2)}]`, [[2, "result"]], noObject],
  ["an empty batch", "[]", []],
];

const meta = (fields: unknown) => rpc(1, "tools/list", { _meta: fields });
const envelopes: Row[] = [
  ["no jsonrpc", '{"id":1,"method":"ping"}', refused],
  ["jsonrpc 1.0", '{"jsonrpc":"1.0","id":1,"method":"ping"}', refused],
  ["no method", '{"jsonrpc":"2.0","id":1}', refused],
  ["an empty object", "{}", [], noCall],
  ["null", "null", [], noObject],
  ["params an array", rpc(1, "tools/list", []), refused],
  ["_meta a string", meta("x"), refused],
  ["progress token 1.5", meta({ progressToken: 1.5 }), refused],
  [
    "a task where tasks are not offered, which a receiver must ignore",
    rpc(1, "tools/list", { task: { ttl: 5 } }),
    ok,
  ],
  [
    "__proto__ everywhere",
    '{"__proto__":{"id":9},"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":1}}',
    ok,
  ],
];

const clientInfo = { name: "a", version: "1" };
const initialize = (fields: object): string =>
  rpc(1, "initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo, ...fields });
const nulls: Row[] = [
  ["params", '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', ok],
  ["_meta", meta(null), ok],
  ["the progress token", meta({ progressToken: null }), ok],
  ["the arguments of a call", toolCall(1, null), ok],
  ["result and error", '{"jsonrpc":"2.0","id":1,"method":"ping","result":null,"error":null}', ok],
  ["capabilities and _meta of initialize", initialize({ capabilities: null, _meta: null }), ok],
  [
    "members of capabilities and of the client",
    initialize({
      capabilities: { roots: null, elicitation: null },
      clientInfo: { ...clientInfo, title: null, icons: null },
    }),
    ok,
  ],
];

const greetings: Row[] = [
  ["capabilities that nobody knows", initialize({ capabilities: { x: {}, extensions: 1 } }), ok],
  [
    "capabilities of another shape",
    initialize({ capabilities: { tasks: 1, roots: [], experimental: { x: true } } }),
    ok,
  ],
  [
    "a client of another shape",
    initialize({ clientInfo: { ...clientInfo, icons: "x", title: 1 } }),
    ok,
  ],
  ["no name", initialize({ clientInfo: { version: "1" } }), [[1, -32603]]],
];

const withId = (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
const ids: Row[] = [
  ...["null", "1.5", "{}", "[1]", "true", "1e400", "9007199254740992"].map(
    (id): Row => [id, withId(id), [], oddId],
  ),
  ...[0, "", -1, 9007199254740991, "0", " ", "\u0000", "💡", "__proto__", "server-0"].map(
    (id): Row => [JSON.stringify(id), rpc(id), [[id, "result"]]],
  ),
  ["-0", withId("-0"), [[0, "result"]]],
  ["2.0", withId("2.0"), [[2, "result"]]],
  [
    '0, "0" and "" at once',
    `${rpc(0)}\n${rpc("0")}\n${rpc("")}`,
    [
      ["", "result"],
      [0, "result"],
      ["0", "result"],
    ],
  ],
];

const methods: Row[] = [
  ...[
    "nope",
    "",
    "__proto__",
    "constructor",
    "prompts/list",
    "logging/setLevel",
    "elicitation/create",
    "notifications/initialized",
    "server/discover",
  ].map((method): Row => [method, rpc(1, method, {}), unknownMethod]),
  ["a call of no tool", rpc(1, "tools/call"), unknownTool],
];

const unanswered: Row[] = [
  ["an unknown notification", note("notifications/nope", { a: 1 }), []],
  ["cancelled for no request", note("notifications/cancelled", { requestId: 5 }), []],
  ["cancelled with an odd id", note("notifications/cancelled", { requestId: { a: 1 } }), []],
  [
    "progress for no request",
    note("notifications/progress", { progressToken: 1, progress: 1 }),
    [],
  ],
  ["a request's method without an id", note("tools/list"), []],
  ["a result for no request", '{"jsonrpc":"2.0","id":7,"result":{}}', [], noRequest],
  [
    "a result for a question that was not asked",
    '{"jsonrpc":"2.0","id":"server-0","result":{}}',
    [],
  ],
  [
    "an error for no request",
    '{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x"}}',
    [],
    noRequest,
  ],
];

const groups = { lines, batches, envelopes, nulls, greetings, ids, methods, unanswered };
for (const [group, rows] of Object.entries(groups)) {
  describe(group, () => {
    let server: ServerProcess;
    beforeAll(() => {
      server = startServer({ env });
    });

    it.each(rows)("%s", async (name, input, expected) => {
      const from = server.messages.length;
      server.write(input);
      server.write("\n");
      // The first one is read behind the input, the second one when all that is answered.
      for (const round of [1, 2])
        await server.request("ping", undefined, `sentinel ${name} ${round}`);
      expect(outcomesOf(server, from)).toEqual(expected.sort());
    });

    afterAll(async () => {
      expect(await server.close()).toEqual({ code: 0, signal: null });
      const words = rows.flatMap(([, , , ...ignored]) => ignored);
      expect(server.stderr()).toBe(
        words.map((word) => `prelude-profile-mcp: ignored ${word}\n`).join(""),
      );
    });
  });
}

/** Runs the server on this input alone, as `printf … | server` does. */
const run = async (input: string | Buffer) => {
  const server = startServer({ env });
  server.write(input);
  const { code } = await server.close();
  return { code, outcomes: outcomesOf(server), stderr: server.stderr() };
};

describe.concurrent("at the end of stdin", () => {
  it("answers a last line without a line break", async () => {
    expect(await run(p1)).toEqual({ code: 0, outcomes: ok, stderr: "" });
  });

  it("says that a client is missing if nothing came at all", async () => {
    const { code, stderr } = await run("");
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^prelude-profile-mcp: [^\n]*MCP client must be on stdin[^\n]*docker run -i[^\n]*\n$/,
    );
  });

  it.each([
    ["2,000 pings", 2_000, "ping"],
    ["400 lists, 2 MB of answers", 400, "tools/list"],
  ])("has answered everything that a shell pipes into it: %s", async (_, count, method) => {
    const list = `for (let id = 0; id < ${count}; id++) process.stdout.write('{"jsonrpc":"2.0","id":' + id + ',"method":"${method}"}\\n')`;
    const server = startServer({
      command: [
        "sh",
        "-c",
        '"$0" -e "$1" | "$0" "$2"',
        process.execPath,
        list,
        "dist/prelude-profile-mcp.cjs",
      ],
    });
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.messages.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(server.stderr()).toBe("");
  });
});

describe.concurrent("a long line", () => {
  const pad = "x".repeat(9 * MiB);

  it("of 9 MiB is answered", async () => {
    const input = [
      rpc(1, "ping", { pad }),
      toolCall(2, { app_id: app, user_id: user, profile: { a: pad } }),
      rpc(3, "x".repeat(9 * MiB)),
      `${" ".repeat(9 * MiB)}${rpc(4)}`,
    ];
    const outcomes = [
      [1, "result"],
      [2, "result"],
      [3, -32601],
      [4, "result"],
    ];
    expect(await run(input.join("\n"))).toEqual({ code: 0, outcomes, stderr: "" });
  });

  it("over 10 MiB is dropped to its end, with a word, and the conversation goes on", async () => {
    const long = toolCall(2, { x: pad + pad });
    expect(await run(`${p1}\n${long}\n${rpc(3)}\n${long}`)).toEqual({
      code: 0,
      outcomes: [
        [1, "result"],
        [3, "result"],
      ],
      stderr: "prelude-profile-mcp: ignored a line of more than 10 MiB\n".repeat(2),
    });
  });
});

describe("the bytes of a text", () => {
  let upstream: Upstream;
  beforeAll(async () => {
    upstream = await startUpstream();
  });
  afterAll(() => upstream.close());
  const start = () => startServer({ env: { ...env, PRELUDE_BASE_URL: upstream.url } });
  const writeOf = (value: string) => ({ app_id: app, user_id: user, profile: { a: value } });

  it("may arrive one by one", async () => {
    const server = start();
    const text = "naïve 💡 日本語 ‮";
    for (const byte of Buffer.from(`${toolCall("💡", writeOf(text))}\n`)) {
      await new Promise((resolve) => server.stdin.write(Buffer.from([byte]), resolve));
    }
    await server.until(() => server.messages.length === 1);
    await server.close();
    expect(server.messages[0]?.id).toBe("💡");
    expect(upstream.received.pop()?.profile).toEqual({ a: text });
  });

  it.each([
    ["Latin-1", [0x4a, 0xfc, 0x72, 0x67]],
    ["half a character", [0xf0, 0x9f, 0x92]],
    ["a lone surrogate", [0xed, 0xa0, 0xbd]],
  ])("are never written as something else: %s", async (_, bytes) => {
    const server = start();
    const [before = "", after = ""] = toolCall(1, writeOf("@")).split("@");
    server.write(Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]));
    server.write("\n");
    await server.request("ping", undefined, 2);
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(outcomesOf(server)).toEqual([
      [1, -32700],
      [2, "result"],
    ]);
    expect(upstream.received).toEqual([]);
  });
});
