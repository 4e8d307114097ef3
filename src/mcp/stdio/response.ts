import type { JSONRPCErrorResponse, JSONRPCResponse } from "@modelcontextprotocol/sdk/types.js";
import { isObject } from "../../lib/json.ts";
import { type Id, isId } from "./ids.ts";

export type RpcError = { code: number; message: string };

/** Fields of an answered form that are looked at, and the characters of each, at most. */
const maxFields = 100;
const maxText = 1_000;

const invalid: RpcError = { code: -32600, message: "not a valid response" };

export const errorResponse = (id: Id, error: RpcError): JSONRPCErrorResponse => ({
  jsonrpc: "2.0",
  id,
  error,
});

/** Whether a message answers a request, well or badly; it is then never answered itself. */
export const isResponse = ({ method, ...message }: Record<string, unknown>): boolean =>
  (method === undefined || method === null) && ("result" in message || "error" in message);

/** A value of a form as it is, or, where it is none or too long, a text that means nothing. */
const fieldOf = (value: unknown): unknown => {
  const isShort = typeof value === "string" && value.length <= maxText;
  return isShort || typeof value === "boolean" || typeof value === "number" ? value : "";
};

/**
 * What matters of an answer to a form (MCP 2025-06-18, elicitation). A field that is there stays
 * there, whatever is in it: without one, a form that was not approved would look approved.
 */
const answerOf = ({ action, content }: Record<string, unknown>) => {
  const answer: Record<string, unknown> = {};
  if (typeof action === "string") answer.action = action;
  if (content === undefined || content === null) return answer;
  if (!isObject(content)) return undefined;
  const names = Object.keys(content);
  if (names.length > maxFields) return undefined;
  answer.content = Object.fromEntries(names.map((name) => [name, fieldOf(content[name])]));
  return answer;
};

/**
 * A response with no more than what is used here; undefined without a usable id. What is no valid
 * result or error, or both at once, becomes an error, so that nobody waits on for an answer that
 * has come, and nothing that says "error" can approve a write.
 */
export const readResponse = (message: Record<string, unknown>): JSONRPCResponse | undefined => {
  const { jsonrpc, id, result, error } = message;
  if (jsonrpc !== "2.0" || !isId(id)) return undefined;
  const isAnswer = error === undefined || error === null;
  if (isAnswer && isObject(result)) {
    const answer = answerOf(result);
    return answer ? { jsonrpc, id, result: answer } : errorResponse(id, invalid);
  }
  const { code, message: text } = isObject(error) ? error : {};
  const isValid = Number.isSafeInteger(code) && typeof text === "string";
  return errorResponse(id, isValid ? { code: code as number, message: text } : invalid);
};
