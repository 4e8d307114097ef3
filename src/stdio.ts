import type { Readable, Writable } from "node:stream";
import { type Message, readEnvelope, toWire } from "./envelope.ts";

/** Largest line accepted, in bytes; the SDK's own limit. */
const maxLineBytes = 10 * 1024 * 1024;
/** Unread output, in bytes, above which no further line is handled until the client reads. */
const maxUnreadBytes = 1024 * 1024;
/** Requests handled at a time, in bytes of their lines; more are refused. */
const maxBytesInFlight = 64 * 1024 * 1024;
const lineBreak = 10;

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

  const handleLine = (line: string): void => {
    const text = (atStart ? line.replace(/^\ufeff/, "") : line).trim();
    atStart = false;
    if (text === "") return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      events.onIgnored("a line that is not JSON");
      return;
    }
    // Batches belong to revision 2025-03-26; each entry is answered on a line of its own.
    for (const entry of Array.isArray(value) ? value : [value]) handle(entry, text.length);
  };

  const handleLines = (): void => {
    let rest = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    let end = rest.indexOf(lineBreak);
    while (end >= 0 && !closed && stdout.writableLength <= maxUnreadBytes) {
      const line = rest.toString("utf8", 0, end);
      rest = rest.subarray(end + 1);
      handleLine(line);
      end = rest.indexOf(lineBreak);
    }
    chunks = rest.length > 0 && !closed ? [rest] : [];
    buffered = rest.length;
    if (buffered <= maxLineBytes && !closed && stdin.isPaused()) stdin.resume();
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
    ended = true;
    handleLines();
    if (open > 0 && buffered === open) handleLine(Buffer.concat(chunks).toString("utf8"));
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
