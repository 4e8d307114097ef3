import type {
  JSONRPCErrorResponse,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
} from "@modelcontextprotocol/sdk/types.js";
import { isObject } from "../../lib/json.ts";
import { type Id, isId } from "./ids.ts";
import { readParams } from "./params.ts";
import { errorResponse, isResponse, type RpcError, readResponse } from "./response.ts";

export type Message = JSONRPCRequest | JSONRPCNotification | JSONRPCResponse;

/** What to do with one JSON-RPC message: hand it to the SDK, refuse it, or let it go unanswered. */
export type Envelope =
  | { kind: "deliver"; message: Message }
  | { kind: "cancel"; id: Id | undefined }
  | { kind: "reject"; response: JSONRPCErrorResponse }
  | { kind: "ignore"; reason: string };

/** Longest id that is answered, in UTF-16 code units: every answer repeats it. */
const maxIdLength = 100_000;

const ignore = (reason: string): Envelope => ({ kind: "ignore", reason });

const refuse = (id: Id | undefined, code: number, message: string): Envelope =>
  id === undefined
    ? ignore(`a message without an id: ${message}`)
    : { kind: "reject", response: errorResponse(id, { code, message }) };

/** Why a message cannot have this id. */
const idProblem = (id: unknown): string | undefined => {
  if (id === undefined) return undefined;
  if (!isId(id)) return "a message whose id is neither a string nor an integer";
  const isLong = String(id).length > maxIdLength;
  return isLong ? "a message whose id has more than 100,000 characters" : undefined;
};

const readCall = (method: string, id: Id | undefined, params: unknown): Envelope => {
  if (id === undefined && method === "notifications/cancelled") {
    const requestId = isObject(params) ? params.requestId : undefined;
    return { kind: "cancel", id: isId(requestId) ? requestId : undefined };
  }
  const read = readParams(method, params);
  if ("problem" in read) return refuse(id, -32602, `Invalid params: ${read.problem}`);
  // No other notification says anything that is used here.
  if (id === undefined) return { kind: "deliver", message: { jsonrpc: "2.0", method } };
  const message: JSONRPCRequest = { jsonrpc: "2.0", id, method };
  if (read.value) message.params = read.value;
  return { kind: "deliver", message };
};

/**
 * Checks the envelope of one message (JSON-RPC 2.0, sections 4 and 5). The SDK drops what its
 * schemas do not match; here everything that has a usable id gets an answer, and members that do
 * not belong to an envelope are left out.
 */
export const readEnvelope = (value: unknown): Envelope => {
  if (!isObject(value)) return ignore("a message that is not an object");
  const { jsonrpc, id, method, params } = value;
  const problem = idProblem(id);
  if (problem !== undefined) return ignore(problem);
  if (isResponse(value)) {
    const message = readResponse(value);
    return message
      ? { kind: "deliver", message }
      : ignore("a message that is not a valid response");
  }
  const known = isId(id) ? id : undefined;
  if (jsonrpc !== "2.0") return refuse(known, -32600, 'Invalid request: jsonrpc must be "2.0"');
  if (typeof method !== "string") {
    return refuse(known, -32600, "Invalid request: method must be a string");
  }
  return readCall(method, known, params);
};

/**
 * Refuses a message that is not read, of which no more than a head may be known. A response becomes
 * an error, so that nobody waits on for it. An id with U+FFFD may have been another one.
 */
export const refuseEnvelope = (head: unknown, { code, message }: RpcError): Envelope => {
  const known = isObject(head) ? head : {};
  const { id } = known;
  if (!isId(id) || String(id).includes("\ufffd") || idProblem(id) !== undefined) {
    return ignore(`a message whose id cannot be told: ${message}`);
  }
  return isResponse(known)
    ? { kind: "deliver", message: errorResponse(id, { code, message }) }
    : refuse(id, code, message);
};
