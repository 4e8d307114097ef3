import { plainName, quoteList } from "../lib/text.ts";
import { type ErrorCode, type FailureFacts, recovery } from "./messages.ts";
import { adviceOf, causeOf } from "./reasons.ts";
import type { Issue, UpdateResult } from "./update-profile/schema.ts";

/** Whom the call is for, once the ids have passed their patterns, and where it was made. */
export type Target = { appId?: string; userId?: string; sandbox?: boolean };

export type Failure = {
  code: ErrorCode;
  /**
   * `none`: the request surely did not take effect. `unknown`: an attempt left and its fate was not
   * learned. `partial`: exactly `facts.acknowledgedKeys` were written.
   */
  wrote: "none" | "unknown" | "partial";
  facts: FailureFacts;
  issues?: Issue[];
  requestId?: string;
  /** Overrides the table where the answer itself says more (408, a TLS failure). */
  retryable?: boolean;
  attempts?: number;
};

const target = ({ appId, userId }: Target) => ({
  ...(appId !== undefined && { app_id: appId }),
  ...(userId !== undefined && { user_id: userId }),
});

const origin = (attempts: number | undefined, { sandbox }: Target) => ({
  ...(attempts !== undefined && attempts > 1 && { attempts }),
  ...(sandbox && { sandbox: true }),
});

/** The result of a documented success. */
export const success = (to: Target, keys: string[], attempts: number): UpdateResult => ({
  status: "updated",
  ...target(to),
  updated_keys: keys,
  ...origin(attempts, to),
});

const statusOf = { none: "not_updated", unknown: "unknown", partial: "partially_updated" } as const;

const outcome = ({ wrote, facts, attempts }: Failure): string => {
  if (wrote === "none") return "; nothing was written.";
  if (wrote === "partial") return ".";
  if (facts.acknowledgedKeys?.length)
    return `; Prelude had acknowledged ${quoteList(facts.acknowledgedKeys)}, and it is unknown what the profile holds now.`;
  return attempts !== undefined && attempts > 1
    ? "; one of the attempts may have been applied, so it is unknown whether the profile changed."
    : "; it is unknown whether the profile changed.";
};

const settle = (wrote: Failure["wrote"], retryable: boolean): string => {
  if (wrote !== "unknown") return "";
  return retryable
    ? " The identical call is safe to repeat and settles it: once it answers updated, the values are saved. Until then say that it is unknown."
    : " Say that it is unknown whether the values were saved.";
};

/** Entries that a list in an error holds at most, so that a huge call does not get a huge answer. */
const maxKeys = 1_000;
const maxIssues = 200;

const shortened = (issues: Issue[]): Issue[] => {
  if (issues.length <= maxIssues) return issues;
  const more = issues.length - maxIssues;
  const last = { path: "arguments", received: `${more} more problems`, accepted: "the same" };
  return [...issues.slice(0, maxIssues), last];
};

/** The facts, with words about the reason where nobody has found better ones. */
const explained = (facts: FailureFacts): FailureFacts => {
  const { reason, reasonDetail, httpStatus } = facts;
  if (reason === undefined) return facts;
  const detail = httpStatus === undefined ? reasonDetail : { ...reasonDetail, httpStatus };
  const advice = adviceOf(reason, detail);
  const words = { cause: causeOf(reason, detail), ...facts };
  return advice === undefined ? words : { advice, ...words };
};

/**
 * The result of a failure: its code, whether anything was written, and the next step, so that
 * either half of the MCP result (text or structured) is enough to go on.
 */
export const failure = (to: Target, failed: Failure): UpdateResult => {
  const { code, wrote, issues, requestId } = failed;
  const facts: FailureFacts = { ...to, ...explained(failed.facts) };
  const row = recovery[code];
  const retryable = failed.retryable ?? row.retryable;
  const words = facts.apiMessage ? ` Prelude's words: ${JSON.stringify(facts.apiMessage)}` : "";
  return {
    status: statusOf[wrote],
    ...target(to),
    updated_keys: wrote === "none" ? [] : [...(facts.acknowledgedKeys ?? [])],
    ...origin(failed.attempts, to),
    error: {
      code,
      message: `${row.what(facts)}${outcome(failed)}${words}`,
      ...(facts.keys?.length && { keys: facts.keys.slice(0, maxKeys).map(plainName) }),
      ...(issues && { issues: shortened(issues) }),
      ...(facts.httpStatus !== undefined && { http_status: facts.httpStatus }),
      ...(requestId && { request_id: requestId }),
      retryable,
      ...(facts.retryAfterSeconds !== undefined && {
        retry_after_seconds: facts.retryAfterSeconds,
      }),
      next_step: `${row.next(facts)}${settle(wrote, retryable)}`,
    },
  };
};
