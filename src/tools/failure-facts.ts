import type { Outcome } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import type { Held } from "../profile/admission.ts";
import type { FailureFacts } from "./messages.ts";

const secondsOf = (ms: number): number => Math.ceil(ms / 1000);

/** What the sentences need to know of a call that was held back before anything was sent. */
export const heldFacts = (held: Held): FailureFacts =>
  "waitMs" in held ? { retryAfterSeconds: secondsOf(held.waitMs) } : {};

/** What the sentences need to know of a request that failed. */
export const requestFacts = (
  { code, reason, reasonDetail, apiCode, apiMessage, httpStatus }: RequestFailure,
  { retryAfterMs }: Pick<Outcome, "retryAfterMs"> | { retryAfterMs: number | undefined },
  timeoutMs: number,
): FailureFacts => {
  const facts: FailureFacts = {};
  if (reason !== undefined) facts.reason = reason;
  if (reasonDetail !== undefined) facts.reasonDetail = reasonDetail;
  if (code === "timeout") facts.timeoutMs = timeoutMs;
  if (apiCode !== undefined) facts.apiCode = apiCode;
  if (apiMessage !== undefined) facts.apiMessage = apiMessage;
  if (httpStatus !== undefined) facts.httpStatus = httpStatus;
  if (retryAfterMs !== undefined) facts.retryAfterSeconds = secondsOf(retryAfterMs);
  return facts;
};
