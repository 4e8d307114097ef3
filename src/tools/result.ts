import type { RequestFailure } from "../prelude/errors.ts";
import type { Held } from "../profile/write.ts";
import type { ReadArguments } from "./arguments.ts";
import { type Issue, shortened } from "./fields.ts";
import { type ErrorCode, type FailureFacts, type Recovery, recovery } from "./messages.ts";
import { adviceOf, causeOf } from "./reasons.ts";

/** Why a call did not do what it was asked to. */
export type Failed = {
  code: ErrorCode;
  facts: FailureFacts;
  issues?: readonly Issue[];
  requestId?: string | undefined;
  /** Overrides the table where the answer itself says more (408, a TLS failure). */
  retryable?: boolean | undefined;
  attempts: number;
  /**
   * Of a write: nothing took effect (so it is unless this is given), exactly
   * `facts.acknowledgedKeys` did, or an attempt left and it is not known what became of it.
   */
  wrote?: "none" | "partial" | "unknown";
};

/** A call for which nothing was sent. */
export const refused = (code: ErrorCode, facts: FailureFacts = {}): Failed => ({
  code,
  facts,
  attempts: 0,
});

const secondsOf = (ms: number): number => Math.ceil(ms / 1000);

/** A call whose minute has no place left. */
export const tooMany = (code: "too_many_writes" | "too_many_reads", waitMs: number): Failed =>
  refused(code, { retryAfterSeconds: secondsOf(waitMs) });

type Tally = { attempts: number; retryAfterMs?: number | undefined };

/** A call that Prelude, the network or this server's own limits ended. */
export const failedBy = (
  why: RequestFailure | Held,
  { attempts, retryAfterMs }: Tally,
  timeoutMs: number,
): Failed => {
  if ("waitMs" in why) return { ...tooMany(why.code, why.waitMs), attempts };
  if (!("mayHaveWritten" in why)) return { ...refused(why.code), attempts };
  const { code, requestId, retryable, reason, reasonDetail, apiCode, apiMessage, httpStatus } = why;
  const facts: FailureFacts = { reason, reasonDetail, apiCode, apiMessage, httpStatus };
  if (code === "timeout") facts.timeoutMs = timeoutMs;
  // No wait at all has been tried by then.
  if (retryAfterMs) facts.retryAfterSeconds = secondsOf(retryAfterMs);
  return { code, facts, requestId, retryable, attempts };
};

/** Names that a list in a result holds at most: a huge call must not get a huge answer. */
const maxListed = 1_000;

/** Names as a list in a result shows them. */
export const listed = (keys: readonly string[]): string[] => keys.slice(0, maxListed);

/** The facts, with words about the reason. */
const explained = (facts: FailureFacts): FailureFacts => {
  const { reason, reasonDetail, httpStatus } = facts;
  if (reason === undefined) return facts;
  const detail = httpStatus === undefined ? { ...reasonDetail } : { ...reasonDetail, httpStatus };
  return { ...facts, cause: causeOf(reason, detail), advice: adviceOf(reason, detail) };
};

/** Whether the identical call may succeed later. */
export const isRetryable = ({ code, retryable }: Failed): boolean => {
  const row: Recovery = recovery[code];
  return retryable ?? row.retryable ?? false;
};

/**
 * The `error` of any tool's result: what happened and what to do next, so that either half of the
 * MCP result (text or structured) is enough to go on.
 *
 * @param end how the message ends, full stop included
 * @param after what the next step says further, beginning with a space
 */
export const errorOf = (failed: Failed, end: string, after = "") => {
  const { code, issues, requestId } = failed;
  const facts = explained(failed.facts);
  const row = recovery[code];
  const { apiMessage, keys = [] } = facts;
  const words = apiMessage ? ` Prelude's words: ${JSON.stringify(apiMessage)}` : "";
  return {
    code,
    message: `${row.what(facts)}${end}${words}`,
    keys: keys.length > 0 ? listed(keys) : undefined,
    issues: issues && shortened(issues),
    http_status: facts.httpStatus,
    request_id: requestId,
    retryable: isRetryable(failed),
    retry_after_seconds: facts.retryAfterSeconds,
    next_step: `${row.next(facts)}${after}`,
  };
};

/**
 * The one form of every result. A member that is undefined is not there in JSON.
 *
 * @param read what the call asked for
 * @param note what is to be said of undeclared arguments
 * @param shown what only this tool's results have
 */
export const resultOf = <Status extends string, Shown extends object>(
  status: Status,
  { target, ignored, issues }: Pick<ReadArguments<unknown>, "target" | "ignored" | "issues">,
  { sandbox, attempts, note }: { sandbox: boolean; attempts: number; note: string },
  shown: Shown,
  error?: ReturnType<typeof errorOf>,
) => {
  // An answer about issues names undeclared arguments there.
  const isNoted = ignored.length > 0 && issues.length === 0;
  return {
    status,
    app_id: target.appId,
    user_id: target.userId,
    ...shown,
    ignored_arguments: isNoted ? ignored : undefined,
    note: isNoted ? note : undefined,
    attempts: attempts > 1 ? attempts : undefined,
    sandbox: sandbox || undefined,
    error,
  };
};
