import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { UpdateResult } from "../../src/tools/update-profile/schema.ts";
import { connect, type Json, type RpcMessage, type RpcResponse } from "./json-rpc-client.ts";

export type { Json, RpcResponse };

/** The built file, as users run it. */
export const builtServer = resolve("dist/prelude-profile-mcp.cjs");

export const app = "54e9ujn";
export const user = "usr_01jqebhswje1ka1z7ahr9rfsgt";

export type ToolAnswer<Result = UpdateResult> = {
  text: string;
  structured: Result;
  isError: boolean;
};

type Options = { env?: Record<string, string>; args?: string[]; command?: string[] };

type Watcher = { look: () => void; fail: (why: Error) => void };

const start = ({ env = {}, args = [], command = [process.execPath, builtServer] }: Options) => {
  const [program = "", ...before] = command;
  const child: ChildProcess = spawn(program, [...before, ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new Error("no pipes");
  return { child, stdin, stdout, stderr };
};

/**
 * Starts the built server with nothing but PATH, HOME and `env`, as an MCP host does. Every line of
 * stdout must be a JSON-RPC message; `close` fails if one was not.
 */
export const startServer = (options: Options = {}) => {
  const { child, stdin, stdout, stderr } = start(options);
  const messages: RpcMessage[] = [];
  const impure: string[] = [];
  const watchers = new Set<Watcher>();
  let errors = "";
  let lost: Error | undefined;

  const lookAgain = (): void => {
    for (const { look } of watchers) look();
  };
  stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    lookAgain();
  });
  const rpc = connect(stdin, stdout, {
    onMessage: (message) => messages.push(message),
    onImpure: (line) => impure.push(line),
  });
  // After the client's own listener, so that what arrived is in `messages`.
  stdout.on("data", lookAgain);

  const exited = once(child, "exit").then(([code, signal]) => ({
    code: code as number | null,
    signal,
  }));
  const closed = once(child, "close");
  void closed.then(([code]) => {
    lost = new Error(`server exited first (${code}): ${errors}`);
    rpc.fail(lost);
    for (const { fail } of watchers) fail(lost);
    watchers.clear();
  });

  /** Calls the tool of that name. */
  const call = async <Result = Json>(
    name: string,
    args: unknown,
    id?: unknown,
    meta?: Json,
  ): Promise<ToolAnswer<Result>> => {
    const params = { name, arguments: args, _meta: meta };
    return toolAnswer<Result>(await rpc.request("tools/call", params, id));
  };

  /** Calls `update_user_profile`. */
  const callTool = (args: unknown, id?: unknown, meta?: Json): Promise<ToolAnswer> =>
    call("update_user_profile", args, id, meta);

  /** Resolves when the condition holds; it is looked at whenever the server says something. */
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        watchers.delete(watcher);
        resolve();
      };
      const watcher: Watcher = { look, fail: reject };
      watchers.add(watcher);
      look();
      if (lost) reject(lost);
    });

  /** Ends the server as a client does and checks that stdout was pure. */
  const close = async (): Promise<{ code: number | null; signal: unknown }> => {
    stdin.end();
    const end = await exited;
    await closed;
    if (rpc.rest() !== "") impure.push(rpc.rest());
    if (impure.length > 0) throw new Error(`not JSON-RPC on stdout: ${JSON.stringify(impure)}`);
    if (errors.includes("MaxListenersExceededWarning")) throw new Error(errors);
    return end;
  };

  const { write, send, request, initialize } = rpc;
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
    call,
    callTool,
    until,
    close,
    stderr: () => errors,
  };
};

export type ServerProcess = ReturnType<typeof startServer>;

/** Both halves of a tool result, which must say the same. */
export const toolAnswer = <Result = UpdateResult>(response: RpcResponse): ToolAnswer<Result> => {
  const { content, structuredContent, isError } = (response.result ?? {}) as {
    content?: [{ text: string }];
    structuredContent?: Result;
    isError?: boolean;
  };
  if (!content || !structuredContent)
    throw new Error(`not a tool result: ${JSON.stringify(response)}`);
  return { text: content[0].text, structured: structuredContent, isError: isError ?? false };
};
