import type { Config } from "../../config/config.ts";
import type { Audit } from "../../guards/audit.ts";
import { createGate } from "../../guards/gate.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import type { RateLimit } from "../../guards/rate-limit.ts";
import { startTrace, type Trace } from "../../guards/trace.ts";
import type { Secrets } from "../../lib/text.ts";
import type { Outcome, PreludeClient } from "../../prelude/client.ts";
import { type Held, startAdmission } from "../../profile/admission.ts";
import { type Read, readProfile, type Sought } from "../../profile/read.ts";
import { heldFacts, inViewOfEnd, requestFacts } from "../failure-facts.ts";
import { askOperator } from "../messages.ts";
import type { ToolCall } from "../tool.ts";
import { createArgumentParser, type Parsed } from "./arguments.ts";
import { toolName } from "./definition.ts";
import { type Failure, type Found, failure, found } from "./result.ts";
import type { GetResult } from "./schema.ts";
import { viewProfile } from "./view.ts";

export type Dependencies = {
  config: Config;
  /** True: an embedded simulation stands in for the API, and results say so. */
  sandbox: boolean;
  /** What must not be shown; grows when a new key is read. */
  secrets: Secrets;
  /** Loaded at the first call, since most conversations never make one. */
  client: () => Promise<PreludeClient>;
  audit: Audit | undefined;
  /** Shared with the reads that the server makes for a write. */
  reads: RateLimit;
  /** Whether the server is about to end, and no call may begin to send. */
  isStopping?: () => boolean;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
};

type Shared = Required<Dependencies> & {
  parse: ReturnType<typeof createArgumentParser>;
  refusedKeys: ReturnType<typeof createKeyCheck>;
};

type Ended = { found: Found } | { failed: Failure };

/** The use case: arguments -> guards -> one look-up -> what the operator lets be seen of it. */
export const createGetProfile = ({ now = () => performance.now(), ...deps }: Dependencies) => {
  const shared: Shared = {
    ...deps,
    now,
    isStopping: deps.isStopping ?? (() => false),
    parse: createArgumentParser(deps.config),
    refusedKeys: createKeyCheck(deps.config),
  };
  /** Handles one call. Throws only on a defect of this server. */
  return async (call: ToolCall): Promise<GetResult> => {
    const parsed = shared.parse(call.arguments);
    const trace = traceOf(shared, parsed, call);
    try {
      const raw = await run(shared, parsed, call, trace);
      const isStopped = call.signal.aborted && shared.isStopping();
      const ended = "failed" in raw ? { failed: inViewOfEnd(raw.failed, isStopped) } : raw;
      const result = resultOf(shared, parsed, ended);
      endTrace(trace, ended, result, call.signal.aborted && !isStopped);
      return result;
    } catch (error) {
      trace.end({ ...nothing, status: "not_read", code: "internal_error" });
      throw error;
    }
  };
};

const refused = (code: Failure["code"], more: Partial<Failure> = {}): Ended => ({
  failed: { code, status: "not_read", facts: {}, attempts: 0, ...more },
});

const run = async (
  shared: Shared,
  { look, issues }: Parsed,
  call: ToolCall,
  trace: Trace,
): Promise<Ended> => {
  const { config, sandbox } = shared;
  if (config.apiKey === undefined && !sandbox) return refused("not_configured");
  if (!look) return refused("invalid_arguments", { issues });
  const client = await shared.client();
  const admission = startAdmission(
    createGate(shared.reads, "too_many_reads", trace, shared.isStopping),
  );
  const read = await readProfile(client, look.appId, look.sought, {
    signal: call.signal,
    deadlineAt: performance.now() + config.timeoutMs,
    admit: admission.admit,
  });
  const held = admission.held();
  return held ? heldBack(held) : endOf(shared, read, look.sought);
};

const heldBack = (held: Held): Ended => refused(held.code, { facts: heldFacts(held) });

const endOf = (shared: Shared, read: Read, { by }: Sought): Ended => {
  const { config } = shared;
  const { attempts, failure: why } = read.outcome;
  const lookedUp = by === "user_id" ? {} : { lookedUpBy: by };
  if (read.kind === "found") {
    const { id: userId, profile, ...rest } = read.user;
    const view = viewProfile(profile, {
      values: config.read === "values",
      refused: shared.refusedKeys,
      secrets: shared.secrets,
    });
    return { found: { userId, view, outcome: read.outcome, ...rest } };
  }
  if (read.kind === "nobody") {
    return refused("user_not_found", { status: "not_found", facts: lookedUp, attempts });
  }
  if (read.kind === "several") {
    const userIds = read.userIds.slice(0, 10);
    return refused("ambiguous_user", { facts: { ...lookedUp, userIds }, attempts });
  }
  if (read.kind === "somebody_else" || why === undefined) {
    return refused("unexpected_response", { facts: somebodyElse(read.outcome), attempts });
  }
  const { code, requestId, retryable } = why;
  const status = code === "user_not_found" ? "not_found" : "not_read";
  const facts = { ...lookedUp, ...requestFacts(why, read.outcome, config.timeoutMs) };
  const failed: Failure = { code, status, facts, attempts };
  if (requestId !== undefined) failed.requestId = requestId;
  if (retryable !== undefined) failed.retryable = retryable;
  return { failed };
};

const somebodyElse = ({ httpStatus }: Outcome): Failure["facts"] => ({
  cause: "it is not about the user that was asked for",
  advice: askOperator("check PRELUDE_BASE_URL"),
  ...(httpStatus === undefined ? {} : { httpStatus }),
});

const resultOf = ({ config, sandbox }: Shared, { target }: Parsed, ended: Ended): GetResult => {
  const to = { appId: target.appId, userId: target.userId, sandbox };
  if ("found" in ended) return found(to, ended.found);
  const fixed = { appFixed: config.appId !== undefined, userFixed: config.userId !== undefined };
  return failure(to, { ...ended.failed, facts: { ...fixed, ...ended.failed.facts } });
};

const traceOf = (shared: Shared, { target }: Parsed, call: ToolCall): Trace =>
  startTrace(
    shared.audit,
    {
      tool: toolName,
      clientName: call.clientName,
      clientVersion: call.clientVersion,
      sandbox: shared.sandbox,
      appId: target.appId,
      userId: target.userId,
      keys: [],
    },
    { secrets: shared.secrets, now: shared.now },
  );

/** What the audit says of a call that sent nothing. */
const nothing = { updatedKeys: [], httpStatus: undefined, requestId: undefined, attempts: 0 };

/** What the audit says of a look: who was found, and which keys were shown; never a value. */
const endTrace = (trace: Trace, ended: Ended, result: GetResult, cancelled: boolean): void => {
  const { status, error } = result;
  const code = cancelled ? "cancelled" : (error?.code ?? null);
  if ("failed" in ended) {
    const { facts, requestId, attempts } = ended.failed;
    trace.end({ ...nothing, status, code, httpStatus: facts.httpStatus, requestId, attempts });
    return;
  }
  const { userId, view, outcome } = ended.found;
  const { attempts, httpStatus, requestId } = outcome;
  const shown = { userId, keys: view.profileKeys };
  trace.end({ ...nothing, status, code, httpStatus, requestId, attempts, shown });
};
