import { Server } from "@modelcontextprotocol/sdk/server/index.js";

import { ErrorCode, type Implementation, McpError } from "@modelcontextprotocol/sdk/types.js";
import { isObject } from "../lib/json.ts";
import { type Log, placeOf } from "../lib/log.ts";
import { isMissingFile, replacedText } from "../tools/call.ts";

import type { Tool, ToolCall, ToolResult } from "../tools/tool.ts";
import { elicit } from "./elicitation.ts";
import { rpcError } from "./messages.ts";
import {
  type ClientFacts,
  complete,
  createTickets,
  readClient,
  revision,
  type Tickets,
  uncached,
} from "./stateless.ts";

export type ServerOptions = {
  info: Implementation;
  /** What the model reads about the server as a whole. */
  instructions: string;
  log: Log;
  tools: readonly Tool[];
};

type Handler = NonNullable<Server["fallbackRequestHandler"]>;
type Extra = Parameters<Handler>[1];
type Params = Record<string, unknown>;

const capabilities = { tools: {} };

/**
 * The MCP server with its tools, not yet connected to a transport. `cutOff` aborts the calls in
 * flight, which unlike those that the client cancels are still answered.
 */
export const createServer = (options: ServerOptions): { server: Server; cutOff: () => void } => {
  const { info, instructions, log } = options;
  const server = new Server(info, { capabilities, instructions });
  const handle = createHandler(server, options);
  const inFlight = new Set<AbortController>();
  // Not setRequestHandler: that would answer arguments sent as a JSON string, or none at all, with
  // a protocol error and a dump of the SDK's own schema, where the model needs our result.
  server.fallbackRequestHandler = async ({ method, params = {} }, extra) => {
    // A signal of its own: the SDK leaves unanswered what is aborted by the one that it gives.
    const call = new AbortController();
    const abort = () => call.abort();
    if (extra.signal.aborted) abort();
    extra.signal.addEventListener("abort", abort);
    inFlight.add(call);
    try {
      return await handle(method, params, { ...extra, signal: call.signal });
    } catch (thrown) {
      throw thrown instanceof McpError ? thrown : defect(thrown, log);
    } finally {
      inFlight.delete(call);
    }
  };
  const cutOff = () => {
    for (const call of inFlight) call.abort();
  };
  return { server, cutOff };
};

/** What a client is told of a defect of this server; the log gets the rest. */
const defect = (error: unknown, log: Log): McpError => {
  log.error(`defect: ${placeOf(error)}`);
  if (isMissingFile(error)) return rpcError(ErrorCode.InternalError, replacedText);
  return rpcError(
    ErrorCode.InternalError,
    "Internal error of prelude-profile-mcp; if this was a write, it is unknown whether it took effect",
  );
};

/** Answers each request that is not the SDK's own business, of either kind of revision. */
const createHandler = (server: Server, options: ServerOptions) => {
  const { info, instructions, tools } = options;
  const callTool = createToolCaller(server, options);
  return async (method: string, params: Params, extra: Extra): Promise<Params> => {
    const stateless = readClient(params);
    if (method === "tools/call") return await callTool(params, extra, stateless);
    if (method === "tools/list") {
      const list = { tools: await Promise.all(tools.map((tool) => tool.definition())) };
      return stateless ? complete({ ...list, ...uncached }, info) : list;
    }
    if (method === "server/discover" && stateless) {
      const discovered = { supportedVersions: [revision], capabilities, instructions };
      return complete({ ...discovered, ...uncached }, info);
    }
    throw rpcError(ErrorCode.MethodNotFound, "Method not found");
  };
};

/** Runs one `tools/call` and puts what comes of it into the revision's own form. */
const createToolCaller = (server: Server, options: ServerOptions) => {
  const { info, log, tools } = options;
  const tickets = createTickets();
  return async (params: Params, extra: Extra, stateless: ClientFacts | undefined) => {
    const tool = tools.find(({ name }) => name === params.name);
    if (!tool) {
      const names = tools.map(({ name }) => name).join(" and ");
      throw rpcError(ErrorCode.InvalidParams, `Unknown tool; this server has ${names}`);
    }
    const id = crypto.randomUUID();
    const client = stateless ?? callerOf(server);
    const progress = createProgress(extra, log);
    const person = stateless
      ? askByResult(tickets, params, stateless, info)
      : askByRequest(server, extra, progress);
    const outcome = await tool.call({
      id,
      arguments: params.arguments,
      meta: isObject(params._meta) ? params._meta : {},
      signal: extra.signal,
      clientName: client.clientName,
      clientVersion: client.clientVersion,
      answered: person.answered,
      confirm: person.confirm,
      progress,
    });
    if ("question" in outcome) {
      log.debug(`${tool.name}: asked`);
      return withCallId(outcome.question, id);
    }
    log.debug(`${tool.name}: ${outcome.status} ${outcome.error?.code ?? ""}`);
    const answer = toCallResult(outcome);
    return withCallId(stateless ? complete(answer, info) : answer, id);
  };
};

const callerOf = (server: Server) => {
  const client = server.getClientVersion();
  return { clientName: client?.name, clientVersion: client?.version };
};

/** How a call reaches the person, and which answer of theirs it brings. */
type Person = Pick<ToolCall, "answered" | "confirm">;

/** Up to 2025-11-25: the server asks while the call waits. */
const askByRequest = (
  server: Server,
  extra: Extra,
  progress: (message: string) => void,
): Person => ({
  answered: () => undefined,
  confirm: ({ text }) => elicit(server, text, extra, progress),
});

/** 2026-07-28: the call ends with the question; an answer counts for the very write it was about. */
const askByResult = (
  tickets: Tickets,
  params: Params,
  { canAsk }: ClientFacts,
  info: Implementation,
): Person => ({
  answered: canAsk ? tickets.claim(params) : () => undefined,
  confirm: async ({ text, subject }) =>
    canAsk ? { question: tickets.ask(text, subject, info) } : "unavailable",
});

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

/** With what joins the result and the audit's lines of its call. */
const withCallId = (result: Params, id: string): Params => {
  const meta = isObject(result._meta) ? result._meta : {};
  return { ...result, _meta: { ...meta, call_id: id } };
};

/** The result as text and as data, both the same. */
const toCallResult = (result: ToolResult) => {
  const answer = {
    content: [{ type: "text", text: JSON.stringify(result) }],
    structuredContent: result,
  };
  return result.error ? { ...answer, isError: true } : answer;
};
