import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { UpdateResult } from "../../src/tools/update-profile/schema.ts";

/** The built file, as users run it. */
export const builtServer = resolve("dist/prelude-profile-mcp.cjs");

export const app = "54e9ujn";
export const user = "usr_01jqebhswje1ka1z7ahr9rfsgt";

export type Json = Record<string, unknown>;
export type RpcResponse = {
  jsonrpc: string;
  id?: unknown;
  result?: Json;
  error?: { code: number; message: string; data?: unknown };
};
export type ToolAnswer = { text: string; structured: UpdateResult; isError: boolean };

type Options = { env?: Record<string, string>; args?: string[]; command?: string[] };

/**
 * Starts the built server with nothing but PATH, HOME and `env`, as an MCP host does. Every line of
 * stdout must be a JSON-RPC message; `close` fails if one was not.
 */
export const startServer = ({
  env = {},
  args = [],
  command = [process.execPath, builtServer],
}: Options = {}) => {
  const [program = "", ...before] = command;
  const child: ChildProcess = spawn(program, [...before, ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new Error("no pipes");

  const messages: (RpcResponse & { method?: string; params?: Json })[] = [];
  const impure: string[] = [];
  const waiting = new Map<unknown, (response: RpcResponse) => void>();
  const watchers = new Set<() => void>();
  let errors = "";
  let rest = "";
  let nextId = 100;

  stdin.on("error", () => {});
  stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    for (const watch of watchers) watch();
  });
  stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) receive(line);
    for (const watch of watchers) watch();
  });

  const receive = (line: string): void => {
    let message: RpcResponse;
    try {
      message = JSON.parse(line);
    } catch {
      impure.push(line);
      return;
    }
    if (message?.jsonrpc !== "2.0") impure.push(line);
    messages.push(message);
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  };

  const exited = once(child, "exit").then(([code, signal]) => ({
    code: code as number | null,
    signal,
  }));
  const closed = once(child, "close");

  const write = (raw: string | Buffer): void => {
    stdin.write(raw);
  };
  const send = (message: unknown): void => write(`${JSON.stringify(message)}\n`);

  const request = (
    method: string,
    params?: unknown,
    id: unknown = nextId++,
  ): Promise<RpcResponse> =>
    new Promise((resolve, reject) => {
      waiting.set(id, resolve);
      void exited.then(({ code }) =>
        reject(new Error(`server exited (${code}) before answering: ${errors}`)),
      );
      send({ jsonrpc: "2.0", id, method, ...(params !== undefined && { params }) });
    });

  const initialize = async (capabilities: Json = {}, protocolVersion = "2025-11-25") => {
    const clientInfo = { name: "test-client", version: "1.2.3" };
    const response = await request("initialize", { protocolVersion, capabilities, clientInfo });
    send({ jsonrpc: "2.0", method: "notifications/initialized" });
    return response;
  };

  const callTool = async (args: unknown, id?: unknown, meta?: Json): Promise<ToolAnswer> => {
    const params = { name: "update_user_profile", arguments: args, ...(meta && { _meta: meta }) };
    const response = await request("tools/call", params, id ?? nextId++);
    return toolAnswer(response);
  };

  /** Resolves when the condition holds; it is looked at whenever the server says something. */
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = () => {
        if (!condition()) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      void closed.then(() => reject(new Error(`server exited first: ${errors}`)));
      watch();
    });

  /** Ends the server as a client does and checks that stdout was pure. */
  const close = async (): Promise<{ code: number | null; signal: unknown }> => {
    stdin.end();
    const end = await exited;
    await closed;
    if (rest !== "") impure.push(rest);
    if (impure.length > 0) throw new Error(`not JSON-RPC on stdout: ${JSON.stringify(impure)}`);
    return end;
  };

  return {
    child,
    stdin,
    stdout,
    messages,
    exited,
    closed,
    write,
    send,
    request,
    initialize,
    callTool,
    until,
    close,
    stderr: () => errors,
  };
};

export type ServerProcess = ReturnType<typeof startServer>;

/** Both halves of a tool result, which must say the same. */
export const toolAnswer = (response: RpcResponse): ToolAnswer => {
  const { content, structuredContent, isError } = (response.result ?? {}) as {
    content?: [{ text: string }];
    structuredContent?: UpdateResult;
    isError?: boolean;
  };
  if (!content || !structuredContent)
    throw new Error(`not a tool result: ${JSON.stringify(response)}`);
  return { text: content[0].text, structured: structuredContent, isError: isError ?? false };
};
