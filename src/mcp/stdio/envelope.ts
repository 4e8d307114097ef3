import { isObject } from "../../lib/json.ts";

export type Message = Record<string, unknown>;
type Id = string | number;

/** What to do with one JSON-RPC message: hand it to the SDK, refuse it, or let it go unanswered. */
export type Envelope =
  | { kind: "deliver"; message: Message }
  | { kind: "reject"; response: Message }
  | { kind: "ignore"; reason: string };

const isId = (value: unknown): value is Id =>
  typeof value === "string" || Number.isSafeInteger(value);

// SDKs cannot cancel a request whose id is falsy: they take the 0 of `notifications/cancelled` for
// a missing id. Inside, such ids of the client bear names that no client sends by accident; outside,
// so does the 0 of the server's own first request.
const innerIds = new Map<unknown, string>([
  [0, "\u0000zero"],
  ["", "\u0000empty"],
]);
const outerIds = new Map<unknown, unknown>([...innerIds].map(([id, name]) => [name, id]));
const ownFirstId = "server-0";

/** The message as it goes out: answers with the client's own id, no request of our own with id 0. */
export const toWire = (message: object): object => {
  const { id, method, params } = message as Message;
  if (method === undefined) {
    const outer = outerIds.get(id);
    return outer === undefined ? message : { ...message, id: outer };
  }
  if (id === 0) return { ...message, id: ownFirstId };
  const cancelsFirst =
    method === "notifications/cancelled" && isObject(params) && params.requestId === 0;
  return cancelsFirst ? { ...message, params: { ...params, requestId: ownFirstId } } : message;
};

/** What a request of this method needs beyond an object; the SDK would answer with a dump. */
const initializeProblem = ({ protocolVersion, capabilities, clientInfo }: Message) => {
  if (typeof protocolVersion !== "string") return "protocolVersion must be a string";
  if (!isObject(capabilities)) return "capabilities must be an object";
  const named = isObject(clientInfo) && typeof clientInfo.name === "string";
  return named && typeof clientInfo.version === "string"
    ? undefined
    : "clientInfo must have a name and a version";
};

/** Why the SDK would drop a message with these params without an answer; undefined if it would not. */
const problemOf = (method: string, params: unknown): string | undefined => {
  if (params !== undefined && !isObject(params)) return "params must be an object";
  const meta = params?._meta;
  if (meta !== undefined && !isObject(meta)) return "params._meta must be an object";
  const token = meta?.progressToken;
  if (token !== undefined && !isId(token)) {
    return "params._meta.progressToken must be a string or an integer";
  }
  return method === "initialize" ? initializeProblem(params ?? {}) : undefined;
};

/**
 * Params without tasks, which this server does not declare: a request that asks for one is then to
 * be handled as if it did not (MCP 2025-11-25, tasks); the SDK would refuse or drop it.
 */
const withoutTask = ({ task: _, ...params }: Message): Message => {
  if (!isObject(params._meta)) return params;
  const { "io.modelcontextprotocol/related-task": __, ...meta } = params._meta;
  return { ...params, _meta: meta };
};

/** How the client can ask a person; an empty object stands for form mode (MCP 2025-06-18). */
const elicitationOf = ({ elicitation }: Message): Message => {
  if (!isObject(elicitation)) return {};
  const modes = ["form", "url"].filter((mode) => isObject(elicitation[mode]));
  if (Object.keys(elicitation).length === 0) modes.push("form");
  if (modes.length === 0) return {};
  return { elicitation: Object.fromEntries(modes.map((mode) => [mode, {}])) };
};

/**
 * Params with no more than what is used here, where the SDK would refuse or drop a message for the
 * shape of a member that does not matter.
 */
const relevant = (method: string, params: Message): Message => {
  if (method === "notifications/cancelled") return { requestId: params.requestId };
  if (method !== "initialize") return withoutTask(params);
  const { name, version } = params.clientInfo as Message;
  return {
    protocolVersion: params.protocolVersion,
    capabilities: elicitationOf(params.capabilities as Message),
    clientInfo: { name, version },
  };
};

/**
 * A response with the members that it may have; undefined without a usable id. What is no valid
 * result or error becomes an error, so that nobody waits on for an answer that has come.
 */
const responseOf = ({ jsonrpc, id: outer, result, error }: Message): Message | undefined => {
  if (jsonrpc !== "2.0" || !isId(outer)) return undefined;
  const id = outer === ownFirstId ? 0 : outer;
  if (isObject(result)) {
    const { _meta: _, ...rest } = result;
    return { jsonrpc, id, result: rest };
  }
  const { code, message } = isObject(error) ? error : {};
  return Number.isSafeInteger(code) && typeof message === "string"
    ? { jsonrpc, id, error: { code, message } }
    : { jsonrpc, id, error: { code: -32600, message: "not a valid response" } };
};

const refuse = (id: Id | undefined, code: number, reason: string): Envelope =>
  id === undefined
    ? { kind: "ignore", reason: `a message without an id: ${reason}` }
    : { kind: "reject", response: { jsonrpc: "2.0", id, error: { code, message: reason } } };

/**
 * Checks the envelope of one message (JSON-RPC 2.0, sections 4 and 5). The SDK drops what its
 * schemas do not match; here everything that has a usable id gets an answer, and members that do
 * not belong to an envelope are left out.
 */
export const readEnvelope = (value: unknown): Envelope => {
  if (!isObject(value)) return { kind: "ignore", reason: "a message that is not an object" };
  const { jsonrpc, id, method } = value;
  const params = value.params ?? undefined;
  if (id !== undefined && !isId(id)) {
    return { kind: "ignore", reason: "a message whose id is neither a string nor an integer" };
  }
  if (method === undefined && ("result" in value || "error" in value)) {
    const message = responseOf(value);
    return message
      ? { kind: "deliver", message }
      : { kind: "ignore", reason: "a message that is not a valid response" };
  }
  if (jsonrpc !== "2.0") return refuse(id, -32600, 'Invalid request: jsonrpc must be "2.0"');
  if (typeof method !== "string") {
    return refuse(id, -32600, "Invalid request: method must be a string");
  }
  const problem = problemOf(method, params);
  if (problem) return refuse(id, -32602, `Invalid params: ${problem}`);
  const message: Message = { jsonrpc, method };
  if (id !== undefined) message.id = innerIds.get(id) ?? id;
  if (isObject(params)) {
    const kept = relevant(method, params);
    const cancelled = method === "notifications/cancelled" && innerIds.get(kept.requestId);
    message.params = cancelled ? { ...kept, requestId: cancelled } : kept;
  }
  return { kind: "deliver", message };
};
