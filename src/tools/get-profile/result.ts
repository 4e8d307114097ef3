import type { Outcome } from "../../prelude/client.ts";
import { errorOf, type Target, withTarget } from "../error.ts";
import type { Issue } from "../issues.ts";
import type { ErrorCode, FailureFacts } from "../messages.ts";
import type { GetResult } from "./schema.ts";
import type { ProfileView } from "./view.ts";

/** Why a profile was not shown. */
export type Failure = {
  code: ErrorCode;
  /** `not_found`: Prelude said that there is no such user. */
  status: "not_found" | "not_read";
  facts: FailureFacts;
  issues?: Issue[];
  requestId?: string;
  retryable?: boolean;
  attempts: number;
};

export type Found = { userId: string; view: ProfileView; updatedAt?: string; outcome: Outcome };

/** What every result begins with. A member that is undefined is not there in JSON. */
const about = (status: GetResult["status"], to: Target, attempts: number): GetResult => ({
  status,
  app_id: to.appId,
  user_id: to.userId,
  attempts: attempts > 1 ? attempts : undefined,
  sandbox: to.sandbox || undefined,
});

/** The result of a look at a user's profile. */
export const found = (to: Target, { userId, view, updatedAt, outcome }: Found): GetResult => ({
  ...about("found", { ...to, userId }, outcome.attempts),
  profile_keys: view.profileKeys,
  profile: view.profile,
  altered_keys: view.alteredKeys.length > 0 ? view.alteredKeys : undefined,
  hidden_keys: view.hiddenKeys > 0 ? view.hiddenKeys : undefined,
  updated_at: updatedAt,
});

/** The result of a call that shows no profile. */
export const failure = (to: Target, failed: Failure): GetResult => {
  const { status, attempts, facts } = failed;
  const end = status === "not_found" ? "." : "; nothing was read.";
  return {
    ...about(status, to, attempts),
    user_ids: facts.userIds === undefined ? undefined : [...facts.userIds],
    error: errorOf({ ...failed, facts: withTarget(facts, to) }, end),
  };
};
