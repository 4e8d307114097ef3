import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type Asked, readAnswer } from "./answer.ts";
import type { Connection, createConnections } from "./connection.ts";
import type { RequestFailure } from "./errors.ts";
import { type CallScope, exchange, type Request } from "./request.ts";

export type Outcome = {
  /** Requests that were tried, those that were held back not counted. */
  attempts: number;
  /** Of a success; a failure has its own. */
  httpStatus?: number;
  requestId?: string | undefined;
  /** How long the API asked to wait, at most 24 hours. */
  retryAfterMs?: number | undefined;
  /** Beside `held`: how the attempt before failed. */
  failure?: RequestFailure;
  /** `admit` refused the attempt, so it was not sent. */
  held?: true;
  /** Of a look, exactly after a success. */
  body?: Readonly<Record<string, unknown>>;
};

export type Sender = {
  origin: string;
  key: string;
  /** Every key that an answer could repeat; a new one is added. */
  secrets: string[];
  connections: ReturnType<typeof createConnections>;
  /** Name and version of this product, for the `User-Agent`. */
  product: string;
  /** Before the first repeat; each further wait doubles. */
  firstDelayMs?: number;
  /**
   * Gives the key as it is now, where it may have changed. Asked once per call, when Prelude does
   * not accept the key in use; another key is used for one more try, and kept.
   */
  rereadKey?: (() => string | undefined) | undefined;
  /** Told of each request: method, path without the query, what came of it. Never of content. */
  log?: ((line: string) => void) | undefined;
};

/** What a call sends, apart from the headers, and what a PATCH asks for. */
export type Call = Omit<Request, "origin" | "headers"> & { asked?: Asked };

// A repeat is safe because the call sets literal values. The numbers are those of Prelude's own
// server SDKs.
const maxRetries = 2;
const firstDelayMs = 500;
/** A delay is shortened by up to this share, so that many clients do not come back together. */
const jitter = 0.25;

type Headers = Answer["headers"];

const header = (headers: Headers, name: string): string => String(headers[name] ?? "").trim();

/** Whether a failure is worth repeating at once, as it seems or as the API says. */
const isRetried = (failure: RequestFailure, headers: Headers): boolean => {
  const { code, httpStatus: status = 0, retryable } = failure;
  const word = header(headers, "x-should-retry").toLowerCase();
  if (word === "true" || word === "false") return word === "true";
  if (status >= 300) return status === 408 || status === 429 || status >= 500;
  return (code === "unreachable" || code === "connection_lost") && retryable !== false;
};

const numberOf = (text: string): number =>
  /^\d{1,12}(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;

const dateOf = (text: string): number =>
  /^[A-Z][a-z]+, .* GMT$/.test(text) ? Date.parse(text) : Number.NaN;

/** Longer than this counts as not said: nobody can plan with it, and it is rather a defect. */
const maxAskedMs = 24 * 60 * 60 * 1000;

/**
 * How long the API asks to wait, in milliseconds: `retry-after-ms`, else `Retry-After` in seconds
 * or as an HTTP date (RFC 9110, 10.2.3).
 *
 * @param now wall-clock time in milliseconds since the epoch
 */
export const askedDelayMs = (headers: Headers, now: number): number | undefined =>
  [
    numberOf(header(headers, "retry-after-ms")),
    numberOf(header(headers, "retry-after")) * 1000,
    Math.max(0, dateOf(header(headers, "retry-after")) - now),
  ].find((ms) => ms <= maxAskedMs);

type Failed = {
  failure: RequestFailure;
  headers: Headers;
  silent: boolean;
  key: string;
  connection: Connection;
};

const requestOf = (
  { origin, key, product }: Sender,
  { method, path, body = null }: Call,
): Request => {
  const headers: Request["headers"] = {
    accept: "application/json",
    "accept-encoding": "identity",
    "user-agent": `${product} node/${process.versions.node}`,
    authorization: `Bearer ${key}`,
  };
  if (body) headers["content-type"] = "application/json";
  return { origin, method, path, headers, body };
};

const wordsOf = ({ httpStatus, code, reason }: RequestFailure): string =>
  [httpStatus, code, reason].filter((word) => word !== undefined).join(" ");

const lineOf = ({ method, path }: Call, end: ReturnType<typeof readAnswer>, ms: number): string => {
  const words = "success" in end ? end.success.httpStatus : wordsOf(end.failure);
  return `${method} ${path.replace(/\?.*/, "")}: ${words}, ${Math.round(ms)} ms`;
};

/** What a call has used up of its further attempts. */
type Tries = { retries: number; newKey: boolean; newConnection: boolean };

/** How long to wait before the next attempt, in milliseconds; undefined: there is none. */
const nextIn = (
  sender: Sender,
  tries: Tries,
  { failure, headers, silent, key, connection }: Failed,
): number | undefined => {
  if (silent) {
    tries.newConnection = true;
    sender.connections.giveUp(connection);
    return 0;
  }
  if ((failure.httpStatus === 401 || failure.code === "unauthorized") && !tries.newKey) {
    tries.newKey = true;
    const found = sender.rereadKey?.() || key;
    if (found !== key) {
      if (!sender.secrets.includes(found)) sender.secrets.push(found);
      sender.key = found;
      return 0;
    }
  }
  if (tries.retries >= maxRetries || !isRetried(failure, headers)) return undefined;
  const backoffMs =
    (sender.firstDelayMs ?? firstDelayMs) * 2 ** tries.retries * (1 - jitter * Math.random());
  tries.retries += 1;
  return askedDelayMs(headers, Date.now()) ?? backoffMs;
};

/**
 * Sends a call. It is repeated as the policy says, inside its deadline, once more with a key that
 * is new, and once more on a new connection where one that was used before has fallen silent.
 */
export const send = async (sender: Sender, call: Call, scope: CallScope): Promise<Outcome> => {
  const { deadlineAt, signal } = scope;
  const tries: Tries = { retries: 0, newKey: false, newConnection: false };
  let outcome: Outcome = { attempts: 0 };
  for (;;) {
    const started = performance.now();
    const { key, secrets } = sender;
    const connection = sender.connections.current();
    const wary = !tries.newConnection;
    const ended = await exchange(connection, requestOf(sender, call), scope, wary);
    if (ended === "held") return { ...outcome, held: true };
    const end = "answer" in ended ? readAnswer(ended.answer, secrets, call.asked) : ended;
    const attempts = outcome.attempts + 1;
    sender.log?.(`${lineOf(call, end, performance.now() - started)}, attempt ${attempts}`);
    if ("success" in end) return Object.assign(end.success, { attempts });
    // What an attempt before may have written stays true, and a GET writes nothing.
    const wrote = end.failure.mayHaveWritten || outcome.failure?.mayHaveWritten === true;
    const failure = { ...end.failure, mayHaveWritten: call.method === "PATCH" && wrote };
    const headers = "answer" in ended ? ended.answer.headers : {};
    outcome = { attempts, failure, retryAfterMs: askedDelayMs(headers, Date.now()) };
    const silent = "silent" in ended;
    const waitMs = nextIn(sender, tries, {
      failure: end.failure,
      headers,
      silent,
      key,
      connection,
    });
    // A timer may come a little early.
    const isLate = waitMs === undefined || performance.now() + waitMs + 2 >= deadlineAt;
    if (isLate || signal.aborted) return outcome;
    scope.onRetry?.({ attempt: attempts, waitMs, failure });
    if (!(await sleep(waitMs, true, { signal }).catch(() => false))) return outcome;
  }
};
