import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  ErrorCode,
  type Implementation,
  type JSONRPCMessage,
  McpError,
} from "@modelcontextprotocol/sdk/types.js";
import type { Person } from "../guards/confirmation.ts";
import { isObject } from "../lib/json.ts";
import { type Log, placeOf } from "../lib/log.ts";
import { isMissingFile, replacedText } from "../tools/call.ts";
import type { Tool, ToolResult } from "../tools/tool.ts";
import { elicit } from "./elicitation.ts";
import { errorResponse, rpcError } from "./messages.ts";
import { complete, createTickets, readClient, revision, uncached } from "./stateless.ts";

type Options = {
  info: Implementation;
  /** What the model reads about the server as a whole. */
  instructions: string;
  log: Log;
  tools: readonly Tool[];
};

type Extra = Parameters<NonNullable<Server["fallbackRequestHandler"]>>[1];
type Params = Readonly<Record<string, unknown>>;

const capabilities = { tools: {} };

/** The MCP server with its tools, not yet connected to a transport. */
export const createServer = (options: Options): Server => {
  const { info, instructions, log } = options;
  const server = new Server(info, { capabilities, instructions });
  const handle = createHandler(server, options);
  // Not setRequestHandler: that would answer arguments sent as a JSON string, or none at all, with
  // a protocol error and a dump of the SDK's own schema, where the model needs our result.
  server.fallbackRequestHandler = async ({ method, params = {} }, extra) => {
    const { requestId: id, signal } = extra;
    // The SDK answers nothing that was aborted; what the client cancelled itself the transport drops.
    const answer = (message: JSONRPCMessage): void => {
      if (signal.aborted) void server.transport?.send(message);
    };
    try {
      const result = await handle(method, params, extra);
      answer({ jsonrpc: "2.0", id, result });
      return result;
    } catch (thrown) {
      const error = thrown instanceof McpError ? thrown : defect(thrown, log);
      answer(errorResponse(id, error.code, error.message));
      throw error;
    }
  };
  return server;
};

/** What a client is told of a defect of this server; the log gets the rest. */
const defect = (error: unknown, log: Log): McpError => {
  log.error(`defect: ${placeOf(error)}`);
  const text = isMissingFile(error)
    ? replacedText
    : "Internal error of prelude-profile-mcp; if this was a write, it is unknown whether it took effect";
  return rpcError(ErrorCode.InternalError, text);
};

/** Answers each request that is not the SDK's own business, of either kind of revision. */
const createHandler = (server: Server, options: Options) => {
  const { info, instructions, tools } = options;
  const callTool = createToolCaller(server, options);
  const listTools = async (stateless: unknown) => {
    const list = { tools: await Promise.all(tools.map((tool) => tool.definition())) };
    return stateless ? complete({ ...list, ...uncached }, info) : list;
  };
  return (method: string, params: Params, extra: Extra) => {
    const stateless = readClient(params);
    if (method === "tools/call") return callTool(params, extra, stateless);
    if (method === "tools/list") return listTools(stateless);
    if (method === "server/discover" && stateless) {
      const discovered = { supportedVersions: [revision], capabilities, instructions };
      return complete({ ...discovered, ...uncached }, info);
    }
    throw rpcError(ErrorCode.MethodNotFound, "Method not found");
  };
};

/** Runs one `tools/call` and puts what comes of it into the revision's own form. */
const createToolCaller = (server: Server, { info, log, tools }: Options) => {
  const personByTicket = createTickets();
  return async (params: Params, extra: Extra, stateless: ReturnType<typeof readClient>) => {
    const tool = tools.find(({ name }) => name === params.name);
    if (!tool) {
      const names = tools.map(({ name }) => name).join(" and ");
      throw rpcError(ErrorCode.InvalidParams, `Unknown tool; this server has ${names}`);
    }
    const id = crypto.randomUUID();
    const progress = createProgress(extra, log);
    // Up to 2025-11-25 the server asks while the call waits.
    const waiting: Person = {
      answered: () => undefined,
      confirm: async ({ text }) =>
        stateless ? "unavailable" : await elicit(server, text, extra, progress),
    };
    const outcome = await tool.call({
      id,
      arguments: params.arguments,
      person: stateless?.canAsk ? personByTicket(params) : waiting,
      meta: isObject(params._meta) ? params._meta : {},
      signal: extra.signal,
      client: stateless ?? server.getClientVersion(),
      progress,
    });
    const asked = "question" in outcome;
    log.debug?.(
      `${tool.name}: ${asked ? "asked" : `${outcome.status} ${outcome.error?.code ?? ""}`}`,
    );
    const result = asked ? outcome.question : toCallResult(outcome);
    const meta = { call_id: id };
    return stateless ? complete(result, info, meta) : Object.assign(result, { _meta: meta });
  };
};

/** Tells the log and, where it gave a token, the client what a call is waiting for. */
const createProgress = ({ _meta, sendNotification }: Extra, log: Log) => {
  const progressToken = _meta?.progressToken;
  let progress = 0;
  return (message: string): void => {
    log.info(message);
    if (progressToken === undefined) return;
    progress += 1;
    const params = { progressToken, progress, message };
    sendNotification({ method: "notifications/progress", params }).catch(() => {});
  };
};

const toCallResult = (result: ToolResult) => ({
  content: [{ type: "text", text: JSON.stringify(result) }],
  structuredContent: result,
  isError: result.error ? true : undefined,
});
