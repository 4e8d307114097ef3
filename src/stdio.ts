import type { Readable, Writable } from "node:stream";
import { type Message, readEnvelope, toWire } from "./envelope.ts";

/** Largest line accepted, in bytes; the SDK's own limit. */
const maxLineBytes = 10 * 1024 * 1024;
/** Unread output, in bytes, above which no further line is handled until the client reads. */
const maxUnreadBytes = 1024 * 1024;
/** Requests handled at a time, in bytes of their lines; more are refused. */
const maxBytesInFlight = 64 * 1024 * 1024;
/** Messages handled before the event loop gets a turn. */
const messagesPerTurn = 64;
const lineBreak = 10;

type Entry = { entry: unknown; bytes: number };

export type StdioEvents = {
  /** stdin ended; what came before has been handed on. */
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
  /** Messages of a line, mostly one, that are still to be handled. */
  const entries: Entry[] = [];
  let closed = false;
  /** Requests that are being handled, with their length in bytes. */
  const unanswered = new Map<unknown, number>();
  let bytesInFlight = 0;
  let onAnswered: (() => void) | undefined;

  const answered = (id: unknown): void => {
    bytesInFlight -= unanswered.get(id) ?? 0;
    unanswered.delete(id);
    if (unanswered.size === 0) onAnswered?.();
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

  const refusalOf = (id: unknown, bytes: number): { code: number; message: string } | undefined => {
    if (unanswered.has(id)) {
      return {
        code: -32600,
        message: "Invalid request: another request with this id is in flight",
      };
    }
    if (bytesInFlight + bytes <= maxBytesInFlight) return undefined;
    return { code: -32000, message: "Too many requests in flight; this one was not handled" };
  };

  const deliver = (message: Message, bytes: number): void => {
    const { id, method, params } = message;
    if (id !== undefined && method !== undefined) {
      const refusal = refusalOf(id, bytes);
      if (refusal) {
        write(toWire({ jsonrpc: "2.0", id, error: refusal }));
        return;
      }
      unanswered.set(id, bytes);
      bytesInFlight += bytes;
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

  const entriesOf = (line: string): Entry[] => {
    const text = (atStart ? line.replace(/^\ufeff/, "") : line).trim();
    atStart = false;
    if (text === "") return [];
    try {
      const value: unknown = JSON.parse(text);
      // Batches belong to revision 2025-03-26; each entry is answered on a line of its own.
      const entries = Array.isArray(value) ? value : [value];
      return entries.map((entry) => ({ entry, bytes: Math.ceil(text.length / entries.length) }));
    } catch {
      events.onIgnored("a line that is not JSON");
      return [];
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
      const next = entries.shift();
      if (next) {
        handle(next.entry, next.bytes);
        left -= 1;
        continue;
      }
      const line = takeLine();
      if (line === undefined) break;
      entries.push(...entriesOf(line));
    }
    if (closed) return;
    if (left === 0) {
      setImmediate(handleLines);
    } else if (ended && stdout.writableLength <= maxUnreadBytes) {
      finish();
    }
    if (buffered <= maxLineBytes && stdin.isPaused()) stdin.resume();
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

  /** Everything that came before the end of stdin has been handed on. */
  const finish = (): void => {
    if (finished) return;
    finished = true;
    events.onStdinEnd();
  };

  const onStdinEnd = (): void => {
    if (ended || closed) return;
    ended = true;
    // The last line may lack its line break.
    if (open > 0) onData(Buffer.from("\n"));
    handleLines();
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
      write(toWire(message));
      if (!("method" in message)) answered((message as Message).id);
    },

    /** Resolves when every request that came in has been answered or cancelled. */
    settled: (): Promise<void> =>
      new Promise((resolve) => {
        onAnswered = resolve;
        if (unanswered.size === 0) resolve();
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
