import type { Readable, Writable } from "node:stream";
import { type Message, readEnvelope, toWire } from "./envelope.ts";
import { createInFlight } from "./in-flight.ts";

/** Largest line accepted, in bytes; the SDK's own limit. */
const maxLineBytes = 10 * 1024 * 1024;
/** Unread output, in bytes, above which no further line is handled until the client reads. */
const maxUnreadBytes = 1024 * 1024;
/** Messages handled before the event loop gets a turn. */
const messagesPerTurn = 64;
const lineBreak = 10;

export type StdioEvents = {
  /** stdin ended; what came before may still be handed on, see `settled`. */
  onStdinEnd: () => void;
  /** Nobody reads the answers any more. */
  onStdoutBroken: () => void;
  /** A line over the limit arrived: what follows cannot be told apart. */
  onOverflow: () => void;
  /** Input that cannot be answered, in words without any of its content. */
  onIgnored: (reason: string) => void;
};

/**
 * A stdio transport for the SDK's `Transport` interface. The SDK's own one leaves invalid requests
 * unanswered, stumbles over a byte order mark, ends in silence after an over-long line, crashes on
 * a broken pipe, does not notice the end of stdin, and reads on while nobody reads its answers.
 */
export const createStdio = (stdin: Readable, stdout: Writable, events: StdioEvents) => {
  let chunks: Buffer[] = [];
  let buffered = 0;
  /** Bytes since the last line break. */
  let open = 0;
  let atStart = true;
  let ended = false;
  let finished = false;
  /** Messages of the last line, mostly one, and which of them comes next. */
  let entries: unknown[] = [];
  let nextEntry = 0;
  let entryBytes = 0;
  let closed = false;
  const inFlight = createInFlight();
  let onSettled: (() => void) | undefined;
  /** Ids of our own requests that the client has not answered. */
  const asked = new Set<unknown>();

  const settleIfIdle = (): void => {
    const idle = inFlight.isEmpty() && nextEntry >= entries.length && (finished || !ended);
    if (idle) onSettled?.();
  };

  const answered = (id: unknown): void => {
    inFlight.leave(id);
    settleIfIdle();
  };

  let corked = false;
  const uncork = (): void => {
    corked = false;
    stdout.uncork();
  };

  const write = (message: object): void => {
    if (!stdout.writable) return;
    // Answers that become ready in the same turn of the event loop leave in one system call.
    if (!corked) {
      corked = true;
      stdout.cork();
      setImmediate(uncork);
    }
    stdout.write(`${JSON.stringify(message)}\n`);
  };

  const deliver = (message: Message, bytes: number): void => {
    const { id, method, params } = message;
    if (id !== undefined && method !== undefined) {
      const error = inFlight.enter(id, bytes);
      if (error) {
        write(toWire({ jsonrpc: "2.0", id, error }));
        return;
      }
    }
    if (method === undefined && !asked.delete(id)) {
      events.onIgnored("a response to no request");
      return;
    }
    // The SDK does not answer a cancelled request.
    if (method === "notifications/cancelled") answered((params as Message | undefined)?.requestId);
    transport.onmessage?.(message);
  };

  const handle = (value: unknown, bytes: number): void => {
    const envelope = readEnvelope(value);
    if (envelope.kind === "deliver") deliver(envelope.message, bytes);
    else if (envelope.kind === "reject") write(envelope.response);
    else events.onIgnored(envelope.reason);
  };

  const readLine = (line: string): void => {
    const text = (atStart ? line.replace(/^\ufeff/, "") : line).trim();
    atStart = false;
    entries = [];
    nextEntry = 0;
    if (text === "") return;
    try {
      const value: unknown = JSON.parse(text);
      // Batches belong to revision 2025-03-26; each entry is answered on a line of its own.
      entries = Array.isArray(value) ? value : [value];
      entryBytes = Math.ceil(text.length / entries.length);
    } catch {
      events.onIgnored("a line that is not JSON");
    }
  };

  const takeLine = (): string | undefined => {
    const rest = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    const end = rest.indexOf(lineBreak);
    chunks = rest.length > 0 ? [rest.subarray(end + 1)] : [];
    if (end < 0) return undefined;
    buffered -= end + 1;
    return rest.toString("utf8", 0, end);
  };

  /**
   * Handles what has arrived, a few messages in each turn of the event loop: their answers come
   * later, and only then does it show whether anybody reads them.
   */
  const handleLines = (): void => {
    let left = messagesPerTurn;
    while (left > 0 && !closed && stdout.writableLength <= maxUnreadBytes) {
      if (nextEntry < entries.length) {
        handle(entries[nextEntry++], entryBytes);
        left -= 1;
        continue;
      }
      const line = takeLine();
      if (line === undefined) {
        finished = ended;
        break;
      }
      readLine(line);
    }
    if (closed) return;
    if (left === 0) setImmediate(handleLines);
    if (buffered <= maxLineBytes && stdin.isPaused()) stdin.resume();
    settleIfIdle();
  };

  const onData = (chunk: Buffer): void => {
    const last = chunk.lastIndexOf(lineBreak);
    open = last < 0 ? open + chunk.length : chunk.length - last - 1;
    chunks.push(chunk);
    buffered += chunk.length;
    if (open > maxLineBytes) events.onOverflow();
    else if (last >= 0) handleLines();
    if (buffered > maxLineBytes && !closed) stdin.pause();
  };

  const onStdinEnd = (): void => {
    if (ended || closed) return;
    // The last line may lack its line break.
    if (open > 0) onData(Buffer.from("\n"));
    ended = true;
    handleLines();
    events.onStdinEnd();
  };

  const transport = {
    onmessage: undefined as ((message: Message) => void) | undefined,
    onclose: undefined as (() => void) | undefined,
    onerror: undefined as ((error: Error) => void) | undefined,

    start: async (): Promise<void> => {
      stdin.on("data", onData);
      for (const event of ["end", "close", "error"]) stdin.on(event, onStdinEnd);
      stdout.on("drain", handleLines);
      for (const event of ["close", "error"]) stdout.on(event, events.onStdoutBroken);
    },

    send: async (message: object): Promise<void> => {
      const { id, method } = message as Message;
      write(toWire(message));
      if (method === undefined) answered(id);
      else if (id !== undefined) asked.add(id);
    },

    /** Resolves when every request that came in has been answered or cancelled. */
    settled: (): Promise<void> =>
      new Promise((resolve) => {
        onSettled = resolve;
        settleIfIdle();
      }),

    close: async (): Promise<void> => {
      if (closed) return;
      closed = true;
      stdin.off("data", onData);
      stdin.pause();
      chunks = [];
      transport.onclose?.();
    },
  };
  return transport;
};
