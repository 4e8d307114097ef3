import { subscribe } from "node:diagnostics_channel";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, EnvHttpProxyAgent, request } from "undici";
import { abortable } from "../abortable.ts";
import { readBody } from "./body.ts";
import { failureOf, failureOfTransport, type RequestFailure } from "./errors.ts";
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
};

export type Patch = { appId: string; userId: string; profile: Readonly<Record<string, string>> };

export type PatchOutcome = { attempts: number; failure?: RequestFailure; retryAfterMs?: number };

/** Connections kept open to the API at most; further requests wait for one. */
export const maxConnections = 16;
/** Longest wait for a body whose status is already known, in milliseconds. */
const bodyTimeoutMs = 5_000;

// undici's errors do not say whether the request had left. Its diagnostics channel publishes each
// request right before the first byte; the body's identity tells which one it is.
const sentBodies = new WeakSet<object>();
subscribe("undici:client:sendHeaders", (message) => {
  const { body } = (message as { request: { body?: unknown } }).request;
  if (typeof body === "object" && body !== null) sentBodies.add(body);
});

const proxyNames = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"];

/**
 * Makes the client for the one operation of the API document:
 * `PATCH /v2/session/apps/{appID}/users/{userID}/profile`.
 */
export const createClient = (options: ClientOptions) => {
  const { baseUrl, apiKey, product, retry: policy = retryPolicy } = options;
  const agentOptions = { connections: maxConnections, connect: { timeout: 10_000 } };
  const proxied = options.useProxy && proxyNames.some((name) => process.env[name]);
  const dispatcher = proxied ? new EnvHttpProxyAgent(agentOptions) : new Agent(agentOptions);
  const headers = {
    authorization: `Bearer ${apiKey}`,
    "content-type": "application/json",
    accept: "application/json",
    "accept-encoding": "identity",
    "user-agent": `${product} node/${process.versions.node}`,
  };

  const once = async (url: string, json: string, signal: AbortSignal) => {
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
        return {};
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
      return failure ? { failure, headers: response.headers } : {};
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
    for (let attempts = 1; ; attempts++) {
      const { failure, headers = {} } = await once(url, json, scope.signal);
      if (!failure) return { attempts };
      mayHaveWritten ||= failure.mayHaveWritten;
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
