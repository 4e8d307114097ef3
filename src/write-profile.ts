import type { Profile } from "./arguments.ts";
import type { Deadline } from "./deadline.ts";
import type { PatchOutcome, PreludeClient } from "./prelude/client.ts";
import type { RequestFailure } from "./prelude/errors.ts";
import type { FailureFacts } from "./recovery.ts";
import { separateReserved } from "./reserved-keys.ts";
import type { Failure } from "./result.ts";

export type Write = {
  appId: string;
  userId: string;
  profile: Profile;
  keys: string[];
  onReservedKey: "fail" | "skip";
};

/** Everything was written as asked. */
export type Written = { keys: string[]; attempts: number };

type Scope = {
  client: PreludeClient;
  deadline: Deadline;
  timeoutMs: number;
  progress: (message: string) => void;
};

/** What all requests of one call have in common when one of them failed for good. */
type Sent = {
  keys: string[];
  writtenKeys?: string[];
  skipped?: boolean;
  attempts: number;
  mayHaveWritten: boolean;
  retryAfterMs: number | undefined;
};

/**
 * Writes a profile: one PATCH, or several where the API refuses a reserved key and the caller asked
 * to skip those. Never throws for what the API or the network does.
 */
export const writeProfile = async (write: Write, scope: Scope): Promise<Failure | Written> => {
  const { appId, userId, profile, keys } = write;
  const { client, deadline, timeoutMs, progress } = scope;
  let attempts = 0;
  let mayHaveWritten = false;
  let last: PatchOutcome = { attempts: 0 };

  const patch = async (part: Profile): Promise<RequestFailure | undefined> => {
    last = await client.patchProfile(
      { appId, userId, profile: part },
      {
        signal: deadline.signal,
        deadlineAt: deadline.at(),
        onRetry: ({ attempt, waitMs, failure: { httpStatus } }) => {
          const why =
            httpStatus === undefined
              ? "The connection to Prelude failed"
              : `Prelude answered ${httpStatus}`;
          progress(`${why} at attempt ${attempt}; repeating in ${(waitMs / 1000).toFixed(1)} s`);
        },
      },
    );
    attempts += last.attempts;
    mayHaveWritten ||= last.failure?.mayHaveWritten ?? false;
    return last.failure;
  };

  const sent = (more: Pick<Sent, "keys" | "writtenKeys" | "skipped">): Sent => ({
    ...more,
    attempts,
    mayHaveWritten,
    retryAfterMs: last.retryAfterMs,
  });

  const failed = await patch(profile);
  if (!failed) return { keys, attempts };
  const skip =
    failed.code === "reserved_profile_key" && write.onReservedKey === "skip" && keys.length > 1;
  if (!skip) return describe(failed, sent({ keys }), timeoutMs);

  const found = await separateReserved(keys, async (group) => {
    progress(
      `Looking for the keys that Prelude reserves: trying ${group.length} of ${keys.length}`,
    );
    const refused = await patch(pick(profile, group));
    if (!refused) return "accepted";
    return refused.code === "reserved_profile_key" ? "reserved" : "stop";
  });
  const { accepted, reserved, stopped } = found;
  const failure = describe(
    (stopped && last.failure) || failed,
    sent({ keys: reserved, writtenKeys: accepted, skipped: true }),
    timeoutMs,
  );
  return stopped || accepted.length === 0 ? failure : { ...failure, wrote: "partial" };
};

const keysAtFault: ReadonlySet<string> = new Set([
  "invalid_request",
  "reserved_profile_key",
  "api_error",
]);

const describe = (failed: RequestFailure, sent: Sent, timeoutMs: number): Failure => {
  const { code, apiMessage, requestId, retryable } = failed;
  const { keys, writtenKeys = [], attempts, retryAfterMs } = sent;
  const mentionedKey = apiMessage && keys.length > 1 ? mentioned(apiMessage, keys) : undefined;
  const facts: FailureFacts = {
    ...(code === "timeout" && { cause: `Prelude did not answer within ${timeoutMs} ms` }),
    ...failed,
    ...((keysAtFault.has(code) || sent.skipped) && { keys }),
    ...(writtenKeys.length > 0 && { writtenKeys }),
    ...(sent.skipped && { skipped: true }),
    ...(mentionedKey !== undefined && { mentionedKey }),
    ...(retryAfterMs !== undefined && { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) }),
  };
  return {
    code,
    wrote: sent.mayHaveWritten || writtenKeys.length > 0 ? "unknown" : "none",
    facts,
    attempts,
    ...(requestId !== undefined && { requestId }),
    ...(retryable !== undefined && { retryable }),
  };
};

/** Own properties only, so that a key named `__proto__` stays a key. */
const pick = (profile: Profile, keys: readonly string[]): Profile =>
  Object.fromEntries(keys.map((key) => [key, profile[key] as string]));

/** The API document's example message, whose words say nothing about the keys of a call. */
const documentedMessage = "The profile key is reserved and cannot be used.";

/** The one key of the call that the API's message mentions as a word of its own. */
const mentioned = (message: string, keys: readonly string[]): string | undefined => {
  const words = new Set(
    message.replace(documentedMessage, "").match(/[\p{L}\p{N}_.:-]*[\p{L}\p{N}_]/gu),
  );
  const found = keys.filter((key) => words.has(key));
  return found.length === 1 ? found[0] : undefined;
};
