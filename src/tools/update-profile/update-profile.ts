import type { TracedEnd } from "../../guards/audit.ts";
import { createGate } from "../../guards/gate.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import { createRateLimit } from "../../guards/rate-limit.ts";
import { maxKeyCharacters } from "../../lib/contract.ts";
import { isObject } from "../../lib/json.ts";
import { createTurns } from "../../profile/turns.ts";
import {
  type NotWritten,
  type Write,
  type WriteProgress,
  type Written,
  writeProfile,
} from "../../profile/write.ts";
import { type ReadArguments, readArguments } from "../arguments.ts";
import {
  auditCode,
  type Dependencies,
  inViewOfEnd,
  nothingSent,
  traced,
  traceOf,
} from "../dependencies.ts";
import { type Issue, namePath, userIdAdvice } from "../fields.ts";
import { settling, writtenEnd } from "../messages.ts";
import {
  errorOf,
  type Failed,
  failedBy,
  isRetryable,
  listed,
  refused,
  resultOf,
} from "../result.ts";
import type { Asked, ToolCall } from "../tool.ts";
import { writeText } from "../words.ts";
import { askPerson, isWritten, keptMs, type WriteCall } from "./ask.ts";
import { toolName } from "./definition.ts";
import { argumentsSpec, nameFlaw, type UpdateArguments, type UpdateResult } from "./schema.ts";

/** Makes what the calls of one server share. */
const createState = (deps: Dependencies) => ({
  ...deps,
  spec: argumentsSpec(deps.config),
  refusedKeys: createKeyCheck(deps.config),
  turns: createTurns(),
  writes: createRateLimit(deps.config.maxWritesPerMinute, deps.now),
  questions: createRateLimit(deps.config.maxWritesPerMinute, deps.now),
});

type State = ReturnType<typeof createState>;
type Read = ReadArguments<UpdateArguments>;
/** One call at work. */
type Job = State & WriteCall & { read: Read; keys: string[] };

/** The use case: arguments -> guards -> one PATCH (or a few) -> what is true now and what to do next. */
export const createUpdateProfile = (deps: Dependencies) => {
  const state = createState(deps);
  /** Handles one call. Throws only on a defect of this server. */
  return (call: ToolCall): Promise<UpdateResult | Asked> => {
    const read = readArguments(state.spec, call.arguments, state.secrets);
    const keys = sentKeys(read);
    const trace = traceOf(state, toolName, call, read, keys);
    const job = { ...state, call, trace, read, keys };
    return traced<UpdateResult | Asked>(trace, "unknown", async () => {
      const ended = await run(job);
      if ("question" in ended) return { result: ended, end: questionAsked };
      const outcome = "code" in ended ? inViewOfEnd(ended, call, state) : ended;
      const result = updateResult(job, outcome);
      return { result, end: endOf(outcome, result.status, auditCode(call, state, result.error)) };
    });
  };
};

export type UpdateProfile = ReturnType<typeof createUpdateProfile>;

/** The keys of a call, also of one that is refused; then as far as anybody reads them. */
const sentKeys = ({ data, args: { profile } }: Read): string[] => {
  if (data) return Object.keys(data.profile);
  if (!isObject(profile)) return [];
  return listed(Object.keys(profile).filter((key) => key.length <= maxKeyCharacters));
};

/** The steps of a call, in order; the first that has an outcome ends it. */
const run = async (job: Job): Promise<Failed | Written | Asked> => {
  const write = checkCall(job);
  if ("code" in write) return write;
  const asked = job.config.confirm ? await askPerson(job, write) : undefined;
  return asked ?? (await writeInTurn(job, write));
};

const refusedKeyIssue = (key: string): Issue => ({
  path: `profile.${namePath(key)}`,
  received: "a key that this server may not write",
  accepted: "only keys that it may write; tell the person which one is not permitted",
});

/** What is to be written, or why it must not be: as far as that can be told at once. */
const checkCall = ({ config, sandbox, refusedKeys, read, keys }: Job): Write | Failed => {
  const { data, issues, advice } = read;
  if (config.apiKey === undefined && !sandbox) return refused("not_configured");
  const refusal = refusedKeys(keys.filter((key) => nameFlaw(key) === undefined));
  const refusals = refusal?.keys.map(refusedKeyIssue) ?? [];
  const paths = new Set(refusals.map(({ path }) => path));
  // What a refused key holds does not matter any more.
  const others = issues.filter(({ path }) => !paths.has(path));
  if (others.length > 0) {
    const words = advice ?? userIdAdvice(issues, config.read !== "off");
    return { ...refused("invalid_arguments", { advice: words }), issues: [...others, ...refusals] };
  }
  if (refusal || !data) {
    return refused("key_not_allowed", { ...refusal, allowedKeys: config.allowedKeys });
  }
  const { app_id: appId, user_id: userId, profile, on_reserved_key: onReservedKey = "fail" } = data;
  return { appId, userId, profile, keys, onReservedKey };
};

/** Waits for the turn of the write's user, and writes. */
const writeInTurn = async (job: Job, write: Write): Promise<Failed | Written> => {
  const { turns, config, call } = job;
  // Only from here on: waiting for a person must not use up Prelude's time.
  const timeoutMs = config.timeoutMs - keptMs(config);
  const deadlineAt = performance.now() + timeoutMs;
  const turn = turns.take(`${write.appId}/${write.userId}`, call.signal, deadlineAt);
  const release = await turn.catch(() => undefined);
  if (!release) return refused("timeout", { waitedForTurn: true, timeoutMs });
  try {
    return await send(job, write, deadlineAt);
  } finally {
    release();
  }
};

const send = async (job: Job, write: Write, deadlineAt: number): Promise<Failed | Written> => {
  const { config, writes, isStopping, trace } = job;
  const { signal, progress } = job.call;
  const client = await job.client();
  const gate = createGate(writes, "too_many_writes", trace, isStopping);
  const onProgress = (step: WriteProgress) => progress(writeText(step));
  const outcome = await writeProfile(write, { client, signal, deadlineAt, gate, onProgress });
  if (outcome.wrote === "all") return outcome;
  // A reserved key is never in the profile, so that reading could not confirm the whole.
  const mayBeWritten = outcome.wrote === "unknown" && outcome.leaveOut.length === 0;
  const isOpen = mayBeWritten && config.read !== "off";
  if (isOpen && (await isWritten(job, write))) {
    return { ...outcome, wrote: "all", keys: write.keys, verified: true };
  }
  return failureOf(outcome, config.timeoutMs - keptMs(config));
};

/** Codes that are about the keys of the request. */
const aboutKeys = ["invalid_request", "reserved_profile_key", "api_error"];

/** What the sentences for the model need to know of a write that did not write everything. */
const failureOf = (outcome: NotWritten, timeoutMs: number): Failed => {
  const { why, wrote, acknowledgedKeys, refusedTogether, leaveOut, untried, search } = outcome;
  const failed = failedBy(why, outcome, timeoutMs);
  const keys = aboutKeys.includes(why.code) ? outcome.keys : undefined;
  const told = { acknowledgedKeys, refusedTogether, leaveOut, untried, search, keys };
  failed.facts = { ...failed.facts, ...told, unsettled: wrote === "unknown" };
  return { ...failed, wrote };
};

const statusOf = { none: "not_updated", unknown: "unknown", partial: "partially_updated" } as const;

const note = "These are no arguments of this tool, and nothing was written for them.";

const updateResult = (job: Job, outcome: Failed | Written): UpdateResult => {
  const { config, sandbox, read } = job;
  const { attempts } = outcome;
  const about = { sandbox, attempts, note };
  if (!("code" in outcome)) {
    return resultOf("updated", read, about, written(outcome.keys, outcome.verified));
  }
  const { wrote = "none", code } = outcome;
  const fixed = { appFixed: config.appId !== undefined, userFixed: config.userId !== undefined };
  const facts = { ...outcome.facts, ...fixed, ...read.target };
  const after = wrote === "unknown" ? settling(code, isRetryable(outcome), facts) : "";
  const error = errorOf({ ...outcome, facts }, writtenEnd(wrote, facts, attempts), after);
  const keys = wrote === "none" ? [] : (facts.acknowledgedKeys ?? []);
  return resultOf(statusOf[wrote], read, about, written(keys), error);
};

const written = (keys: readonly string[], verified?: true) => {
  const updated = listed(keys);
  return {
    updated_keys: updated,
    updated_keys_total: updated.length < keys.length ? keys.length : undefined,
    verified,
  };
};

const questionAsked = { ...nothingSent, status: "not_updated", code: "confirmation_asked" };

/** What the audit says of how a call ended. */
const endOf = (outcome: Failed | Written, status: string, code: string | null): TracedEnd => {
  const { attempts, requestId } = outcome;
  const { updatedKeys, httpStatus } =
    "code" in outcome
      ? { updatedKeys: outcome.facts.acknowledgedKeys ?? [], httpStatus: outcome.facts.httpStatus }
      : { updatedKeys: outcome.keys, httpStatus: outcome.httpStatus };
  return { status, code, updatedKeys, httpStatus, requestId, attempts };
};
