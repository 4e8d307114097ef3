import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import type { Dispatcher } from "undici";
import type { Answer, Body } from "./answer.ts";
import type { Connection } from "./connection.ts";
import { failureOfTransport, type RequestFailure } from "./errors.ts";

export type Request = {
  origin: string;
  method: "GET" | "PATCH";
  /** With the query, encoded. */
  path: string;
  /** Names and values in turn. */
  headers: string[];
  body?: Buffer;
};

/** The bounds of one tool call, shared by every request that it takes. */
export type Bounds = {
  /** Aborted when the call is cancelled. */
  signal: AbortSignal;
  /** When the call ends, on the clock of `performance.now()`. */
  deadlineAt: number;
  /**
   * Called for each request at the moment it would leave, before any byte is written; false: it is
   * not sent.
   */
  admit?: () => boolean;
};

/** What became of a request; `silent`: nothing came in time on a connection that was used before. */
export type Exchange = { answer: Answer } | { failure: RequestFailure; silent?: true } | "held";

/** No more of an answer's body is read or unpacked than this, in bytes. */
export const maxBodyRead = 64 * 1024;
/** The same for an answer whose content is what was asked for: a profile can be large. */
export const maxContentRead = 2 * 1024 * 1024;
/** Longest wait for a body whose status says all that matters, in milliseconds. */
const bodyTimeoutMs = 5_000;

/** Never shown: it only ends what undici still does for a request that is over. */
const over = new Error("over");

type Head = Omit<Answer, "body"> & { limit: number; chunks: Buffer[]; length: number };

/** `identity` is asked for, but not all obey. */
const unpackers = new Map<string, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer>([
  ["gzip", gunzipSync],
  ["x-gzip", gunzipSync],
  ["deflate", inflateSync],
  ["br", brotliDecompressSync],
]);

const bodyOf = ({ headers, limit, chunks, length }: Head, ended: boolean): Body => {
  if (length > limit) return { unread: "too_large" };
  if (!ended) return { unread: "broke_off" };
  const bytes = Buffer.concat(chunks);
  const unpack = unpackers.get(String(headers["content-encoding"]).trim().toLowerCase());
  try {
    const plain = unpack && length > 0 ? unpack(bytes, { maxOutputLength: limit }) : bytes;
    return { text: plain.toString("utf8").replace(/^\ufeff/, "") };
  } catch (error) {
    const { code } = error as { code?: string };
    return { unread: code === "ERR_BUFFER_TOO_LARGE" ? "too_large" : "not_decodable" };
  }
};

const answered = (head: Head, ended: boolean): Exchange => {
  const { status, headers } = head;
  return { answer: { status, headers, body: bodyOf(head, ended) } };
};

/** A request under way. */
type Run = {
  method: Request["method"];
  wary: boolean;
  settle: (end: Exchange) => void;
  settled: boolean;
  /** Undefined until the request is about to leave; then it counts as sent, whether it arrives or not. */
  admitted: boolean | undefined;
  controller: Dispatcher.DispatchController | undefined;
  head: Head | undefined;
  timers: NodeJS.Timeout[];
};

/** Ends a request early, and its connection with it. */
const end = (run: Run, exchange: Exchange): void => {
  run.settle(exchange);
  run.controller?.abort(over);
};

/** Ends it at the end of its time. From 300 on, the status says what matters; below, the body does. */
const cut = (run: Run): void => {
  const { head, admitted = false } = run;
  const failure: RequestFailure = { code: "timeout", mayHaveWritten: admitted };
  end(run, head && head.status >= 300 ? answered(head, false) : { failure });
};

const cutIfSilent = (run: Run): void => {
  const failure: RequestFailure = { code: "timeout", mayHaveWritten: true };
  if (!run.head) end(run, { failure, silent: true });
};

const start = (run: Run, { isNew }: Connection, { admit, deadlineAt }: Bounds): void => {
  // undici may start the same request again, on another connection: one answer for all of them.
  run.admitted ??= !run.settled && (admit?.() ?? true);
  if (!run.admitted) {
    run.settle("held");
    // Thrown here, nothing is written, and unlike an abort it leaves the connection to others.
    throw over;
  }
  if (!run.wary || isNew()) return;
  run.timers.push(setTimeout(cutIfSilent, (deadlineAt - performance.now()) / 2, run));
};

const meetHead = (run: Run, status: number, headers: Answer["headers"]): void => {
  if (status < 200 || run.settled) return;
  const limit = run.method === "GET" && status === 200 ? maxContentRead : maxBodyRead;
  run.head = { status, headers, limit, chunks: [], length: 0 };
  if (status === 204) run.settle(answered(run.head, true));
  if (status >= 300) run.timers.push(setTimeout(cut, bodyTimeoutMs, run));
};

const meetData = (run: Run, chunk: Buffer): void => {
  const { head } = run;
  if (run.settled || !head) return;
  head.chunks.push(chunk);
  head.length += chunk.length;
  if (head.length > head.limit) end(run, answered(head, false));
};

const handlerOf = (
  run: Run,
  connection: Connection,
  bounds: Bounds,
): Dispatcher.DispatchHandler => ({
  onRequestStart: (controller) => {
    run.controller = controller;
    start(run, connection, bounds);
  },
  onResponseStart: (_, status, headers) => meetHead(run, status, headers),
  onResponseData: (_, chunk) => meetData(run, chunk),
  onResponseEnd: () => run.head && run.settle(answered(run.head, true)),
  onResponseError: (_, error) => {
    const { head, admitted = false } = run;
    run.settle(head ? answered(head, false) : { failure: failureOfTransport(error, admitted) });
  },
});

/**
 * Sends one request, once, and resolves with what became of it; never rejects. It ends at once when
 * the signal aborts or the time is up, also while it waits for a connection; undici hears of that
 * when it has one.
 *
 * @param wary on a connection that was used before, an answer may take half of the time that is left
 */
export const exchange = (
  connection: Connection,
  request: Request,
  bounds: Bounds,
  wary = false,
): Promise<Exchange> => {
  const { signal, deadlineAt } = bounds;
  const leftMs = deadlineAt - performance.now();
  if (signal.aborted || leftMs <= 0) {
    return Promise.resolve({ failure: { code: "timeout", mayHaveWritten: false } });
  }
  return new Promise((resolve) => {
    const onAbort = () => cut(run);
    const settle = (end: Exchange) => {
      if (run.settled) return;
      run.settled = true;
      for (const timer of run.timers) clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(end);
    };
    const { method } = request;
    const unborn = { admitted: undefined, controller: undefined, head: undefined };
    const run: Run = { method, wary, settle, settled: false, timers: [], ...unborn };
    run.timers.push(setTimeout(cut, leftMs, run));
    signal.addEventListener("abort", onAbort);
    // undici's own limits are off: the deadline is what counts.
    const options = { ...request, headersTimeout: 0, bodyTimeout: 0 };
    connection.dispatcher.dispatch(options, handlerOf(run, connection, bounds));
  });
};
