import type { Trace, TracedEnd } from "../../guards/audit.ts";
import { createGate } from "../../guards/gate.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import type { Outcome } from "../../prelude/client.ts";
import { type Read as Answer, readProfile, type Sought, type User } from "../../profile/read.ts";
import { type ReadArguments, readArguments } from "../arguments.ts";
import {
  auditCode,
  type Dependencies,
  inViewOfEnd,
  nothingSent,
  traced,
  traceOf,
} from "../dependencies.ts";
import { errorOf, type Failed, failedBy, refused, resultOf } from "../result.ts";
import type { ToolCall } from "../tool.ts";
import { toolName } from "./definition.ts";
import { argumentsSpec, type GetResult, type Look } from "./schema.ts";
import { type ProfileView, viewProfile } from "./view.ts";

/** Makes what the calls of one server share. */
const createState = (deps: Dependencies) => ({
  ...deps,
  spec: argumentsSpec(deps.config),
  refusedKeys: createKeyCheck(deps.config),
});

type State = ReturnType<typeof createState>;
type Read = ReadArguments<Look>;
type Found = { user: User; view: ProfileView; answer: Outcome };

/** The use case: arguments -> guards -> one look-up -> what the operator lets be seen of it. */
export const createGetProfile = (deps: Dependencies) => {
  const state = createState(deps);
  /** Handles one call. Throws only on a defect of this server. */
  return (call: ToolCall): Promise<GetResult> => {
    const read = readArguments(state.spec, call.arguments, state.secrets);
    const trace = traceOf(state, toolName, call, read, []);
    return traced(trace, "not_read", async () => {
      const ended = await run(state, read, call, trace);
      const outcome = "code" in ended ? inViewOfEnd(ended, call, state) : ended;
      const result = getResult(state, read, outcome);
      const code = auditCode(call, state, result.error);
      return { result, end: endOf(outcome, result.status, code) };
    });
  };
};

const run = async (
  state: State,
  { data, issues, advice }: Read,
  call: ToolCall,
  trace: Trace,
): Promise<Found | Failed> => {
  const { config, sandbox, reads, isStopping } = state;
  if (config.apiKey === undefined && !sandbox) return refused("not_configured");
  if (!data) return { ...refused("invalid_arguments", { advice }), issues };
  const client = await state.client();
  const gate = createGate(reads, "too_many_reads", trace, isStopping);
  const answer = await readProfile(client, data.appId, data.sought, {
    signal: call.signal,
    deadlineAt: performance.now() + config.timeoutMs,
    admit: gate.admit,
  });
  const held = gate.held();
  return held ? failedBy(held, { attempts: 0 }, 0) : outcomeOf(state, answer, data.sought);
};

/** What a look-up found, or why it shows nothing. */
const outcomeOf = (
  { config, refusedKeys, secrets }: State,
  read: Answer,
  { by }: Sought,
): Found | Failed => {
  const { attempts, failure: why, httpStatus } = read.outcome;
  const lookedUp = by === "user_id" ? {} : { lookedUpBy: by };
  if (read.kind === "found") {
    const { user, outcome } = read;
    const values = config.read === "values";
    const view = viewProfile(user.profile, { values, refused: refusedKeys, secrets });
    return { user, view, answer: outcome };
  }
  if (read.kind === "nobody") return { ...refused("user_not_found", lookedUp), attempts };
  if (read.kind === "several") {
    const userIds = read.userIds.slice(0, 10);
    return { ...refused("ambiguous_user", { ...lookedUp, userIds }), attempts };
  }
  if (read.kind === "somebody_else" || why === undefined) {
    const facts = { ...lookedUp, httpStatus, somebodyElse: true };
    return { ...refused("unexpected_response", facts), attempts };
  }
  const failed = failedBy(why, read.outcome, config.timeoutMs);
  return { ...failed, facts: { ...failed.facts, ...lookedUp } };
};

const note = "These are no arguments of this tool, and they were not used.";

const getResult = ({ config, sandbox }: State, read: Read, outcome: Found | Failed): GetResult => {
  if (!("code" in outcome)) {
    const { user, view, answer } = outcome;
    const about = { sandbox, attempts: answer.attempts, note };
    return resultOf("found", { ...read, target: { ...read.target, userId: user.id } }, about, {
      profile_keys: view.profileKeys,
      profile: view.profile,
      altered_keys: view.alteredKeys.length > 0 ? view.alteredKeys : undefined,
      hidden_keys: view.hiddenKeys > 0 ? view.hiddenKeys : undefined,
      updated_at: user.updatedAt,
    });
  }
  const { code, attempts } = outcome;
  const status = code === "user_not_found" ? "not_found" : "not_read";
  const fixed = { appFixed: config.appId !== undefined, userFixed: config.userId !== undefined };
  const facts = { ...outcome.facts, ...fixed, ...read.target };
  const end = status === "not_found" ? "." : "; nothing was read.";
  const shown = { user_ids: facts.userIds && [...facts.userIds] };
  const error = errorOf({ ...outcome, facts }, end);
  return resultOf(status, read, { sandbox, attempts, note }, shown, error);
};

/** What the audit says of a look: who was found, and which keys were shown; never a value. */
const endOf = (outcome: Found | Failed, status: string, code: string | null): TracedEnd => {
  if ("code" in outcome) {
    const { facts, requestId, attempts } = outcome;
    return { ...nothingSent, status, code, httpStatus: facts.httpStatus, requestId, attempts };
  }
  const { user, view, answer } = outcome;
  const { attempts, httpStatus, requestId } = answer;
  const shown = { userId: user.id, keys: view.profileKeys };
  return { ...nothingSent, status, code, httpStatus, requestId, attempts, shown };
};
