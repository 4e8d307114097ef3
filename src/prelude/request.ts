import { brotliDecompressSync, unzipSync } from "node:zlib";
import type { Dispatcher } from "undici";
import type { Answer } from "./answer.ts";
import type { Connection } from "./connection.ts";
import { failureOfTransport, type RequestFailure } from "./errors.ts";

export type Request = {
  origin: string;
  method: "GET" | "PATCH";
  /** With the query, encoded. */
  path: string;
  headers: Record<string, string>;
  body?: Buffer | null;
};

export type CallScope = {
  signal: AbortSignal;
  /** On the clock of `performance.now()`. */
  deadlineAt: number;
  /** Asked for each request right before its first byte is written; false: it is not sent. */
  admit?: () => boolean;
  onRetry?: (wait: { attempt: number; waitMs: number; failure: RequestFailure }) => void;
};

/** What became of a request; `silent`: nothing came in time on a connection that was used before. */
type Exchange = { answer: Answer } | { failure: RequestFailure; silent?: true } | "held";

/** No more of an answer's body is read or unpacked than this, in bytes; a profile can be large. */
const maxBodyRead = 2 * 1024 * 1024;

/** Never shown: it only ends what undici still does for a request that is over. */
const over = new Error("over");

type Head = Pick<Answer, "status" | "headers"> & { chunks: Buffer[]; length: number };

/** `identity` is asked for, but not all obey. */
const unpackers = new Map<string, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer>([
  ["gzip", unzipSync],
  ["x-gzip", unzipSync],
  ["deflate", unzipSync],
  ["br", brotliDecompressSync],
]);

const bodyOf = ({ headers, chunks, length }: Head, ended: boolean): Omit<Answer, keyof Head> => {
  if (ended && length === 0) return { text: "" };
  if (length > maxBodyRead) return { unread: "too_large" };
  if (!ended) return { unread: "broke_off" };
  const bytes = Buffer.concat(chunks);
  const unpack = unpackers.get(String(headers["content-encoding"]).trim().toLowerCase());
  try {
    const plain = unpack ? unpack(bytes, { maxOutputLength: maxBodyRead }) : bytes;
    return { text: plain.toString("utf8").replace(/^\ufeff/, "") };
  } catch (error) {
    const { code } = error as { code?: string };
    return { unread: code === "ERR_BUFFER_TOO_LARGE" ? "too_large" : "not_decodable" };
  }
};

const answered = (head: Head, ended: boolean) => ({
  answer: { status: head.status, headers: head.headers, ...bodyOf(head, ended) },
});

type Run = {
  settle: (end: Exchange) => void;
  settled: boolean;
  /** Not there until the request is about to leave; then it counts as sent, whether it arrives or not. */
  admitted?: boolean;
  controller?: Dispatcher.DispatchController;
  head?: Head;
  /** Ends the wait for an answer on a connection that was used before. */
  doubt?: NodeJS.Timeout;
};

const end = (run: Run, exchange: Exchange): void => {
  run.settle(exchange);
  run.controller?.abort(over);
};

/** @param isDoubted whether the connection may be dead */
const handlerOf = (
  run: Run,
  isDoubted: () => boolean,
  { admit, deadlineAt }: CallScope,
): Dispatcher.DispatchHandler => ({
  onRequestStart: (controller) => {
    run.controller = controller;
    // undici may start the same request again, on another connection: one answer for all of them.
    run.admitted ??= !run.settled && (admit?.() ?? true);
    if (!run.admitted) {
      run.settle("held");
      // Thrown here, nothing is written, and unlike an abort it leaves the connection to others.
      throw over;
    }
    clearTimeout(run.doubt);
    if (run.settled || !isDoubted()) return;
    const failure: RequestFailure = { code: "timeout", mayHaveWritten: true };
    const halfMs = (deadlineAt - performance.now()) / 2;
    run.doubt = setTimeout(end, halfMs, run, { failure, silent: true });
  },
  onResponseStart: (_, status, headers) => {
    if (status < 200 || run.settled) return;
    clearTimeout(run.doubt);
    run.head = { status, headers, chunks: [], length: 0 };
    if (status === 204) run.settle(answered(run.head, true));
  },
  onResponseData: (_, chunk) => {
    const { head } = run;
    if (run.settled || !head) return;
    head.chunks.push(chunk);
    head.length += chunk.length;
    if (head.length > maxBodyRead) end(run, answered(head, false));
  },
  onResponseEnd: () => run.head && run.settle(answered(run.head, true)),
  onResponseError: (_, error) => {
    const { head, admitted = false } = run;
    run.settle(head ? answered(head, false) : { failure: failureOfTransport(error, admitted) });
  },
});

/**
 * Sends one request, once; never rejects. It ends at once when the signal aborts or the time is up,
 * also while it waits for a connection; undici hears of that when it has one.
 *
 * @param wary on a connection that was used before, an answer may take half of the time that is left
 */
export const exchange = (
  { dispatcher, isNew }: Connection,
  request: Request,
  scope: CallScope,
  wary: boolean,
): Promise<Exchange> => {
  const { signal, deadlineAt } = scope;
  const leftMs = deadlineAt - performance.now();
  if (signal.aborted || leftMs <= 0) {
    return Promise.resolve({ failure: { code: "timeout", mayHaveWritten: false } });
  }
  return new Promise((resolve) => {
    const cut = () => {
      const { head, admitted = false } = run;
      const failure: RequestFailure = { code: "timeout", mayHaveWritten: admitted };
      // From 300 on, the status says what matters; below, the body does.
      end(run, head && head.status >= 300 ? answered(head, false) : { failure });
    };
    const deadline = setTimeout(cut, leftMs);
    const settle = (end: Exchange) => {
      if (run.settled) return;
      run.settled = true;
      clearTimeout(deadline);
      clearTimeout(run.doubt);
      signal.removeEventListener("abort", cut);
      resolve(end);
    };
    const run: Run = { settle, settled: false };
    signal.addEventListener("abort", cut);
    const isDoubted = () => wary && !isNew();
    dispatcher.dispatch(request, handlerOf(run, isDoubted, scope));
  });
};
