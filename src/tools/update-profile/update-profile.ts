import type { Trace, TracedEnd } from "../../guards/audit.ts";
import { createGate } from "../../guards/gate.ts";
import { type Write, type WriteProgress, type Written, writeProfile } from "../../profile/write.ts";
import { type Dependencies, nothingSent, traceOf } from "../dependencies.ts";
import { cutOffBy, inViewOfEnd } from "../failure-facts.ts";
import { writeText } from "../progress.ts";
import type { Asked, ToolCall } from "../tool.ts";
import { type Parsed, refusedKeyIssues } from "./arguments.ts";
import { askPerson } from "./ask.ts";
import { toolName } from "./definition.ts";
import { failureOf, refused } from "./failure.ts";
import { isWritten, keptMs } from "./look.ts";
import { type Failure, failure, success } from "./result.ts";
import type { UpdateResult } from "./schema.ts";
import { createState, type State } from "./state.ts";

type Outcome = Failure | Written | Asked;

/** The use case: arguments -> guards -> one PATCH (or a few) -> what is true now and what to do next. */
export const createUpdateProfile = (deps: Dependencies) => {
  const state = createState(deps);
  /** Handles one call. Throws only on a defect of this server. */
  return async (call: ToolCall): Promise<UpdateResult | Asked> => {
    const parsed = state.parse(call.arguments);
    const trace = traceOf(state, toolName, call, { ...parsed.target, keys: parsed.keys });
    try {
      const ended = await run(state, parsed, call, trace);
      const by = cutOffBy(call, state);
      const outcome = "code" in ended ? inViewOfEnd(ended, by) : ended;
      const result = "question" in outcome ? outcome : resultOf(state, parsed, outcome);
      trace.end(endOf(outcome, result, by === "client"));
      return result;
    } catch (error) {
      trace.end({ ...nothingSent, status: "unknown", code: "internal_error" });
      throw error;
    }
  };
};

export type UpdateProfile = ReturnType<typeof createUpdateProfile>;

/** The steps of a call, in order; the first that has an outcome ends it. */
const run = async (
  state: State,
  parsed: Parsed,
  call: ToolCall,
  trace: Trace,
): Promise<Outcome> => {
  const write = checkCall(state, parsed);
  if ("code" in write) return write;
  const asked = state.config.confirm ? await askPerson(state, write, call, trace) : undefined;
  return asked ?? (await writeInTurn(state, write, call, trace));
};

/** What is to be written, or why it must not be: as far as that can be told at once. */
const checkCall = (state: State, parsed: Parsed): Write | Failure => {
  const { config, sandbox, refusedKeys } = state;
  if (config.apiKey === undefined && !sandbox) return refused("not_configured");
  const refusal = refusedKeys(parsed.sound);
  const refusals = refusedKeyIssues(refusal?.keys ?? []);
  const paths = new Set(refusals.map((issue) => issue.path));
  // What a refused key holds does not matter any more.
  const others = parsed.issues.filter((issue) => !paths.has(issue.path));
  if (others.length > 0) {
    const facts = parsed.advice === undefined ? {} : { advice: parsed.advice };
    return { ...refused("invalid_arguments", facts), issues: [...others, ...refusals] };
  }
  if (refusal === undefined && parsed.write) return parsed.write;
  const facts: Failure["facts"] = { ...refusal };
  if (config.allowedKeys !== undefined) facts.allowedKeys = config.allowedKeys;
  return refused("key_not_allowed", facts);
};

/** Waits for the turn of the write's user, and writes. */
const writeInTurn = async (
  state: State,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Failure | Written> => {
  const { turns, config } = state;
  // Only from here on: waiting for a person must not use up Prelude's time.
  const timeoutMs = config.timeoutMs - keptMs(config);
  const deadlineAt = performance.now() + timeoutMs;
  const turn = turns.take(`${write.appId}/${write.userId}`, call.signal, deadlineAt);
  const release = await turn.catch(() => undefined);
  if (!release) return refused("timeout", { waitedForTurn: true, timeoutMs });
  try {
    return await send(state, write, { call, trace, deadlineAt });
  } finally {
    release();
  }
};

const send = async (
  state: State,
  write: Write,
  { call, trace, deadlineAt }: { call: ToolCall; trace: Trace; deadlineAt: number },
): Promise<Failure | Written> => {
  const { config, writes, isStopping } = state;
  const client = await state.client();
  const gate = createGate(writes, "too_many_writes", trace, isStopping);
  const { signal, progress } = call;
  const onProgress = (step: WriteProgress) => progress(writeText(step));
  const outcome = await writeProfile(write, { client, signal, deadlineAt, gate, onProgress });
  if (outcome.wrote === "all") return outcome;
  // A reserved key is never in the profile, so that reading could not confirm the whole.
  const mayBeWritten = outcome.wrote === "unknown" && outcome.leaveOut.length === 0;
  const open = mayBeWritten && config.read !== "off";
  if (open && (await isWritten(state, write, signal))) {
    return { ...outcome, wrote: "all", keys: write.keys, verified: true };
  }
  return failureOf(outcome, config.timeoutMs - keptMs(config));
};

const resultOf = (
  { config, sandbox }: State,
  { target }: Parsed,
  outcome: Failure | Written,
): UpdateResult => {
  const to = { appId: target.appId, userId: target.userId, sandbox };
  if (outcome.wrote === "all") return success(to, outcome);
  const fixed = { appFixed: config.appId !== undefined, userFixed: config.userId !== undefined };
  return failure(to, { ...outcome, facts: { ...fixed, ...outcome.facts } });
};

/** What the audit says of how a call ended. */
const endOf = (outcome: Outcome, result: UpdateResult | Asked, cancelled: boolean): TracedEnd => {
  if ("question" in outcome || "question" in result) {
    return { ...nothingSent, status: "not_updated", code: "confirmation_asked" };
  }
  const { status } = result;
  const code = cancelled ? "cancelled" : (result.error?.code ?? null);
  const { attempts = 0, requestId } = outcome;
  if (outcome.wrote === "all") {
    return {
      status,
      code,
      updatedKeys: outcome.keys,
      httpStatus: outcome.httpStatus,
      requestId,
      attempts,
    };
  }
  const { acknowledgedKeys = [], httpStatus } = outcome.facts;
  return { status, code, updatedKeys: acknowledgedKeys, httpStatus, requestId, attempts };
};
