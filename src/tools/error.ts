import { maxBodyBytes } from "../lib/contract.ts";
import { escapeInvisible } from "../lib/text.ts";
import { type Issue, shortened } from "./issues.ts";
import { type ErrorCode, type FailureFacts, recovery } from "./messages.ts";
import { adviceOf, causeOf } from "./reasons.ts";
import type { UpdateResult } from "./update-profile/schema.ts";

/** Whom the call is for, once the ids have passed their patterns, and where it was made. */
export type Target = {
  appId?: string | undefined;
  userId?: string | undefined;
  sandbox?: boolean;
};

type ErrorPart = NonNullable<UpdateResult["error"]>;

/**
 * Names that a list in a result holds at most, and characters of them: what is invisible in a name
 * takes up to nine times its room, and a huge call must not get a huge answer.
 */
const maxKeys = 1_000;
const maxCharacters = maxBodyBytes;

/** Names as a list in a result shows them. */
export const named = (keys: readonly string[]): string[] => {
  const shown: string[] = [];
  let room = maxCharacters;
  for (const key of keys.slice(0, maxKeys)) {
    const name = escapeInvisible(key);
    if (name.length > room) continue;
    room -= name.length;
    shown.push(name);
  }
  return shown;
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
type Details = {
  code: ErrorCode;
  facts: FailureFacts;
  issues?: Issue[];
  requestId?: string;
  /** Overrides the table where the answer itself says more (408, a TLS failure). */
  retryable?: boolean;
};

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

/** The facts, with whom the call is for, unless they say so themselves. */
export const withTarget = (facts: FailureFacts, { appId, userId }: Target): FailureFacts => {
  const all = { ...facts };
  if (appId !== undefined) all.appId ??= appId;
  if (userId !== undefined) all.userId ??= userId;
  return all;
};
