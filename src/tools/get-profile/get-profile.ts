import type { Trace } from "../../guards/audit.ts";
import { createGate } from "../../guards/gate.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import type { Outcome } from "../../prelude/client.ts";
import { type Read, readProfile, type Sought } from "../../profile/read.ts";
import type { Held } from "../../profile/write.ts";
import { type Dependencies, nothingSent, traceOf } from "../dependencies.ts";
import { cutOffBy, heldFacts, inViewOfEnd, requestFacts } from "../failure-facts.ts";
import { askOperator } from "../messages.ts";
import type { ToolCall } from "../tool.ts";
import { createArgumentParser, type Parsed } from "./arguments.ts";
import { toolName } from "./definition.ts";
import { type Failure, type Found, failure, found } from "./result.ts";
import type { GetResult } from "./schema.ts";
import { viewProfile } from "./view.ts";

type State = ReturnType<typeof createState>;

/** Makes what the calls of one server share. */
const createState = (deps: Dependencies) => ({
  ...deps,
  parse: createArgumentParser(deps.config),
  refusedKeys: createKeyCheck(deps.config),
});

type Ended = { found: Found } | { failed: Failure };

/** The use case: arguments -> guards -> one look-up -> what the operator lets be seen of it. */
export const createGetProfile = (deps: Dependencies) => {
  const state = createState(deps);
  /** Handles one call. Throws only on a defect of this server. */
  return async (call: ToolCall): Promise<GetResult> => {
    const parsed = state.parse(call.arguments);
    const trace = traceOf(state, toolName, call, { ...parsed.target, keys: [] });
    try {
      const raw = await run(state, parsed, call, trace);
      const by = cutOffBy(call, state);
      const ended = "failed" in raw ? { failed: inViewOfEnd(raw.failed, by) } : raw;
      const result = resultOf(state, parsed, ended);
      endTrace(trace, ended, result, by === "client");
      return result;
    } catch (error) {
      trace.end({ ...nothingSent, status: "not_read", code: "internal_error" });
      throw error;
    }
  };
};

const refused = (code: Failure["code"], more: Partial<Failure> = {}): Ended => ({
  failed: { code, status: "not_read", facts: {}, attempts: 0, ...more },
});

const run = async (
  state: State,
  { look, issues }: Parsed,
  call: ToolCall,
  trace: Trace,
): Promise<Ended> => {
  const { config, sandbox } = state;
  if (config.apiKey === undefined && !sandbox) return refused("not_configured");
  if (!look) return refused("invalid_arguments", { issues });
  const client = await state.client();
  const gate = createGate(state.reads, "too_many_reads", trace, state.isStopping);
  const read = await readProfile(client, look.appId, look.sought, {
    signal: call.signal,
    deadlineAt: performance.now() + config.timeoutMs,
    admit: gate.admit,
  });
  const held = gate.held();
  return held ? heldBack(held) : endOf(state, read, look.sought);
};

const heldBack = (held: Held): Ended =>
  refused(held.code === "stopping" ? "timeout" : held.code, { facts: heldFacts(held) });

const endOf = (state: State, read: Read, { by }: Sought): Ended => {
  const { config } = state;
  const { attempts, failure: why } = read.outcome;
  const lookedUp = by === "user_id" ? {} : { lookedUpBy: by };
  if (read.kind === "found") {
    const { id: userId, profile, ...rest } = read.user;
    const view = viewProfile(profile, {
      values: config.read === "values",
      refused: state.refusedKeys,
      secrets: state.secrets,
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

const resultOf = ({ config, sandbox }: State, { target }: Parsed, ended: Ended): GetResult => {
  const to = { appId: target.appId, userId: target.userId, sandbox };
  if ("found" in ended) return found(to, ended.found);
  const fixed = { appFixed: config.appId !== undefined, userFixed: config.userId !== undefined };
  return failure(to, { ...ended.failed, facts: { ...fixed, ...ended.failed.facts } });
};

/** What the audit says of a look: who was found, and which keys were shown; never a value. */
const endTrace = (trace: Trace, ended: Ended, result: GetResult, cancelled: boolean): void => {
  const { status, error } = result;
  const code = cancelled ? "cancelled" : (error?.code ?? null);
  if ("failed" in ended) {
    const { facts, requestId, attempts } = ended.failed;
    trace.end({ ...nothingSent, status, code, httpStatus: facts.httpStatus, requestId, attempts });
    return;
  }
  const { userId, view, outcome } = ended.found;
  const { attempts, httpStatus, requestId } = outcome;
  const shown = { userId, keys: view.profileKeys };
  trace.end({ ...nothingSent, status, code, httpStatus, requestId, attempts, shown });
};
