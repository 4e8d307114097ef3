import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { type Answer, type Reading, requestIdOf } from "./answer.ts";
import { decodeBody } from "./body.ts";
import { failureOfTransport } from "./connect-errors.ts";
import type { RequestFailure } from "./errors.ts";
import type { Keys } from "./keys.ts";
import { type Exchange, exchange, type Request } from "./request.ts";
import { askedDelayMs, backoffMs, isRetried, type RetryPolicy } from "./retry.ts";

/** The bounds of one tool call, shared by every request that it takes. */
export type CallScope = {
  /** Aborted when the call is cancelled. */
  signal: AbortSignal;
  /** When the call ends, on the clock of `performance.now()`. */
  deadlineAt: number;
  onRetry?: (wait: { attempt: number; waitMs: number; failure: RequestFailure }) => void;
  /**
   * Called for each attempt at the moment it would leave, before any byte is written; false: it is
   * not sent and the outcome is `held`.
   */
  admit?: () => boolean;
};

export type Outcome = {
  /** Requests that were tried, those that were held back not counted. */
  attempts: number;
  /** Of a success; a failure has its own. */
  httpStatus?: number;
  requestId?: string;
  /** How long the API asked to wait, at most 24 hours. */
  retryAfterMs?: number;
  /** Beside `held`: how the attempt before failed. */
  failure?: RequestFailure;
  /** `admit` refused the attempt, so it was not sent. */
  held?: true;
};

/** What all calls to one API have in common. */
export type Sender = {
  dispatcher: Dispatcher;
  origin: string;
  /** Names and values in turn. */
  headers: (method: Request["method"], key: string) => string[];
  keys: Keys;
  policy: RetryPolicy;
};

/** What a call sends, apart from the headers, and how it reads the answer. */
export type Call<T> = {
  method: Request["method"];
  path: string;
  body?: Buffer;
  read: (answer: Answer, secrets: readonly string[]) => Reading<T>;
};

type Attempt<T> =
  | { kind: "held" }
  | { kind: "done"; httpStatus: number; requestId: string | undefined; content: T }
  | { kind: "failed"; failure: RequestFailure; headers: Answer["headers"] };

const failed = (failure: RequestFailure, headers: Answer["headers"] = {}) =>
  ({ kind: "failed", failure, headers }) as const;

/** A timer may come a little before its time by the other clock. */
const timerSlackMs = 2;

/** Whether a call was cancelled or has used up its time: no further request is of use. */
const isOver = ({ signal, deadlineAt }: CallScope): boolean =>
  signal.aborted || performance.now() + timerSlackMs >= deadlineAt;

/** Reads what came back. The scope tells an answer that broke off from one that was cut off. */
const readAnswer = async <T>(
  { status, headers, body, limit }: Extract<Exchange, { kind: "answered" }>,
  read: Call<T>["read"],
  secrets: readonly string[],
  scope: CallScope,
): Promise<Attempt<T>> => {
  const encoding = headers["content-encoding"];
  const { text, complete } = await decodeBody(
    body,
    typeof encoding === "string" ? encoding : undefined,
    limit,
  );
  const reading = read({ status, headers, body: text, complete }, secrets);
  if ("content" in reading) {
    const requestId = requestIdOf(headers, secrets);
    return { kind: "done", httpStatus: status, requestId, content: reading.content };
  }
  const { failure } = reading;
  if (!isOver(scope) || failure.code !== "connection_lost") return failed(failure, headers);
  return failed({ ...failure, code: "timeout" }, headers);
};

/** `content` is there exactly after a success. */
export type Sent<T> = { outcome: Outcome; content?: T };

const attempt = async <T>(
  { dispatcher, origin, headers, keys }: Sender,
  { method, path, body, read }: Call<T>,
  key: string,
  scope: CallScope,
): Promise<Attempt<T>> => {
  const request: Request = { origin, method, path, headers: headers(method, key) };
  if (body) request.body = body;
  const end = await exchange(dispatcher, request, scope);
  if (end.kind === "answered") return await readAnswer(end, read, keys.secrets(), scope);
  if (end.kind === "held") return end;
  if (end.kind === "aborted" || isOver(scope))
    return failed({ code: "timeout", mayHaveWritten: end.sent });
  return failed(failureOfTransport(end.error, end.sent));
};

/** What the attempts of one call have come to. */
type Tries = {
  retries: number;
  /** The key was looked up afresh, which happens once. */
  renewed: boolean;
  last: Outcome;
};

/** Waits for the next attempt. False: there is none, since it does not fit or the call is over. */
const waited = async (
  failure: RequestFailure,
  { retries, last: { attempts, retryAfterMs } }: Tries,
  policy: RetryPolicy,
  scope: CallScope,
): Promise<boolean> => {
  const waitMs = retryAfterMs ?? backoffMs(retries, policy, Math.random);
  if (performance.now() + waitMs >= scope.deadlineAt) return false;
  scope.onRetry?.({ attempt: attempts, waitMs, failure });
  return sleep(waitMs, true, { signal: scope.signal }).catch(() => false);
};

/** Whether a failed attempt is followed by another one; resolves when that may begin. */
const goesOn = async (
  { keys, policy }: Sender,
  tries: Tries,
  { failure, headers }: { failure: RequestFailure; headers: Answer["headers"] },
  key: string,
  scope: CallScope,
): Promise<boolean> => {
  if (isOver(scope)) return false;
  if (failure.code === "unauthorized" && !tries.renewed) {
    tries.renewed = true;
    if (keys.renew(key)) return true;
  }
  if (tries.retries >= policy.maxRetries || !isRetried(failure, headers, policy)) return false;
  if (!(await waited(failure, tries, policy, scope))) return false;
  tries.retries++;
  return true;
};

const succeeded = <T>(attempts: number, end: Extract<Attempt<T>, { kind: "done" }>): Sent<T> => {
  const outcome: Outcome = { attempts, httpStatus: end.httpStatus };
  if (end.requestId !== undefined) outcome.requestId = end.requestId;
  return { outcome, content: end.content };
};

/** Sends a call, repeated as the retry policy says, and once more with a key that is new. */
export const send = async <T>(
  sender: Sender,
  call: Call<T>,
  scope: CallScope,
): Promise<Sent<T>> => {
  const tries: Tries = { retries: 0, renewed: false, last: { attempts: 0 } };
  for (;;) {
    const key = sender.keys.current();
    const end = await attempt(sender, call, key, scope);
    const { last } = tries;
    if (end.kind === "held") return { outcome: { ...last, held: true } };
    const attempts = last.attempts + 1;
    if (end.kind === "done") return succeeded(attempts, end);
    // What an attempt before may have written stays true, and a GET writes nothing.
    const wrote = end.failure.mayHaveWritten || last.failure?.mayHaveWritten === true;
    const mayHaveWritten = call.method === "PATCH" && wrote;
    tries.last = { attempts, failure: { ...end.failure, mayHaveWritten } };
    const asked = askedDelayMs(end.headers, Date.now());
    if (asked !== undefined) tries.last.retryAfterMs = asked;
    if (!(await goesOn(sender, tries, end, key, scope))) return { outcome: tries.last };
  }
};
