import { finished } from "node:stream";
import { serializeMessage } from "@modelcontextprotocol/sdk/shared/stdio.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { errorResponse, type Incoming, readLine, wireIdOf } from "./messages.ts";

/** Longest line that is read, in bytes without its line break; the SDK's own limit. */
const maxLineBytes = 10 * 1024 * 1024;

const tooLong: Incoming = { ignored: "a line of more than 10 MiB" };

const createLines = (receive: (read: Incoming) => void) => {
  let pieces: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length > maxLineBytes) pieces = [];
    else pieces.push(piece);
  };
  const end = (): void => {
    const read = length > maxLineBytes ? [tooLong] : readLine(Buffer.concat(pieces));
    pieces = [];
    length = 0;
    read.forEach(receive);
  };
  const push = (chunk: Buffer): void => {
    let from = 0;
    for (let at = chunk.indexOf("\n"); at >= 0; at = chunk.indexOf("\n", from)) {
      add(chunk.subarray(from, at));
      end();
      from = at + 1;
    }
    add(chunk.subarray(from));
  };
  return { push, end };
};

const cancellationOf = (requestId: RequestId) =>
  ({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } }) as const;

/**
 * The client's requests that are not answered. Inside, each has a number that none had before: the
 * client may use its id again as soon as it has cancelled the request, and the SDK, which handles a
 * cancellation later than the message behind it, would hit the successor. Nor can it cancel the id 0.
 */
const createRequests = () => {
  const innerOf = new Map<unknown, number>();
  const outerOf = new Map<unknown, RequestId>();
  let last = 0;
  let onSettled = (): void => {};
  const isIdle = (): boolean => outerOf.size === 0;
  const settleIfIdle = (): void => {
    if (isIdle()) onSettled();
  };
  /** Ends a request and gives the client's id of it; undefined if it had ended before. */
  const close = (inner: unknown): RequestId | undefined => {
    const outer = outerOf.get(inner);
    outerOf.delete(inner);
    innerOf.delete(outer);
    settleIfIdle();
    return outer;
  };
  return {
    close,
    isIdle,
    inFlight: (): number[] => [...innerOf.values()],
    /** The request under its number; undefined if another one in flight has its id. */
    open: (message: JSONRPCRequest) => {
      if (innerOf.has(message.id)) return undefined;
      last += 1;
      innerOf.set(message.id, last);
      outerOf.set(last, message.id);
      return { ...message, id: last };
    },
    /** Takes a request back for the client, which is not answered then; undefined: there is none. */
    cancel: (outer: unknown) => {
      const inner = innerOf.get(outer);
      close(inner);
      return inner === undefined ? undefined : cancellationOf(inner);
    },
    settled: (): Promise<void> =>
      new Promise((resolve) => {
        onSettled = resolve;
        settleIfIdle();
      }),
  };
};

type Requests = ReturnType<typeof createRequests>;

const sharedId = "Invalid request: another request with this id is in flight";

/** A message under the ids that it has inside; undefined if it is a cancellation of nothing. */
const ingoing = (message: JSONRPCMessage, requests: Requests): Incoming | undefined => {
  if (!("method" in message)) return { message };
  if ("id" in message) {
    const opened = requests.open(message);
    return opened ? { message: opened } : { refusal: errorResponse(message.id, -32600, sharedId) };
  }
  if (message.method !== "notifications/cancelled") return { message };
  const cancellation = requests.cancel(message.params?.requestId);
  return cancellation && { message: cancellation };
};

/** What the SDK sends under the ids of the wire; undefined if nobody waits for it any more. */
const outgoing = (message: JSONRPCMessage, requests: Requests): JSONRPCMessage | undefined => {
  if (!("method" in message)) {
    const id = requests.close(message.id);
    return id === undefined ? undefined : { ...message, id };
  }
  if ("id" in message) return { ...message, id: wireIdOf(message.id) };
  if (message.method !== "notifications/cancelled") return message;
  return cancellationOf(wireIdOf(message.params?.requestId));
};

type StdioEvents = {
  /** stdin has ended, in whichever way. */
  onStdinEnd: () => void;
  /** Nobody reads the answers any more. */
  onStdoutBroken: () => void;
  /** Input that cannot be answered, in words without any of its content. */
  onIgnored: (reason: string) => void;
};

export type StdioTransport = Transport & {
  /** Resolves when every request that came in has been answered or cancelled. */
  settled: () => Promise<void>;
  /** Aborts what is in flight, which unlike what the client cancels is still answered. */
  cutOff: () => void;
};

/**
 * A stdio transport for the SDK. The SDK's own one leaves invalid requests unanswered, ends in
 * silence after a line that is too long, crashes on a broken pipe, does not notice the end of stdin,
 * and reads on while nobody reads its answers.
 */
export const createTransport = (events: StdioEvents): StdioTransport => {
  const { stdin, stdout } = process;
  const requests = createRequests();
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    stdout.uncork();
  };
  const write = (message: JSONRPCMessage): void => {
    // Where more answers are due, those of this turn leave in one system call.
    if (!isCorked && !requests.isIdle()) {
      isCorked = true;
      stdout.cork();
      setImmediate(uncork);
    }
    if (stdout.writable && !stdout.write(serializeMessage(message))) stdin.pause();
  };
  const resume = () => stdin.resume();
  const receive = (read: Incoming): void => {
    const incoming = "message" in read ? ingoing(read.message, requests) : read;
    if (incoming === undefined) return;
    if ("ignored" in incoming) events.onIgnored(incoming.ignored);
    else if ("refusal" in incoming) write(incoming.refusal);
    else transport.onmessage?.(incoming.message);
  };
  const lines = createLines(receive);
  const transport: StdioTransport = {
    settled: requests.settled,
    cutOff: () => {
      for (const inner of requests.inFlight()) transport.onmessage?.(cancellationOf(inner));
    },
    start: async () => {
      stdin.on("data", lines.push);
      finished(stdin, { writable: false }, () => {
        lines.end();
        events.onStdinEnd();
      });
      stdout.on("drain", resume);
      finished(stdout, { readable: false }, events.onStdoutBroken);
    },
    send: async (message) => {
      const sent = outgoing(message, requests);
      if (sent) write(sent);
    },
    close: async () => {
      stdout.off("drain", resume);
      stdin.off("data", lines.push).pause();
      transport.onclose?.();
    },
  };
  return transport;
};
