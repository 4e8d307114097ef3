import type { Readable, Writable } from "node:stream";

export type Json = Record<string, unknown>;

export type RpcResponse = {
  jsonrpc: string;
  id?: unknown;
  result?: Json;
  error?: { code: number; message: string; data?: unknown };
};

/** What a server sends: answers, and requests and notifications of its own. */
export type RpcMessage = RpcResponse & { method?: string; params?: Json };

type Hooks = {
  /** Sees every JSON object before the request that it answers is settled. */
  onMessage?: (message: RpcMessage) => void;
  /** A line on stdout that is not JSON-RPC; ignored unless given, as some servers print a greeting. */
  onImpure?: (line: string) => void;
};

type Waiting = { resolve: (response: RpcResponse) => void; reject: (why: Error) => void };

/** The JSON of a line; undefined if it is none. */
const parse = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

const isRpc = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "jsonrpc" in value && value.jsonrpc === "2.0";

/**
 * Speaks JSON-RPC by lines over a server's stdin and stdout. Answers are matched by id, whichever
 * order they come in; requests without an id of their own get 100, 101 …
 */
export const connect = (stdin: Writable, stdout: Readable, hooks: Hooks = {}) => {
  const waiting = new Map<unknown, Waiting>();
  let rest = "";
  let nextId = 100;
  let lost: Error | undefined;

  const receive = (line: string): void => {
    const value = parse(line);
    if (!isRpc(value)) hooks.onImpure?.(line);
    if (typeof value !== "object" || value === null) return;
    const message = value as RpcMessage;
    hooks.onMessage?.(message);
    waiting.get(message.id)?.resolve(message);
    waiting.delete(message.id);
  };

  stdin.on("error", () => {});
  stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) receive(line);
  });

  const write = (raw: string | Buffer): void => {
    stdin.write(raw);
  };
  const send = (message: unknown): void => write(`${JSON.stringify(message)}\n`);
  const notify = (method: string, params?: unknown): void =>
    send({ jsonrpc: "2.0", method, params });

  const request = (
    method: string,
    params?: unknown,
    id: unknown = nextId++,
  ): Promise<RpcResponse> =>
    new Promise((resolve, reject) => {
      if (lost) return reject(lost);
      waiting.set(id, { resolve, reject });
      send({ jsonrpc: "2.0", id, method, params });
    });

  return {
    write,
    send,
    notify,
    request,

    /** Greets the server and, once it has answered, tells it to begin. */
    initialize: async (
      capabilities: Json = {},
      protocolVersion = "2025-11-25",
    ): Promise<RpcResponse> => {
      const clientInfo = { name: "test-client", version: "1.2.3" };
      const response = await request("initialize", { protocolVersion, capabilities, clientInfo });
      notify("notifications/initialized");
      return response;
    },

    /** What stands on stdout after the last line break. */
    rest: () => rest,

    /** Rejects what is not answered yet, and every later request: the server is gone. */
    fail: (why: Error): void => {
      lost = why;
      for (const { reject } of waiting.values()) reject(why);
      waiting.clear();
    },
  };
};
