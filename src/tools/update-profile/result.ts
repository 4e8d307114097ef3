import { quoteList } from "../../lib/names.ts";
import { errorOf, named, type Target, withTarget } from "../error.ts";
import type { Issue } from "../issues.ts";
import { type ErrorCode, type FailureFacts, recovery, settling } from "../messages.ts";
import type { UpdateResult } from "./schema.ts";

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
