import { createGate } from "../../guards/gate.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import { createRateLimit } from "../../guards/rate-limit.ts";
import { maxKeyCharacters } from "../../lib/contract.ts";
import { isObject } from "../../lib/json.ts";
import { createTurns } from "../../profile/turns.ts";
import { type Gate, type Write, type Written, writeProfile } from "../../profile/write.ts";
import { type ReadArguments, readArguments } from "../arguments.ts";
import type { Dependencies, UseCase } from "../call.ts";
import { type Issue, namePath, userIdAdvice } from "../fields.ts";
import { type Failed, refused, settling, writtenEnd } from "../messages.ts";
import { errorOf, failedBy, inCall, isRetryable, listed, resultOf } from "../result.ts";
import { dryRunNote, writeText } from "../words.ts";
import { askPerson, isWritten, keptMs, type WriteCall } from "./ask.ts";
import { type Arguments, argumentsSpec, nameFlaw, type UpdateResult } from "./schema.ts";

const createState = (deps: Dependencies) => ({
  ...deps,
  spec: argumentsSpec(deps.config),
  refusedKeys: createKeyCheck(deps.config),
  turns: createTurns(),
  writes: createRateLimit(deps.config.maxWritesPerMinute, deps.now),
  questions: createRateLimit(deps.config.maxWritesPerMinute, deps.now),
});

type Read = ReadArguments<Arguments>;
type Job = WriteCall & { state: ReturnType<typeof createState>; read: Read; keys: string[] };

/** `nothing`: a dry run came to where a write would have left. */
type Rehearsed = { wrote: "nothing" } & Pick<
  Written,
  "keys" | "attempts" | "httpStatus" | "requestId"
>;
type Outcome = Failed | Written | Rehearsed;

/** The use case: arguments -> guards -> one PATCH (or a few) -> what is true now and what to do next. */
export const createUpdateProfile = (deps: Dependencies): UseCase => {
  const state = createState(deps);
  return async (call, trace) => {
    const read = readArguments(state.spec, call.arguments, state.secrets);
    const keys = sentKeys(read);
    trace.about(read.target, read.asked, { keys });
    const job = { state, call, trace, read, keys };
    const write = checkCall(job);
    const asked = "code" in write || !state.config.confirm ? write : await askPerson(job, write);
    if ("question" in asked) return asked;
    const outcome = "code" in asked ? asked : await writeInTurn(job, asked);
    const { httpStatus, requestId, attempts } = outcome;
    trace.about({ httpStatus, requestId, attempts, updatedKeys: writtenKeys(outcome) });
    return updateResult(job, outcome);
  };
};

/** The keys of a call, also of one that is refused; then as far as anybody reads them. */
const sentKeys = ({ data, args: { profile } }: Read): string[] => {
  if (data) return Object.keys(data.profile);
  if (!isObject(profile)) return [];
  return listed(Object.keys(profile).filter((key) => key.length <= maxKeyCharacters));
};

const refusedKeyIssue = (key: string): Issue => ({
  path: `profile.${namePath(key)}`,
  received: "a key that this server may not write",
  accepted: "only keys that it may write; tell the person which one is not permitted",
});

/** What is to be written, or why it must not be: as far as that can be told at once. */
const checkCall = ({ state, read, keys }: Job): Write | Failed => {
  const { config, sandbox, refusedKeys } = state;
  const { data, issues, isSound, advice } = read;
  if (config.apiKey === undefined && !sandbox) return refused("not_configured");
  const named = data ? keys : keys.filter((key) => nameFlaw(key) === undefined);
  const refusal = refusedKeys(named);
  const refusals = refusal?.keys.map(refusedKeyIssue) ?? [];
  const paths = new Set(refusals.map(({ path }) => path));
  // What a refused key holds does not matter any more.
  const others = issues.filter(({ path }) => !paths.has(path));
  if (others.length > 0) {
    const words = advice ?? userIdAdvice(issues, config.read !== "off");
    const all = [...others, ...refusals];
    return refused("invalid_arguments", {
      advice: words,
      issues: all,
      isSound: isSound && !refusal,
    });
  }
  if (!data || refusal) {
    return refused("key_not_allowed", { ...refusal, allowedKeys: config.allowedKeys });
  }
  const { app_id: appId, user_id: userId, profile, on_reserved_key = "fail" } = data;
  return { appId, userId, profile, keys, onReservedKey: on_reserved_key };
};

const writeInTurn = async (job: Job, write: Write): Promise<Outcome> => {
  const { state, call } = job;
  const { turns, config } = state;
  // Only from here on: waiting for a person must not use up Prelude's time.
  const timeoutMs = config.timeoutMs - keptMs(config);
  const deadlineAt = performance.now() + timeoutMs;
  const line = `${write.appId}/${write.userId}`;
  const release = await turns.take(line, call.signal, deadlineAt);
  if (!release) return refused("timeout", { waitedForTurn: true, timeoutMs });
  try {
    return await send(job, write, deadlineAt);
  } finally {
    release();
  }
};

const aboutKeys = ["invalid_request", "reserved_profile_key", "api_error"];

const send = async (job: Job, write: Write, deadlineAt: number): Promise<Outcome> => {
  const { config, writes, isStopping } = job.state;
  const { signal, progress } = job.call;
  const gate = createGate(writes, "too_many_writes", job.trace, isStopping);
  if (config.write === "dry-run") return rehearse(job, write, gate);
  const outcome = await writeProfile(write, {
    client: await job.state.client(),
    signal,
    deadlineAt,
    gate,
    onProgress: (step) => progress(writeText(step)),
  });
  if (outcome.wrote === "all") return outcome;
  const { why, keys, ...facts } = outcome;
  // A reserved key is never in the profile, so that reading could not confirm the whole.
  const isOpen = outcome.wrote === "unknown" && !outcome.leaveOut?.length;
  if (isOpen && config.read !== "off" && (await isWritten(job, write))) {
    return { ...outcome, wrote: "all", keys: write.keys, verified: true };
  }
  const failed = failedBy(why, outcome, config.timeoutMs - keptMs(config));
  return { ...facts, ...failed, keys: aboutKeys.includes(why.code) ? keys : undefined };
};

/** Everything that happens before a write leaves, and then none does. */
const rehearse = ({ call }: Job, { keys }: Write, gate: Gate): Outcome => {
  if (call.signal.aborted) return refused("timeout");
  gate.admit();
  const held = gate.held();
  if (held) return failedBy(held, { attempts: 0 });
  return { wrote: "nothing", keys, attempts: 0 };
};

/** The keys that Prelude acknowledged, or reading confirmed. */
const writtenKeys = (outcome: Outcome): readonly string[] => {
  if ("code" in outcome) return outcome.acknowledgedKeys ?? [];
  return outcome.wrote === "all" ? outcome.keys : [];
};

const statusOf = { none: "not_updated", unknown: "unknown", partial: "partially_updated" } as const;

const updateResult = (job: Job, outcome: Outcome): UpdateResult => {
  const { state, read, call } = job;
  const { config, sandbox, isStopping } = state;
  const keys = writtenKeys(outcome);
  const updated_keys = listed(keys);
  const updated_keys_total = updated_keys.length < keys.length ? keys.length : undefined;
  const ofIgnored = "These are no arguments of this tool, and nothing was written for them.";
  const about = { sandbox, attempts: outcome.attempts, ofIgnored };
  if ("code" in outcome) {
    const failed = inCall(outcome, config, read, call.signal.aborted && isStopping());
    const { wrote = "none" } = failed;
    const after = wrote === "unknown" ? settling(failed, isRetryable(failed)) : "";
    const error = errorOf(failed, writtenEnd(failed), after);
    return resultOf(statusOf[wrote], read, about, { updated_keys, updated_keys_total }, error);
  }
  if (outcome.wrote === "all") {
    const { verified } = outcome;
    return resultOf("updated", read, about, { updated_keys, updated_keys_total, verified });
  }
  const rehearsed = { updated_keys, would_update_keys: listed(outcome.keys) };
  return resultOf("would_update", read, { ...about, note: dryRunNote(config) }, rehearsed);
};
