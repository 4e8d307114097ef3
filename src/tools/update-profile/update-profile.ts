import type { Config } from "../../config/config.ts";
import type { Audit } from "../../guards/audit.ts";
import { type Answer, type Before, confirmationOf } from "../../guards/confirmation.ts";
import { createGate } from "../../guards/gate.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import { createRateLimit, type RateLimit } from "../../guards/rate-limit.ts";
import { startTrace, type Trace, type TracedEnd } from "../../guards/trace.ts";
import type { Secrets } from "../../lib/text.ts";
import type { PreludeClient } from "../../prelude/client.ts";
import { createTurns } from "../../profile/turns.ts";
import { type Write, type Written, writeProfile } from "../../profile/write.ts";
import { inViewOfEnd } from "../failure-facts.ts";
import { type Failure, failure, success } from "../result.ts";
import type { Asked, ToolCall } from "../tool.ts";
import { createArgumentParser, type Parsed, refusedKeyIssues } from "./arguments.ts";
import { toolName } from "./definition.ts";
import { failureOf, refused, tooMany } from "./failure.ts";
import { isWritten, keptMs, lookBefore } from "./look.ts";
import type { UpdateResult } from "./schema.ts";

export type Dependencies = {
  config: Config;
  /** True: an embedded simulation stands in for the API, and results say so. */
  sandbox: boolean;
  /** What must not be shown; grows when a new key is read. */
  secrets: Secrets;
  /** Loaded at the first write, since most conversations never make one. */
  client: () => Promise<PreludeClient>;
  audit: Audit | undefined;
  /** Counts the reads that are made for a write; shared with `get_user_profile`. */
  reads?: RateLimit;
  /** Whether the server is about to end, and no call may begin to send. */
  isStopping?: () => boolean;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
};

type Outcome = Failure | Written | Asked;

/** What the calls of a server share. */
type Shared = ReturnType<typeof share>;

const share = ({ now = () => performance.now(), ...deps }: Dependencies) => ({
  ...deps,
  now,
  isStopping: deps.isStopping ?? (() => false),
  reads: deps.reads ?? createRateLimit(0, now),
  parse: createArgumentParser(deps.config),
  refusedKeys: createKeyCheck(deps.config),
  turns: createTurns(),
  writes: createRateLimit(deps.config.maxWritesPerMinute, now),
  questions: createRateLimit(deps.config.maxWritesPerMinute, now),
});

/** The use case: arguments -> guards -> one PATCH (or a few) -> what is true now and what to do next. */
export const createUpdateProfile = (deps: Dependencies) => {
  const shared = share(deps);
  /** Handles one call. Throws only on a defect of this server. */
  return async (call: ToolCall): Promise<UpdateResult | Asked> => {
    const parsed = shared.parse(call.arguments);
    const trace = traceOf(shared, parsed, call);
    try {
      const ended = await run(shared, parsed, call, trace);
      const isStopped = call.signal.aborted && shared.isStopping();
      const outcome = "code" in ended ? inViewOfEnd(ended, isStopped) : ended;
      const result = "question" in outcome ? outcome : resultOf(shared, parsed, outcome);
      trace.end(endOf(outcome, result, call.signal.aborted && !isStopped));
      return result;
    } catch (error) {
      trace.end({ ...nothing, status: "unknown", code: "internal_error" });
      throw error;
    }
  };
};

export type UpdateProfile = ReturnType<typeof createUpdateProfile>;

/** The steps of a call, in order; the first that has an outcome ends it. */
const run = async (
  shared: Shared,
  parsed: Parsed,
  call: ToolCall,
  trace: Trace,
): Promise<Outcome> => {
  const write = checkCall(shared, parsed);
  if ("code" in write) return write;
  const asked = shared.config.confirm ? await askPerson(shared, write, call, trace) : undefined;
  return asked ?? (await writeInTurn(shared, write, call, trace));
};

/** What is to be written, or why it must not be: as far as that can be told at once. */
const checkCall = (shared: Shared, parsed: Parsed): Write | Failure => {
  const { config, sandbox, refusedKeys } = shared;
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

/** Asks the person; undefined: the write may go on. */
const askPerson = async (
  shared: Shared,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Failure | Asked | undefined> => {
  const confirmation = confirmationOf(write);
  if (!confirmation) return refused("confirmation_unavailable", { tooLargeToShow: true });
  const answer =
    call.answered(confirmation.subject) ?? (await putQuestion(shared, write, call, trace));
  if (typeof answer === "object") return answer;
  return answer === "accepted" ? undefined : refused(unconfirmed[answer]);
};

/** Puts the question, with what is there now where the operator lets that be read. */
const putQuestion = async (
  shared: Shared,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Answer | Failure> => {
  const held = holdQuestion(shared);
  if (held) return held;
  const reads = shared.config.read !== "off";
  const before = reads ? await lookBeforeQuestion(shared, write, call, trace) : undefined;
  if (before === "audit_unavailable") return refused(before);
  const confirmation = confirmationOf(write, before);
  if (!confirmation) return refused("confirmation_unavailable", { tooLargeToShow: true });
  return call.confirm(confirmation);
};

const lookBeforeQuestion = async (
  shared: Shared,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Before | "audit_unavailable" | undefined> => {
  try {
    trace.attempt();
  } catch {
    return "audit_unavailable";
  }
  return lookBefore(shared, write, call.signal);
};

const unconfirmed = {
  declined: "confirmation_declined",
  timeout: "confirmation_timeout",
  unavailable: "confirmation_unavailable",
} as const;

/** Why nobody is asked: there are too many questions, or a yes could not be acted on. */
const holdQuestion = ({ writes, questions, audit }: Shared): Failure | undefined => {
  const waitMs = writes.wait() ?? questions.take();
  if (waitMs !== undefined) return tooMany(waitMs);
  try {
    audit?.check();
    return undefined;
  } catch {
    return refused("audit_unavailable");
  }
};

/** Waits for the turn of the write's user, and writes. */
const writeInTurn = async (
  shared: Shared,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Failure | Written> => {
  const { turns, config } = shared;
  // Only from here on: waiting for a person must not use up Prelude's time.
  const timeoutMs = config.timeoutMs - keptMs(config);
  const deadlineAt = performance.now() + timeoutMs;
  const turn = turns.take(`${write.appId}/${write.userId}`, call.signal, deadlineAt);
  const release = await turn.catch(() => undefined);
  if (!release) return refused("timeout", { waitedForTurn: true, timeoutMs });
  try {
    return await send(shared, write, { call, trace, deadlineAt });
  } finally {
    release();
  }
};

const send = async (
  shared: Shared,
  write: Write,
  { call, trace, deadlineAt }: { call: ToolCall; trace: Trace; deadlineAt: number },
): Promise<Failure | Written> => {
  const { config, writes, isStopping } = shared;
  const client = await shared.client();
  const gate = createGate(writes, "too_many_writes", trace, isStopping);
  const { signal, progress } = call;
  const outcome = await writeProfile(write, { client, signal, deadlineAt, gate, progress });
  if (outcome.wrote === "all") return outcome;
  const open = outcome.wrote === "unknown" && config.read !== "off";
  if (open && (await isWritten(shared, write, signal))) {
    return { ...outcome, wrote: "all", keys: write.keys, verified: true };
  }
  return failureOf(outcome, config.timeoutMs - keptMs(config));
};

const resultOf = (
  { config, sandbox }: Shared,
  { target }: Parsed,
  outcome: Failure | Written,
): UpdateResult => {
  const to = { appId: target.appId, userId: target.userId, sandbox };
  if (outcome.wrote === "all") return success(to, outcome);
  const fixed = { appFixed: config.appId !== undefined, userFixed: config.userId !== undefined };
  return failure(to, { ...outcome, facts: { ...fixed, ...outcome.facts } });
};

const traceOf = ({ audit, sandbox, secrets, now }: Shared, parsed: Parsed, call: ToolCall): Trace =>
  startTrace(
    audit,
    {
      tool: toolName,
      clientName: call.clientName,
      clientVersion: call.clientVersion,
      sandbox,
      appId: parsed.target.appId,
      userId: parsed.target.userId,
      keys: parsed.keys,
    },
    { secrets, now },
  );

const nothing = { updatedKeys: [], httpStatus: undefined, requestId: undefined, attempts: 0 };

/** What the audit says of how a call ended. */
const endOf = (outcome: Outcome, result: UpdateResult | Asked, cancelled: boolean): TracedEnd => {
  if ("question" in outcome || "question" in result) {
    return { ...nothing, status: "not_updated", code: "confirmation_asked" };
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
