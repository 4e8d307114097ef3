import type { Outcome } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import type { Held } from "../profile/write.ts";
import type { Dependencies } from "./dependencies.ts";
import type { ErrorCode, FailureFacts } from "./messages.ts";
import type { ToolCall } from "./tool.ts";

const secondsOf = (ms: number): number => Math.ceil(ms / 1000);

/** What the sentences need to know of a call that was held back before anything was sent. */
export const heldFacts = (held: Held): FailureFacts => {
  if (held.code === "stopping") return { stopping: true };
  return "waitMs" in held ? { retryAfterSeconds: secondsOf(held.waitMs) } : {};
};

/** Codes of calls that were cut off, at Prelude or while a person was asked. */
const cutOff: ReadonlySet<ErrorCode> = new Set([
  "timeout",
  "confirmation_timeout",
  "confirmation_unavailable",
]);

/** Who cut a call off, if anybody did. */
export type CutOffBy = "client" | "server" | undefined;

export const cutOffBy = (
  { signal }: Pick<ToolCall, "signal">,
  { isStopping }: Pick<Dependencies, "isStopping">,
): CutOffBy => {
  if (!signal.aborted) return undefined;
  return isStopping() ? "server" : "client";
};

/** A failure, with the end of the server as its cause where that is what cut the call off. */
export const inViewOfEnd = <F extends { code: ErrorCode; facts: FailureFacts }>(
  failure: F,
  by: CutOffBy,
): F | (Omit<F, "code"> & { code: "timeout" }) => {
  const { code, facts } = failure;
  if (by !== "server" || !cutOff.has(code)) return failure;
  return { ...failure, code: "timeout", facts: { ...facts, stopping: true } };
};

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
  // No wait at all has been tried by then.
  if (retryAfterMs) facts.retryAfterSeconds = secondsOf(retryAfterMs);
  return facts;
};
