import { isUtf8 } from "node:buffer";
import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  type JSONRPCMessage,
  McpError,
  type RequestId,
} from "@modelcontextprotocol/sdk/types.js";
import { isObject } from "../lib/json.ts";
import { canAsk } from "./elicitation.ts";

export type Incoming =
  | { message: JSONRPCMessage }
  | { refusal: ReturnType<typeof errorResponse> }
  | { ignored: string };

type Json = Record<string, unknown>;

export const errorResponse = (id: RequestId, code: number, message: string) =>
  ({ jsonrpc: "2.0", id, error: { code, message } }) as const;

/** McpError puts its code in front of the message; the wire has a field for that. */
export const rpcError = (code: number, message: string, data?: object): McpError =>
  Object.assign(new McpError(code, message, data), { message });

const isId = (value: unknown): value is RequestId =>
  typeof value === "string" || Number.isSafeInteger(value);

/** Serialisers of typed languages write null for none. */
const isNothing = (value: unknown): boolean => value === undefined || value === null;

/** Of `initialize` what is used here: whatever else a client says of itself must not stop it. */
const fitInitialize = ({ protocolVersion, capabilities, clientInfo }: Json): Json => {
  const { name, version } = isObject(clientInfo) ? clientInfo : {};
  return {
    protocolVersion,
    capabilities: canAsk(capabilities) ? { elicitation: { form: {} } } : {},
    clientInfo: { name, version },
  };
};

/**
 * Params without a null in the place of `_meta` or the progress token, and without `task`, which a
 * server that has no tasks is to ignore (MCP 2025-11-25) and at which the SDK fails.
 */
const fitParams = ({ _meta, task: _, ...params }: Json): Json => {
  if (isNothing(_meta)) return params;
  if (!isObject(_meta) || _meta.progressToken !== null) return { ...params, _meta };
  const { progressToken: __, ...others } = _meta;
  return { ...params, _meta: others };
};

const notARequest =
  'Invalid request: jsonrpc must be "2.0", method a string, params and params._meta objects, progressToken a string or an integer';

const readCall = ({ jsonrpc, id, method, params: given }: Json): Incoming => {
  const fitted = method === "initialize" ? fitInitialize : fitParams;
  const params = isObject(given) ? fitted(given) : (given ?? undefined);
  if (isId(id)) {
    const message = { jsonrpc, id, method, params };
    return isJSONRPCRequest(message)
      ? { message }
      : { refusal: errorResponse(id, -32600, notARequest) };
  }
  const message = { jsonrpc, method, params };
  return isJSONRPCNotification(message)
    ? { message }
    : { ignored: "a message that is neither a request nor a notification" };
};

/** The id on the wire of a request of the server's own. Some clients take the SDK's first, 0, for none. */
export const wireIdOf = (id: unknown): string => `server-${id}`;

/** What is no valid answer becomes an error, so that nobody waits on for one that has come. */
const readResponse = (value: Json): Incoming => {
  const [, number] = /^server-(\d{1,9})$/.exec(String(value.id)) ?? [];
  if (number === undefined) return { ignored: "a response to no request" };
  const id = Number(number);
  const { jsonrpc, result, error } = value;
  if (jsonrpc === "2.0" && isNothing(error) && isObject(result)) {
    return { message: { jsonrpc, id, result } };
  }
  const code = isObject(error) && Number.isSafeInteger(error.code) ? Number(error.code) : -32600;
  return { message: errorResponse(id, code, "no result") };
};

const readEntry = (value: unknown): Incoming => {
  if (!isObject(value)) return { ignored: "a message that is not an object" };
  if (value.id !== undefined && !isId(value.id)) {
    return { ignored: "a message whose id is neither a string nor an integer" };
  }
  const isResponse = isNothing(value.method) && ("result" in value || "error" in value);
  return isResponse ? readResponse(value) : readCall(value);
};

/** A message of a line that is not UTF-8, whose texts are not what the client meant. */
const refuseEntry = (value: unknown): Incoming => {
  const entry = readEntry(value);
  return "message" in entry && isJSONRPCRequest(entry.message)
    ? { refusal: errorResponse(entry.message.id, -32700, "Parse error: a line that is not UTF-8") }
    : { ignored: "a line that is not UTF-8" };
};

/** The messages of a line: one, as a rule, or those of a batch (MCP 2025-03-26). */
export const readLine = (line: Buffer): Incoming[] => {
  const isText = isUtf8(line);
  // As Latin-1 any bytes are a text, of which the ids can be told. A byte order mark counts as blank.
  const json = line.toString(isText ? "utf8" : "latin1").trim();
  if (json === "") return [];
  try {
    const value: unknown = JSON.parse(json);
    const entries: unknown[] = Array.isArray(value) ? value : [value];
    return entries.map(isText ? readEntry : refuseEntry);
  } catch {
    return [{ ignored: "a line that is not JSON" }];
  }
};
