import { subscribe } from "node:diagnostics_channel";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool, request } from "undici";
import { abortable } from "../lib/abortable.ts";
import { readBody } from "./body.ts";
import { failureOf, failureOfTransport, type RequestFailure, requestId } from "./errors.ts";
import { askedDelayMs, backoffMs, isRetried, type RetryPolicy, retryPolicy } from "./retry.ts";

export type ClientOptions = {
  baseUrl: string;
  apiKey: string;
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
  /** Asked right before each attempt; false: it is not sent, and the outcome is `held`. */
  admit?: () => boolean;
};

export type Patch = { appId: string; userId: string; profile: Readonly<Record<string, string>> };

export type PatchOutcome = {
  attempts: number;
  httpStatus?: number;
  requestId?: string;
  retryAfterMs?: number;
  /** With `held`: of the attempt before the one that was not sent. */
  failure?: RequestFailure;
  held?: true;
};

/** Connections kept open to the API at most; further requests wait for one. */
export const maxConnections = 16;
/** Longest wait for one connection, in milliseconds; the call's deadline may come first. */
const connectTimeoutMs = 10_000;
/** Longest wait for a body whose status is already known, in milliseconds. */
const bodyTimeoutMs = 5_000;

// undici's errors do not say whether the request had left. Its diagnostics channel publishes each
// request right before the first byte; the body's identity tells which one it is.
const sentBodies = new WeakSet<object>();
subscribe("undici:client:sendHeaders", (message) => {
  const { body } = (message as { request: { body?: unknown } }).request;
  if (typeof body === "object" && body !== null) sentBodies.add(body);
});

/** A proxy's address from the environment; like elsewhere, it may come without the scheme. */
const proxyOf = (...names: string[]): string | undefined => {
  const value = names.map((name) => process.env[name]?.trim()).find((text) => text);
  return value === undefined || value.includes("://") ? value : `http://${value}`;
};

/** undici connects again and again, without a pause, while a proxy hangs up on CONNECT. */
const failingPool = (pool: Pool): Pool => {
  const connect = pool.connect.bind(pool);
  const failing = async (options: Dispatcher.ConnectOptions) => {
    try {
      return await connect(options);
    } catch (cause) {
      throw Object.assign(new Error("the proxy did not connect"), { cause });
    }
  };
  pool.connect = failing as Pool["connect"];
  return pool;
};

const createDispatcher = (useProxy: boolean): Dispatcher => {
  const options = { connections: maxConnections, connect: { timeout: connectTimeoutMs } };
  const httpProxy = useProxy ? proxyOf("http_proxy", "HTTP_PROXY") : undefined;
  const httpsProxy = (useProxy ? proxyOf("https_proxy", "HTTPS_PROXY") : undefined) ?? httpProxy;
  if (httpsProxy === undefined) return new Agent(options);
  return new EnvHttpProxyAgent({
    ...options,
    httpsProxy,
    ...(httpProxy && { httpProxy }),
    clientFactory: (origin, poolOptions) => failingPool(new Pool(origin, poolOptions)),
  });
};

/**
 * Makes the client for the one operation of the API document:
 * `PATCH /v2/session/apps/{appID}/users/{userID}/profile`. Throws where a proxy's address in the
 * environment cannot be used.
 */
export const createClient = (options: ClientOptions) => {
  const { baseUrl, apiKey, product, retry: policy = retryPolicy } = options;
  const dispatcher = createDispatcher(options.useProxy);
  const headers = {
    authorization: `Bearer ${apiKey}`,
    "content-type": "application/json",
    accept: "application/json",
    "accept-encoding": "identity",
    "user-agent": `${product} node/${process.versions.node}`,
  };

  const sendOnce = async (url: string, json: string, signal: AbortSignal) => {
    const body = Buffer.from(json);
    try {
      // undici notices an abort only once it has a connection; a call must not wait for that.
      const response = await abortable(
        request(url, {
          method: "PATCH",
          headers,
          body,
          dispatcher,
          signal,
          headersTimeout: 0,
          bodyTimeout: 0,
        }),
        signal,
      );
      if (response.statusCode === 204) {
        response.body.resume();
        return { status: 204, headers: response.headers };
      }
      const timer = setTimeout(() => response.body.destroy(new Error("slow body")), bodyTimeoutMs);
      const encoding = response.headers["content-encoding"];
      const { text, complete } = await readBody(
        response.body,
        typeof encoding === "string" ? encoding : undefined,
      );
      clearTimeout(timer);
      const answer = {
        status: response.statusCode,
        headers: response.headers,
        body: text,
        complete,
      };
      const failure = failureOf(answer, apiKey);
      if (!failure) return { status: answer.status, headers: answer.headers };
      const late = signal.aborted && failure.code === "connection_lost";
      return {
        failure: late ? { ...failure, code: "timeout" as const } : failure,
        headers: response.headers,
      };
    } catch (error) {
      const sent = sentBodies.has(body);
      const failure: RequestFailure = signal.aborted
        ? { code: "timeout", mayHaveWritten: sent }
        : failureOfTransport(error, sent);
      return { failure };
    }
  };

  /**
   * Sends one PATCH, repeated as the retry policy says. Never throws: what went wrong is in
   * `failure`, whose `mayHaveWritten` speaks for all attempts together. A failure after the signal
   * was aborted has the code `timeout`.
   */
  const patchProfile = async (
    { appId, userId, profile }: Patch,
    scope: CallScope,
  ): Promise<PatchOutcome> => {
    // encodeURIComponent("..") is "..": the ids' patterns are what keeps the path in shape.
    const url = `${baseUrl}/v2/session/apps/${encodeURIComponent(appId)}/users/${encodeURIComponent(userId)}/profile`;
    const json = JSON.stringify({ profile });
    let mayHaveWritten = false;
    let before: RequestFailure | undefined;
    for (let attempts = 1; ; attempts++) {
      if (!scope.signal.aborted && scope.admit?.() === false) {
        return { attempts: attempts - 1, held: true, ...(before && { failure: before }) };
      }
      const { status, failure, headers = {} } = await sendOnce(url, json, scope.signal);
      if (!failure) {
        const id = requestId(headers, apiKey);
        return { attempts, ...(status && { httpStatus: status }), ...(id && { requestId: id }) };
      }
      mayHaveWritten ||= failure.mayHaveWritten;
      before = { ...failure, mayHaveWritten };
      const asked = askedDelayMs(headers, Date.now());
      const stop: PatchOutcome = {
        attempts,
        failure: { ...failure, mayHaveWritten },
        ...(asked !== undefined && { retryAfterMs: asked }),
      };
      if (
        scope.signal.aborted ||
        attempts > policy.maxRetries ||
        !isRetried(failure, headers, policy)
      )
        return stop;
      const waitMs = asked ?? backoffMs(attempts - 1, policy, Math.random);
      if (performance.now() + waitMs >= scope.deadlineAt) return stop;
      scope.onRetry?.({ attempt: attempts, waitMs, failure });
      try {
        await sleep(waitMs, undefined, { signal: scope.signal });
      } catch {
        return stop;
      }
    }
  };

  return { patchProfile, close: () => dispatcher.destroy() };
};

export type PreludeClient = ReturnType<typeof createClient>;
