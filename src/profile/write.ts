import type { PreludeClient } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import type { FailureFacts } from "../tools/messages.ts";
import type { Failure } from "../tools/result.ts";
import type { Deadline } from "./deadline.ts";
import { separateReserved } from "./reserved-keys.ts";

export type Profile = Readonly<Record<string, string>>;

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

/** How a failed call looks from outside, all its requests taken together. */
type Tally = {
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
  let tally: Tally = { attempts: 0, mayHaveWritten: false, retryAfterMs: undefined };

  const patch = async (part: Profile): Promise<RequestFailure | undefined> => {
    const { attempts, failure, retryAfterMs } = await client.patchProfile(
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
    tally = {
      attempts: tally.attempts + attempts,
      mayHaveWritten: tally.mayHaveWritten || (failure?.mayHaveWritten ?? false),
      retryAfterMs,
    };
    return failure;
  };

  const first = await patch(profile);
  if (!first) return { keys, attempts: tally.attempts };
  const skip =
    first.code === "reserved_profile_key" && write.onReservedKey === "skip" && keys.length > 1;
  if (!skip) return describe(first, tally, timeoutMs, { keys });

  let last: { group: readonly string[]; failure: RequestFailure | undefined } | undefined;
  const { accepted, reserved, stopped } = await separateReserved(keys, async (group) => {
    progress(
      `Looking for the keys that Prelude reserves: trying ${group.length} of ${keys.length}`,
    );
    last = { group, failure: await patch(pick(profile, group)) };
    if (!last.failure) return "accepted";
    return last.failure.code === "reserved_profile_key" ? "reserved" : "stop";
  });
  const acknowledged = accepted.length > 0 && { acknowledgedKeys: accepted };
  if (!stopped) {
    const facts = { keys: reserved, search: "finished", ...acknowledged } as const;
    const found = describe(first, tally, timeoutMs, facts);
    return accepted.length > 0 ? { ...found, wrote: "partial" } : found;
  }
  // What stopped the search is about the last group, not about the reserved keys found before it.
  const cause = last?.failure ?? first;
  const about = cause.code === "reserved_profile_key" ? reserved : (last?.group ?? keys);
  return describe(cause, tally, timeoutMs, { keys: about, search: "stopped", ...acknowledged });
};

/** Codes that are about the keys of the request. */
const aboutKeys: ReadonlySet<string> = new Set([
  "invalid_request",
  "reserved_profile_key",
  "api_error",
]);

const describe = (
  failed: RequestFailure,
  tally: Tally,
  timeoutMs: number,
  { keys, ...search }: Pick<FailureFacts, "keys" | "acknowledgedKeys" | "search">,
): Failure => {
  const { code, apiMessage, requestId, retryable, mayHaveWritten: _, ...said } = failed;
  const { attempts, mayHaveWritten, retryAfterMs } = tally;
  const mentionedKey =
    apiMessage && keys && keys.length > 1 ? mentioned(apiMessage, keys) : undefined;
  const facts: FailureFacts = {
    ...(code === "timeout" && {
      cause: `The deadline of ${timeoutMs} ms passed before Prelude answered`,
    }),
    ...said,
    ...search,
    ...(apiMessage && { apiMessage }),
    ...(keys && aboutKeys.has(code) && { keys }),
    ...(mentionedKey !== undefined && { mentionedKey }),
    ...(retryAfterMs !== undefined && { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) }),
  };
  return {
    code,
    wrote: mayHaveWritten || search.acknowledgedKeys ? "unknown" : "none",
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
