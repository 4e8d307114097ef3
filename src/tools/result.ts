import { maxBodyBytes } from "../lib/contract.ts";
import { exactName, quoteList } from "../lib/names.ts";
import { type Issue, shortened } from "./issues.ts";
import { type ErrorCode, type FailureFacts, recovery, settling } from "./messages.ts";
import { adviceOf, causeOf } from "./reasons.ts";
import type { UpdateResult } from "./update-profile/schema.ts";

/** Whom the call is for, once the ids have passed their patterns, and where it was made. */
export type Target = {
  appId?: string | undefined;
  userId?: string | undefined;
  sandbox?: boolean;
};

export type Failure = {
  code: ErrorCode;
  /**
   * `none`: the request surely did not take effect. `unknown`: an attempt left and it is not known
   * what became of it. `partial`: exactly `facts.acknowledgedKeys` were written.
   */
  wrote: "none" | "unknown" | "partial";
  facts: FailureFacts;
  issues?: Issue[];
  requestId?: string;
  /** Overrides the table where the answer itself says more (408, a TLS failure). */
  retryable?: boolean;
  attempts?: number;
};

/** What a call wrote; `verified`: the answer left it open, and reading the profile confirmed it. */
export type Success = { keys: readonly string[]; attempts: number; verified?: boolean };

type ErrorPart = NonNullable<UpdateResult["error"]>;

/**
 * Names that a list in a result holds at most, and characters of them: what is invisible in a name
 * takes up to nine times its room, and a huge call must not get a huge answer.
 */
const maxKeys = 1_000;
const maxCharacters = maxBodyBytes;

const named = (keys: readonly string[]): string[] => {
  const shown: string[] = [];
  let room = maxCharacters;
  for (const key of keys.slice(0, maxKeys)) {
    const name = exactName(key);
    room -= name.length;
    if (room < 0) break;
    shown.push(name);
  }
  return shown;
};

/** What every result begins with. A member that is undefined is not there in JSON. */
const about = (
  status: UpdateResult["status"],
  to: Target,
  keys: readonly string[],
  attempts = 0,
): UpdateResult => {
  const updatedKeys = named(keys);
  return {
    status,
    app_id: to.appId,
    user_id: to.userId,
    updated_keys: updatedKeys,
    updated_keys_total: updatedKeys.length < keys.length ? keys.length : undefined,
    attempts: attempts > 1 ? attempts : undefined,
    sandbox: to.sandbox || undefined,
  };
};

/** The result of a write that was acknowledged as a whole, or found in the profile afterwards. */
export const success = (to: Target, { keys, attempts, verified }: Success): UpdateResult => ({
  ...about("updated", to, keys, attempts),
  verified: verified || undefined,
});

const statusOf = { none: "not_updated", unknown: "unknown", partial: "partially_updated" } as const;

/** How the message ends: what is true of the profile now. */
const ending = ({ wrote, facts, attempts = 0 }: Failure): string => {
  if (wrote === "none") return "; nothing was written.";
  if (wrote === "partial") return ".";
  if (facts.acknowledgedKeys?.length)
    return `; Prelude had acknowledged ${quoteList(facts.acknowledgedKeys)}, and it is unknown what the profile holds now.`;
  return attempts > 1
    ? "; one of the attempts may have been applied, so it is unknown whether the profile changed."
    : "; it is unknown whether the profile changed.";
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

/** What a failed call has to say besides its two sentences. */
type Details = Pick<Failure, "code" | "facts" | "issues" | "requestId" | "retryable">;

/**
 * The `error` of any tool's result: what happened and what to do next, so that either half of the
 * MCP result (text or structured) is enough to go on.
 *
 * @param end how the message ends, full stop included
 * @param after what the next step says further, beginning with a space
 */
export const errorOf = (failed: Details, end: string, after = ""): ErrorPart => {
  const { code, issues, requestId } = failed;
  const facts = explained(failed.facts);
  const row = recovery[code];
  const { apiMessage, keys = [] } = facts;
  const words = apiMessage ? ` Prelude's words: ${JSON.stringify(apiMessage)}` : "";
  return {
    code,
    message: `${row.what(facts)}${end}${words}`,
    keys: keys.length > 0 ? named(keys) : undefined,
    issues: issues && shortened(issues),
    http_status: facts.httpStatus,
    request_id: requestId,
    retryable: failed.retryable ?? row.retryable,
    retry_after_seconds: facts.retryAfterSeconds,
    next_step: `${row.next(facts)}${after}`,
  };
};

/** The result of a call that did not write all it was asked to. */
export const failure = (to: Target, failed: Failure): UpdateResult => {
  const { wrote, attempts } = failed;
  const facts = withTarget(failed.facts, to);
  const written = wrote === "none" ? [] : (facts.acknowledgedKeys ?? []);
  const retryable = failed.retryable ?? recovery[failed.code].retryable;
  return {
    ...about(statusOf[wrote], to, written, attempts),
    error: errorOf(
      { ...failed, facts },
      ending(failed),
      wrote === "unknown" ? settling(failed.code, retryable, facts) : "",
    ),
  };
};

const withTarget = (facts: FailureFacts, { appId, userId }: Target): FailureFacts => {
  const all = { ...facts };
  if (appId !== undefined) all.appId ??= appId;
  if (userId !== undefined) all.userId ??= userId;
  return all;
};
