import type { Outcome, PreludeClient } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
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

export type Profile = Readonly<Record<string, string>>;

export type Write = {
  appId: string;
  userId: string;
  profile: Profile;
  /** The own keys of `profile`, in order. */
  keys: string[];
  onReservedKey: "fail" | "skip";
};

/** All requests of a call taken together. */
type Tally = {
  attempts: number;
  /** Of the last answer. */
  httpStatus: number | undefined;
  requestId: string | undefined;
  retryAfterMs: number | undefined;
  /** True: an attempt may have been applied without having been acknowledged. */
  mayHaveWritten: boolean;
};

/**
 * Everything was written as asked: the last PATCH held all keys, and Prelude acknowledged it, or
 * (`verified`) no answer settled it and reading the profile did.
 */
export type Written = { wrote: "all"; keys: readonly string[]; verified?: true } & Tally;

/** Why a call did not write everything. */
export type Why = RequestFailure | Held;

export type NotWritten = Tally & {
  /**
   * `none`: nothing took effect. `partial`: exactly `acknowledgedKeys` were written. `unknown`: an
   * attempt left and no answer settled what became of it.
   */
  wrote: "none" | "partial" | "unknown";
  why: Why;
  /** With a search, the keys that Prelude refused alone; else those of the request that failed. */
  keys: readonly string[];
  acknowledgedKeys: readonly string[];
  /** How the search of `on_reserved_key: "skip"` ended. */
  search: "none" | "finished" | "stopped";
  /** Keys that Prelude refused together, though it acknowledged every one of them in other company. */
  refusedTogether: readonly string[];
  /** Keys that Prelude refused alone, where others are left that could be written without them. */
  leaveOut: readonly string[];
  /** Of a search that stopped: keys that were neither acknowledged nor refused alone. */
  untried: readonly string[];
};

/** What a write is busy with; never a value, never a key. */
export type WriteProgress =
  /** An attempt failed, with this status or without an answer, and is repeated after `waitMs`. */
  | { step: "retry"; attempt: number; waitMs: number; httpStatus: number | undefined }
  /** Of `of` keys, `trying` are sent, to find the reserved ones. */
  | { step: "search"; trying: number; of: number };

export type WriteScope = {
  client: PreludeClient;
  /** Aborted when the call is cancelled. */
  signal: AbortSignal;
  /** When the call ends, on the clock of `performance.now()`. */
  deadlineAt: number;
  gate: Gate;
  /** Told what takes time. */
  onProgress: (progress: WriteProgress) => void;
};

/**
 * Writes a profile: one PATCH, or several where the API refuses a reserved key and the caller asked
 * to skip those. Never throws for what the API or the network does.
 */
export const writeProfile = async (
  write: Write,
  scope: WriteScope,
): Promise<Written | NotWritten> => {
  const { keys, onReservedKey } = write;
  const sender = createSender(write, scope);
  const first = await sender.send(keys);
  if (first === undefined) return { wrote: "all", keys, ...sender.tally() };
  if (first === "spent") throw new Error("a call's first PATCH cannot be one too many");
  if (first.code === "reserved_profile_key" && onReservedKey === "skip" && keys.length > 1) {
    return writeOthers(write, sender, first, scope);
  }
  const wrote = sender.tally().mayHaveWritten ? "unknown" : "none";
  return { ...noSearch, ...sender.tally(), wrote, why: first, keys };
};

const noSearch = {
  search: "none",
  acknowledgedKeys: [],
  refusedTogether: [],
  leaveOut: [],
  untried: [],
} as const;

/** Sends PATCHes of some of the keys, and keeps count. */
const createSender = (write: Write, scope: WriteScope) => {
  const { appId, userId, profile } = write;
  const { client, signal, deadlineAt, gate, onProgress } = scope;
  let tally: Tally = {
    attempts: 0,
    httpStatus: undefined,
    requestId: undefined,
    retryAfterMs: undefined,
    mayHaveWritten: false,
  };
  /** Sends one PATCH of these keys; undefined: Prelude acknowledged it. */
  const send = async (keys: readonly string[]): Promise<Why | "spent" | undefined> => {
    const outcome = await client.patchProfile(
      { appId, userId, profile: keys === write.keys ? profile : pick(profile, keys) },
      {
        signal,
        deadlineAt,
        admit: gate.admit,
        onRetry: ({ attempt, waitMs, failure: { httpStatus } }) =>
          onProgress({ step: "retry", attempt, waitMs, httpStatus }),
      },
    );
    tally = addTo(tally, outcome);
    if (outcome.held) return gate.held() ?? outcome.failure ?? "spent";
    return outcome.failure;
  };
  return { tally: () => tally, send };
};

const addTo = (tally: Tally, { attempts, failure, retryAfterMs, ...answer }: Outcome): Tally => {
  const { httpStatus, requestId } = failure ?? answer;
  return {
    attempts: tally.attempts + attempts,
    httpStatus,
    requestId,
    retryAfterMs,
    mayHaveWritten: tally.mayHaveWritten || failure?.mayHaveWritten === true,
  };
};

/** Own properties only, so that a key named `__proto__` stays a key. */
const pick = (profile: Profile, keys: readonly string[]): Profile =>
  Object.fromEntries(keys.map((key) => [key, profile[key] as string]));

/** PATCHes that a search leaves for the last one, which writes all accepted keys together. */
const keptForTheLast = 8;

/** Finds the reserved keys and writes the others. */
const writeOthers = async (
  { keys }: Write,
  { send, tally }: ReturnType<typeof createSender>,
  refused: Why,
  { gate, onProgress }: WriteScope,
): Promise<Written | NotWritten> => {
  const found = await separateReserved<Why>(keys, {
    mayGoOn: () => gate.left() > keptForTheLast,
    send: async (group) => {
      onProgress({ step: "search", trying: group.length, of: keys.length });
      const why = await send(group);
      if (why === undefined) return "accepted";
      if (why === "spent") return { stop: refused };
      return why.code === "reserved_profile_key" ? "reserved" : { stop: why };
    },
  });
  if (found.together === "accepted" && found.accepted.length === keys.length) {
    return { wrote: "all", keys, ...tally() };
  }
  return { ...tally(), ...resultOf(found, keys, refused), wrote: wroteOf(found, tally()) };
};

/** What a search wrote, if it did not write everything. */
const wroteOf = (found: Separation<Why>, { mayHaveWritten }: Tally): NotWritten["wrote"] => {
  if (mayHaveWritten) return "unknown";
  if (found.accepted.length === 0) return "none";
  return found.together === "accepted" ? "partial" : "unknown";
};

const resultOf = (found: Separation<Why>, keys: readonly string[], refused: Why) => {
  const { accepted, reserved, stopped } = found;
  const tried = new Set([...accepted, ...reserved]);
  const untried = keys.filter((key) => !tried.has(key));
  const search = stopped || untried.length > 0 ? ("stopped" as const) : ("finished" as const);
  const refusedTogether = found.together === "reserved" ? accepted : [];
  const isRest = reserved.length < keys.length && refusedTogether.length === 0;
  const leaveOut = isRest ? reserved : [];
  const common = { search, acknowledgedKeys: accepted, refusedTogether, leaveOut, untried };
  if (!stopped || stopped.why === refused) return { ...common, why: refused, keys: reserved };
  // What stopped the search is about the last group, not about the reserved keys found before it.
  return { ...common, why: stopped.why, keys: stopped.group };
};
