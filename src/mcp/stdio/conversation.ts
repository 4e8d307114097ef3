import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
} from "@modelcontextprotocol/sdk/types.js";
import type { Envelope } from "./envelope.ts";
import { createIds, createQuestions, type Id, isId } from "./ids.ts";
import { type Charge, createInFlight } from "./in-flight.ts";
import { errorResponse, type RpcError } from "./response.ts";

const sharedId: RpcError = {
  code: -32600,
  message: "Invalid request: another request with this id is in flight",
};
const tooMany: RpcError = {
  code: -32000,
  message: "Too many requests in flight; this one was not handled",
};

/** A message for the SDK, an answer in its place, or nothing, for a reason that is told or not. */
export type Received = Exclude<Envelope, { kind: "cancel" }> | { kind: "nothing" };

const cancellationOf = (requestId: number): JSONRPCNotification => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId },
});

/**
 * Which requests of the two sides are open, and under which ids. Everything from the SDK and to it
 * passes here, and nothing that belongs to a request which has ended gets through.
 */
export const createConversation = () => {
  const ids = createIds();
  const questions = createQuestions();
  const inFlight = createInFlight();

  const endRequest = (inner: number): Id | undefined => {
    inFlight.leave(inner);
    return ids.close(inner);
  };

  const receiveRequest = (message: JSONRPCRequest, charge: Charge): Received => {
    const refuse = (error: RpcError): Received => ({
      kind: "reject",
      response: errorResponse(message.id, error),
    });
    if (ids.innerOf(message.id) !== undefined) return refuse(sharedId);
    if (!inFlight.hasRoom(charge)) return refuse(tooMany);
    const id = ids.open(message.id);
    inFlight.enter(id, charge);
    message.id = id;
    return { kind: "deliver", message };
  };

  const receiveResponse = (message: JSONRPCResponse): Received => {
    const id = message.id === undefined ? undefined : questions.close(message.id);
    return id === undefined
      ? { kind: "ignore", reason: "a response to no request" }
      : { kind: "deliver", message: { ...message, id } };
  };

  /** An answer under the client's id; undefined if the request was cancelled. */
  const sendResponse = (message: JSONRPCResponse): JSONRPCMessage | undefined => {
    const id = typeof message.id === "number" ? endRequest(message.id) : undefined;
    if (id === undefined) return undefined;
    return "result" in message
      ? { jsonrpc: "2.0", id, result: message.result }
      : errorResponse(id, message.error);
  };

  const sendNotification = (message: JSONRPCNotification): JSONRPCMessage => {
    const inner = message.params?.requestId;
    if (message.method !== "notifications/cancelled" || !isId(inner)) return message;
    const requestId = questions.wireIdOf(inner);
    // Its answer, should there be one, is for nobody now.
    questions.close(requestId);
    return { ...message, params: { ...message.params, requestId } };
  };

  /** The client takes a request back: no answer to it goes out any more. */
  const receiveCancel = (outer: Id | undefined): Received => {
    const requestId = outer === undefined ? undefined : ids.innerOf(outer);
    if (requestId === undefined) return { kind: "nothing" };
    endRequest(requestId);
    return { kind: "deliver", message: cancellationOf(requestId) };
  };

  return {
    /** Takes in what the client sent. */
    receive: (envelope: Envelope, charge: Charge): Received => {
      if (envelope.kind === "cancel") return receiveCancel(envelope.id);
      if (envelope.kind !== "deliver") return envelope;
      const { message } = envelope;
      if (!("method" in message)) return receiveResponse(message);
      return "id" in message ? receiveRequest(message, charge) : envelope;
    },
    /** A message of the SDK's as it goes out; undefined if it goes nowhere. */
    send: (message: JSONRPCMessage): JSONRPCMessage | undefined => {
      if (!("method" in message)) return sendResponse(message);
      if ("id" in message) return { ...message, id: questions.ask(message.id) };
      return sendNotification(message);
    },
    /** Has the SDK abort every request in flight, of which an answer still goes out. */
    cutOffs: (): JSONRPCNotification[] => ids.all().map(cancellationOf),
    /** Whether every request of the client's has been answered or cancelled. */
    isIdle: ids.isEmpty,
  };
};
