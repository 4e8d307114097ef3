import type { RequestFailure } from "./errors.ts";

/**
 * Which failures are repeated, how often and how long apart. A repeat is safe for every one of
 * them because the call sets literal values. The numbers are those of Prelude's own server SDKs.
 */
export const retryPolicy = {
  maxRetries: 2,
  statuses: [408, 429, 500, 502, 503, 504] as readonly number[],
  codes: ["unreachable", "connection_lost"] as readonly RequestFailure["code"][],
  firstDelayMs: 500,
  factor: 2,
  maxDelayMs: 8_000,
  /** A delay is shortened by up to this share, so that many clients do not come back together. */
  jitter: 0.25,
};

export type RetryPolicy = typeof retryPolicy;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const header = (headers: Headers, name: string): string => {
  // Sent twice, it counts if it says the same.
  const [value = "", ...others] = new Set([headers[name] ?? ""].flat());
  return others.length > 0 ? "" : value.trim();
};

/** The longest wait that is taken for an answer to "when", in milliseconds. */
const maxAskedMs = 24 * 60 * 60 * 1000;

/**
 * How long the API asks to wait, in milliseconds: `retry-after-ms`, else `Retry-After` in seconds
 * or as an HTTP date (RFC 9110, 10.2.3); undefined where it does not say. A wait of more than
 * 24 hours counts as not said: nobody can plan with it, and it is rather a defect than an answer.
 *
 * @param now wall-clock time in milliseconds since the epoch
 */
export const askedDelayMs = (headers: Headers, now: number): number | undefined =>
  [
    plainNumber(header(headers, "retry-after-ms")),
    plainNumber(header(headers, "retry-after")) * 1000,
    Math.max(0, dateOf(header(headers, "retry-after")) - now),
  ].find((ms) => ms <= maxAskedMs);

const plainNumber = (text: string): number =>
  /^\d{1,12}(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;

/** Of the forms of an HTTP date, the one that does not say that it is in GMT (RFC 9110, 5.6.7). */
const asctime = /^[A-Za-z]{3} [A-Za-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

const dateOf = (text: string): number => {
  if (!/^[A-Za-z]{3}/.test(text)) return Number.NaN;
  return Date.parse(asctime.test(text) ? `${text} GMT` : text);
};

/** Whether this failure is worth repeating at once, and what the API asked for. */
export const isRetried = (
  failure: RequestFailure,
  headers: Headers,
  policy: RetryPolicy,
): boolean => {
  const word = header(headers, "x-should-retry").toLowerCase();
  if (failure.httpStatus !== undefined && (word === "true" || word === "false"))
    return word === "true";
  if (failure.httpStatus !== undefined && failure.httpStatus >= 300)
    return policy.statuses.includes(failure.httpStatus);
  return policy.codes.includes(failure.code) && failure.retryable !== false;
};

/** Exponential backoff with jitter, in milliseconds, before retry number `retry` (0 is the first). */
export const backoffMs = (retry: number, policy: RetryPolicy, random: () => number): number =>
  Math.min(policy.firstDelayMs * policy.factor ** retry, policy.maxDelayMs) *
  (1 - policy.jitter * random());
