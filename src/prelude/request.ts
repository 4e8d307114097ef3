import type { Dispatcher } from "undici";
import type { Answer } from "./answer.ts";
import { createCollector, maxBodyRead, maxContentRead, type RawBody } from "./body.ts";

export type Request = {
  origin: string;
  method: "GET" | "PATCH";
  /** With the query, encoded. */
  path: string;
  /** Names and values in turn. */
  headers: string[];
  body?: Buffer;
};

export type Bounds = {
  /** Ends the request when it aborts. */
  signal: AbortSignal;
  /** Ends the request at this time, on the clock of `performance.now()`. */
  deadlineAt: number;
  /**
   * Asked once, at the moment the request would leave, before any byte is written. False: it is not
   * sent.
   */
  admit?: () => boolean;
};

/** What became of a request. `sent`: it was handed to a connection; whether it arrived is not known. */
export type Exchange =
  | { kind: "answered"; status: number; headers: Answer["headers"]; body: RawBody; limit: number }
  | { kind: "broken"; error: unknown; sent: boolean }
  | { kind: "aborted"; sent: boolean }
  | { kind: "held" };

/** Longest time that a timer of Node counts, in milliseconds. */
const maxTimerMs = 2 ** 31 - 1;
/** Longest wait for a body whose status says all that matters, in milliseconds. */
const bodyTimeoutMs = 5_000;

const noBody: RawBody = { bytes: Buffer.alloc(0), complete: true };
/** Never shown: it only ends what undici still does for a request that is over. */
const over = new Error("over");

type Head = {
  status: number;
  headers: Answer["headers"];
  limit: number;
  collector: ReturnType<typeof createCollector>;
};

/** A request under way. */
type Run = {
  request: Request;
  bounds: Bounds;
  settle: (end: Exchange) => void;
  settled: boolean;
  /** Undefined until the request is about to leave. */
  admitted: boolean | undefined;
  controller: Dispatcher.DispatchController | undefined;
  head: Head | undefined;
  deadlineTimer: NodeJS.Timeout | undefined;
  bodyTimer: NodeJS.Timeout | undefined;
};

const answered = ({ status, headers, limit, collector }: Head, ended: boolean): Exchange => ({
  kind: "answered",
  status,
  headers,
  limit,
  body: collector.take(ended),
});

/** Ends a request early with what is known, and its connection with it. */
const cut = (run: Run): void => {
  const { head, admitted = false, controller } = run;
  run.settle(head ? answered(head, false) : { kind: "aborted", sent: admitted });
  controller?.abort(over);
};

const start = (run: Run, controller: Dispatcher.DispatchController): void => {
  run.controller = controller;
  // undici may start the same request again, on another connection: one answer for all of them.
  run.admitted ??= !run.settled && (run.bounds.admit?.() ?? true);
  if (run.admitted) return;
  run.settle({ kind: "held" });
  // Thrown here, nothing is written, and unlike an abort it leaves the connection to others.
  throw over;
};

const meetHead = (run: Run, status: number, headers: Answer["headers"]): void => {
  if (status < 200 || run.settled) return;
  if (status === 204) {
    run.settle({ kind: "answered", status, headers, limit: 0, body: noBody });
    return;
  }
  // The content of a GET is worth the wait until the deadline; of all other bodies, the beginning.
  const wanted = run.request.method === "GET" && status === 200;
  const limit = wanted ? maxContentRead : maxBodyRead;
  run.head = { status, headers, limit, collector: createCollector(limit) };
  if (!wanted) run.bodyTimer = setTimeout(cut, bodyTimeoutMs, run);
};

const handlerOf = (run: Run): Dispatcher.DispatchHandler => ({
  onRequestStart: (controller) => start(run, controller),
  onResponseStart: (_, status, headers) => meetHead(run, status, headers),
  onResponseData: (_, chunk) => {
    if (!run.settled && run.head?.collector.add(chunk) === false) cut(run);
  },
  onResponseEnd: () => {
    if (run.head) run.settle(answered(run.head, true));
  },
  onResponseError: (_, error) => {
    const { head, admitted = false } = run;
    run.settle(head ? answered(head, false) : { kind: "broken", error, sent: admitted });
  },
});

/**
 * Sends one request, once, and resolves with what became of it; never rejects. It ends at once when
 * the signal aborts or the time is up, also while it waits for a connection; undici hears of that when it has one.
 */
export const exchange = (
  dispatcher: Dispatcher,
  request: Request,
  bounds: Bounds,
): Promise<Exchange> => {
  const { signal, deadlineAt } = bounds;
  const leftMs = deadlineAt - performance.now();
  if (signal.aborted || leftMs <= 0) return Promise.resolve({ kind: "aborted", sent: false });
  return new Promise((resolve) => {
    const onAbort = () => cut(run);
    const settle = (end: Exchange) => {
      if (run.settled) return;
      run.settled = true;
      clearTimeout(run.deadlineTimer);
      clearTimeout(run.bodyTimer);
      signal.removeEventListener("abort", onAbort);
      resolve(end);
    };
    const run: Run = {
      request,
      bounds,
      settle,
      settled: false,
      admitted: undefined,
      controller: undefined,
      head: undefined,
      // Beyond what a timer can count, there is no deadline.
      deadlineTimer: leftMs > maxTimerMs ? undefined : setTimeout(onAbort, leftMs),
      bodyTimer: undefined,
    };
    signal.addEventListener("abort", onAbort);
    const { origin, method, path, headers, body = null } = request;
    // undici's own limits are off: the deadline is what counts.
    const options = { origin, method, path, headers, body, headersTimeout: 0, bodyTimeout: 0 };
    dispatcher.dispatch(options, handlerOf(run));
  });
};
