import type { Patch, PreludeClient } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import type { CallScope } from "../prelude/request.ts";
import { type Separation, separateReserved } from "./reserved-keys.ts";

/** Why a request may not leave; `stopping`: the server is about to end. */
export type Held =
  | { code: "too_many_writes" | "too_many_reads"; waitMs: number }
  | { code: "audit_unavailable" | "stopping" };

/** What a call passes before each of its requests. */
export type Gate = {
  /** Whether the next request may leave; it then counts as sent. */
  admit: () => boolean;
  /** Why the first one was held, if it was. */
  held: () => Held | undefined;
  /** How many more may leave. */
  left: () => number;
};

export type Write = Patch & {
  keys: string[];
  onReservedKey: "fail" | "skip";
};

type Tally = {
  attempts: number;
  httpStatus?: number | undefined;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  /** True: an attempt may have been applied without having been acknowledged. */
  mayHaveWritten: boolean;
};

/** The last PATCH held all keys, and Prelude acknowledged it, or (`verified`) a look settled it. */
export type Written = { wrote: "all"; keys: readonly string[]; verified?: true } & Tally;

type Why = RequestFailure | Held;

export type NotWritten = Tally & {
  /**
   * `none`: nothing took effect. `partial`: exactly `acknowledgedKeys` were written. `unknown`: an
   * attempt left and no answer settled what became of it.
   */
  wrote: "none" | "partial" | "unknown";
  why: Why;
  /** With a search, the keys that Prelude refused alone; else those of the request that failed. */
  keys: readonly string[];
  /** From here on: of a search for reserved keys only. */
  acknowledgedKeys?: readonly string[];
  search?: "finished" | "stopped";
  /** Keys that Prelude refused together, though it acknowledged every one of them in other company. */
  refusedTogether?: readonly string[];
  /** Keys that Prelude refused alone, where others are left that could be written without them. */
  leaveOut?: readonly string[];
  /** Keys that were neither acknowledged nor refused alone. */
  untried?: readonly string[];
};

/** What a write is busy with; never a value, never a key. */
export type WriteProgress =
  /** An attempt failed, with this status or without an answer, and is repeated after `waitMs`. */
  | { step: "retry"; attempt: number; waitMs: number; httpStatus: number | undefined }
  /** Of `of` keys, `trying` are sent, to find the reserved ones. */
  | { step: "search"; trying: number; of: number };

type WriteScope = Pick<CallScope, "signal" | "deadlineAt"> & {
  client: PreludeClient;
  gate: Gate;
  onProgress: (progress: WriteProgress) => void;
};

/** PATCHes that a search leaves for the last one, which writes all accepted keys together. */
const keptForTheLast = 8;

/**
 * One PATCH, or several where the API refuses a reserved key and the caller asked to skip those.
 * Never rejects for what the API or the network does.
 */
export const writeProfile = async (
  write: Write,
  scope: WriteScope,
): Promise<Written | NotWritten> => {
  const { keys, onReservedKey } = write;
  const { send, tally } = createSender(write, scope);
  const why = await send(keys);
  if (!why) return { wrote: "all", keys, ...tally };
  if (why.code === "reserved_profile_key" && onReservedKey === "skip" && keys.length > 1) {
    const trying = (group: readonly string[]) => {
      scope.onProgress({ step: "search", trying: group.length, of: keys.length });
      return send(group);
    };
    const mayGoOn = () => scope.gate.left() > keptForTheLast;
    return outcomeOf(await separateReserved(keys, trying, mayGoOn), keys, why, tally);
  }
  return { ...tally, wrote: tally.mayHaveWritten ? "unknown" : "none", why, keys };
};

/** Sends PATCHes of some of the keys, each answered with nothing where Prelude acknowledged it. */
const createSender = ({ appId, userId, profile }: Write, scope: WriteScope) => {
  const { client, signal, deadlineAt, gate, onProgress } = scope;
  const tally: Tally = { attempts: 0, mayHaveWritten: false };
  const send = async (keys: readonly string[]): Promise<Why | undefined> => {
    // Own properties only, so that a key named `__proto__` stays a key.
    const part = Object.fromEntries(keys.map((key) => [key, profile[key] as string]));
    const outcome = await client.patchProfile(
      { appId, userId, profile: part },
      {
        signal,
        deadlineAt,
        admit: gate.admit,
        onRetry: ({ attempt, waitMs, failure: { httpStatus } }) =>
          onProgress({ step: "retry", attempt, waitMs, httpStatus }),
      },
    );
    const { failure, held, retryAfterMs } = outcome;
    const { httpStatus, requestId } = failure ?? outcome;
    Object.assign(tally, { httpStatus, requestId, retryAfterMs });
    tally.attempts += outcome.attempts;
    tally.mayHaveWritten ||= failure?.mayHaveWritten === true;
    const why = held ? (gate.held() ?? failure) : failure;
    if (held && !why) throw new Error("a call's PATCH was one too many");
    return why;
  };
  return { send, tally };
};

/** What a search wrote; `refused` is the answer to all keys together, before it. */
const outcomeOf = (
  { accepted, reserved, together, stopped }: Separation<Why>,
  keys: readonly string[],
  refused: Why,
  tally: Tally,
): Written | NotWritten => {
  if (together === "accepted" && accepted.length === keys.length) {
    return { wrote: "all", keys, ...tally };
  }
  const tried = new Set([...accepted, ...reserved]);
  const untried = keys.filter((key) => !tried.has(key));
  const refusedTogether = together === "reserved" ? accepted : [];
  const isRest = reserved.length < keys.length && refusedTogether.length === 0;
  const settled = together === "accepted" ? "partial" : accepted.length === 0 ? "none" : "unknown";
  return {
    ...tally,
    wrote: tally.mayHaveWritten ? "unknown" : settled,
    // What stopped the search is about the last group, not about the reserved keys found before it.
    why: stopped?.why ?? refused,
    keys: stopped?.group ?? reserved,
    acknowledgedKeys: accepted,
    search: stopped || untried.length > 0 ? "stopped" : "finished",
    refusedTogether,
    leaveOut: isRest ? reserved : [],
    untried,
  };
};
