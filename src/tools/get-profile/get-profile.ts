import type { Trace } from "../../guards/audit.ts";
import { createGate } from "../../guards/gate.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import { createRateLimit } from "../../guards/rate-limit.ts";
import { type Read, readProfile } from "../../profile/read.ts";
import { type ReadArguments, readArguments } from "../arguments.ts";
import type { Dependencies, UseCase } from "../call.ts";
import { type Failed, refused } from "../messages.ts";
import { errorOf, failedBy, inCall, resultOf } from "../result.ts";
import type { ToolCall } from "../tool.ts";
import { argumentsSpec, type GetResult, type Look } from "./schema.ts";
import { viewProfile } from "./view.ts";

const createState = (deps: Dependencies) => ({
  ...deps,
  spec: argumentsSpec(deps.config),
  refusedKeys: createKeyCheck(deps.config),
  reads: createRateLimit(deps.config.maxReadsPerMinute, deps.now),
});

type State = ReturnType<typeof createState>;
type Shown = ReturnType<typeof viewProfile> & { updated_at: string | undefined };
type Found = { userId: string; shown: Shown; attempts: number };

const ofIgnored = "These are no arguments of this tool, and they were not used.";

/** The use case: arguments -> guards -> one look-up -> what the operator lets be seen of it. */
export const createGetProfile = (deps: Dependencies): UseCase => {
  const state = createState(deps);
  const { spec, secrets, sandbox, config, isStopping } = state;
  return async (call, trace) => {
    const read = readArguments(spec, call.arguments, secrets);
    trace.about(read.target, read.asked);
    const outcome = await run(state, read, call, trace);
    const about = { sandbox, attempts: outcome.attempts, ofIgnored };
    if ("code" in outcome) {
      const { userIds } = outcome;
      const failed = inCall(outcome, config, read, call.signal.aborted && isStopping());
      const status = failed.code === "user_not_found" ? "not_found" : "not_read";
      const error = errorOf(failed, status === "not_found" ? "." : "; nothing was read.");
      const shown = { user_ids: userIds && [...userIds] };
      return resultOf(status, read, about, shown, error) satisfies GetResult;
    }
    const { userId, shown } = outcome;
    // Who was found, and which keys were shown; never a value.
    trace.about({ userId, keys: shown.profile_keys });
    const found = { ...read, target: { ...read.target, userId } };
    return resultOf("found", found, about, shown) satisfies GetResult;
  };
};

const run = async (
  state: State,
  { data, issues, isSound, advice }: ReadArguments<Look>,
  call: ToolCall,
  trace: Trace,
): Promise<Found | Failed> => {
  const { config, sandbox, reads, isStopping } = state;
  if (config.apiKey === undefined && !sandbox) return refused("not_configured");
  if (!data) return refused("invalid_arguments", { advice, issues, isSound });
  const client = await state.client();
  const gate = createGate(reads, "too_many_reads", trace, isStopping);
  const answer = await readProfile(client, data.appId, data.sought, {
    signal: call.signal,
    deadlineAt: performance.now() + config.timeoutMs,
    admit: gate.admit,
  });
  const held = gate.held();
  if (held) return failedBy(held, { attempts: 0 });
  const { attempts, failure } = answer.outcome;
  const { httpStatus, requestId } = failure ?? answer.outcome;
  trace.about({ attempts, httpStatus, requestId });
  return outcomeOf(state, answer, data.sought);
};

const outcomeOf = (
  { config, refusedKeys, secrets }: State,
  read: Read,
  { by }: Look["sought"],
): Found | Failed => {
  const { attempts, failure, httpStatus, requestId } = read.outcome;
  if (read.kind === "found") {
    const { id: userId, profile, updatedAt } = read.user;
    const values = config.read === "values";
    const view = viewProfile(profile, { values, refused: refusedKeys, secrets });
    return { userId, shown: { ...view, updated_at: updatedAt }, attempts };
  }
  const facts = by === "user_id" ? { attempts } : { attempts, lookedUpBy: by };
  if (read.kind === "nobody") return { ...facts, code: "user_not_found" };
  if (read.kind === "several") {
    return { ...facts, code: "ambiguous_user", userIds: read.userIds.slice(0, 10) };
  }
  if (failure) return { ...facts, ...failedBy(failure, read.outcome, config.timeoutMs) };
  return { ...facts, code: "unexpected_response", httpStatus, requestId, somebodyElse: true };
};
