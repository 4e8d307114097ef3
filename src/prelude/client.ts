import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { type Answer, failureOf, type Reading, readingOf, requestIdOf } from "./answer.ts";
import { decodeBody } from "./body.ts";
import { failureOfTransport, proxyInvalid } from "./connect-errors.ts";
import { createDispatcher } from "./dispatcher.ts";
import type { RequestFailure } from "./errors.ts";
import { createKeys } from "./keys.ts";
import { chooseProxy } from "./proxy.ts";
import { type Exchange, exchange, type Request } from "./request.ts";
import { askedDelayMs, backoffMs, isRetried, type RetryPolicy, retryPolicy } from "./retry.ts";

export type ClientOptions = {
  baseUrl: string;
  apiKey: string;
  /**
   * Gives the key as it is now, where it may have changed. Asked once per call, when Prelude does
   * not accept the key in use; another key is used for one more try, and kept.
   */
  rereadKey?: () => string | undefined;
  /** Name and version of this product, for the `User-Agent`. */
  product: string;
  /** Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY are obeyed. */
  useProxy: boolean;
  retry?: RetryPolicy;
};

/** The bounds of one tool call, shared by every request that it takes. */
export type CallScope = {
  /** Aborted by the client's cancellation and by the deadline. */
  signal: AbortSignal;
  /** On the clock of `performance.now()`. */
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

export type Patch = { appId: string; userId: string; profile: Readonly<Record<string, string>> };
export type UserOf = { appId: string; userId: string };
export type Identifier = {
  appId: string;
  identifierType: "email_address" | "phone_number";
  identifierValue: string;
};

/** What a call sends, save the key, and how it reads the answer. */
type Call<T> = {
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

/** Reads what came back. The signal tells an answer that broke off from one that was cut off. */
const readAnswer = async <T>(
  { status, headers, body, limit }: Extract<Exchange, { kind: "answered" }>,
  read: Call<T>["read"],
  secrets: readonly string[],
  signal: AbortSignal,
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
  if (!signal.aborted || failure.code !== "connection_lost") return failed(failure, headers);
  return failed({ ...failure, code: "timeout" }, headers);
};

const readWritten: Call<true>["read"] = (answer, secrets) => {
  const failure = failureOf(answer, secrets);
  return failure ? { failure } : { content: true };
};

const readUser: Call<unknown>["read"] = (answer, secrets) =>
  readingOf(answer, secrets, ({ user }) =>
    typeof user === "object" && user !== null && !Array.isArray(user) ? user : undefined,
  );

const readUsers: Call<unknown[]>["read"] = (answer, secrets) =>
  readingOf(answer, secrets, ({ users }) => (Array.isArray(users) ? users : undefined));

type Connection = { dispatcher: Dispatcher; failure?: never } | { failure: RequestFailure };

const connectionTo = ({ baseUrl, useProxy }: ClientOptions): Connection => {
  const target = new URL(baseUrl);
  const proxy = useProxy ? chooseProxy(target, process.env) : ({ kind: "direct" } as const);
  if (proxy.kind === "invalid") return { failure: proxyInvalid(proxy.variable) };
  return { dispatcher: createDispatcher(target.origin, proxy) };
};

/**
 * Makes the client for the operations of the API that this product uses. Its functions never throw:
 * what went wrong is in `failure`, whose `mayHaveWritten` speaks for all attempts together. A
 * failure after the signal was aborted has the code `timeout`. Where the environment's proxy has an
 * address that cannot be used, every call fails with the reason `proxy_invalid`.
 */
export const createClient = (options: ClientOptions) => {
  const { product, retry: policy = retryPolicy } = options;
  const keys = createKeys(options.apiKey, options.rereadKey ?? (() => undefined));
  const connection = connectionTo(options);
  const { origin, pathname } = new URL(options.baseUrl);
  const apps = `${pathname.replace(/\/+$/, "")}/v2/session/apps/`;
  // encodeURIComponent("..") is "..": the ids' patterns are what keeps the path in shape.
  const usersOf = (appId: string) => `${apps}${encodeURIComponent(appId)}/users`;
  const userPath = ({ appId, userId }: UserOf) => `${usersOf(appId)}/${encodeURIComponent(userId)}`;
  const common = [
    ...["accept", "application/json", "accept-encoding", "identity"],
    ...["user-agent", `${product} node/${process.versions.node}`],
  ];
  const headers = {
    GET: common,
    PATCH: [...common, "content-type", "application/json"],
  };

  const attempt = async <T>(
    dispatcher: Dispatcher,
    call: Call<T>,
    key: string,
    scope: CallScope,
  ): Promise<Attempt<T>> => {
    const { method, path, body, read } = call;
    const own = [...headers[method], "authorization", `Bearer ${key}`];
    const request: Request = { origin, method, path, headers: own };
    if (body) request.body = body;
    const end = await exchange(dispatcher, request, scope);
    if (end.kind === "answered") return readAnswer(end, read, keys.secrets(), scope.signal);
    if (end.kind === "held") return end;
    const gone = end.kind === "aborted" || scope.signal.aborted;
    return failed(
      gone
        ? { code: "timeout", mayHaveWritten: end.sent }
        : failureOfTransport(end.error, end.sent),
    );
  };

  /** Waits for the next attempt. False: there is none, since it does not fit or the call is over. */
  const waited = async (
    failure: RequestFailure,
    asked: number | undefined,
    tries: { attempts: number; retries: number },
    scope: CallScope,
  ): Promise<boolean> => {
    const waitMs = asked ?? backoffMs(tries.retries, policy, Math.random);
    if (performance.now() + waitMs >= scope.deadlineAt) return false;
    scope.onRetry?.({ attempt: tries.attempts, waitMs, failure });
    return sleep(waitMs, true, { signal: scope.signal }).catch(() => false);
  };

  /** Sends a call, repeated as the retry policy says, and once more with a key that is new. */
  const send = async <T>(
    call: Call<T>,
    scope: CallScope,
  ): Promise<{ outcome: Outcome; content?: T }> => {
    if (connection.failure) return { outcome: { attempts: 0, failure: connection.failure } };
    const tries = { attempts: 0, retries: 0 };
    let mayHaveWritten = false;
    let reread = false;
    let last: Outcome = { attempts: 0 };
    for (;;) {
      const key = keys.current();
      const end = await attempt(connection.dispatcher, call, key, scope);
      if (end.kind === "held") return { outcome: { ...last, held: true } };
      tries.attempts++;
      if (end.kind === "done")
        return { outcome: doneAfter(tries.attempts, end), content: end.content };
      const { failure } = end;
      mayHaveWritten ||= call.method === "PATCH" && failure.mayHaveWritten;
      const asked = askedDelayMs(end.headers, Date.now());
      last = { attempts: tries.attempts, failure: { ...failure, mayHaveWritten } };
      if (asked !== undefined) last.retryAfterMs = asked;
      if (scope.signal.aborted) return { outcome: last };
      if (failure.code === "unauthorized" && !reread) {
        reread = true;
        if (keys.renew(key)) continue;
      }
      if (tries.retries >= policy.maxRetries || !isRetried(failure, end.headers, policy))
        return { outcome: last };
      if (!(await waited(failure, asked, tries, scope))) return { outcome: last };
      tries.retries++;
    }
  };

  return {
    /** `PATCH /v2/session/apps/{appID}/users/{userID}/profile` of the API document. */
    patchProfile: async ({ profile, ...user }: Patch, scope: CallScope): Promise<Outcome> => {
      const body = Buffer.from(JSON.stringify({ profile }));
      const path = `${userPath(user)}/profile`;
      return (await send({ method: "PATCH", path, body, read: readWritten }, scope)).outcome;
    },

    /** "Get user" of Prelude's public reference. `user`, an object, is there exactly after a success. */
    getUser: async (user: UserOf, scope: CallScope): Promise<Outcome & { user?: unknown }> => {
      const call = { method: "GET", path: userPath(user), read: readUser } as const;
      const { outcome, content } = await send(call, scope);
      return content === undefined ? outcome : { ...outcome, user: content };
    },

    /** "List users" of Prelude's public reference, narrowed to one identifier. */
    findUsers: async (
      { appId, identifierType, identifierValue }: Identifier,
      scope: CallScope,
    ): Promise<Outcome & { users?: unknown[] }> => {
      const query = `identifier_type=${identifierType}&identifier_value=${encodeURIComponent(identifierValue)}`;
      const call = { method: "GET", path: `${usersOf(appId)}?${query}`, read: readUsers } as const;
      const { outcome, content } = await send(call, scope);
      return content === undefined ? outcome : { ...outcome, users: content };
    },

    close: async (): Promise<void> => {
      if (!connection.failure) await connection.dispatcher.destroy();
    },
  };
};

const doneAfter = (
  attempts: number,
  { httpStatus, requestId }: { httpStatus: number; requestId: string | undefined },
): Outcome => {
  const outcome: Outcome = { attempts, httpStatus };
  if (requestId !== undefined) outcome.requestId = requestId;
  return outcome;
};

export type PreludeClient = ReturnType<typeof createClient>;
