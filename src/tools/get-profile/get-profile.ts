import type { Trace } from "../../guards/audit.ts";
import { createGate } from "../../guards/gate.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import { type Read as Answer, readProfile, type User } from "../../profile/read.ts";
import { type ReadArguments, readArguments } from "../arguments.ts";
import type { Dependencies, UseCase } from "../call.ts";
import { type Failed, refused } from "../messages.ts";
import { errorOf, failedBy, inCall, resultOf } from "../result.ts";
import type { ToolCall } from "../tool.ts";
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
type Found = { user: User; view: ProfileView; answer: Answer["outcome"] };

/** The use case: arguments -> guards -> one look-up -> what the operator lets be seen of it. */
export const createGetProfile = (deps: Dependencies): UseCase => {
  const state = createState(deps);
  return async (call, trace) => {
    const read = readArguments(state.spec, call.arguments, state.secrets);
    trace.about({ ...read.target, ...read.asked });
    const outcome = await run(state, read, call, trace);
    if ("code" in outcome) {
      const wasCutOff = call.signal.aborted && state.isStopping();
      const failed = inCall(outcome, state.config, read, wasCutOff);
      return { result: failedResult(state, read, failed), sent: outcome };
    }
    const { user, view, answer } = outcome;
    // Who was found, and which keys were shown; never a value.
    trace.about({ userId: user.id, keys: view.profileKeys });
    return { result: foundResult(state, read, outcome), sent: answer };
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
  return held ? failedBy(held, { attempts: 0 }) : outcomeOf(state, answer, data.sought);
};

/** What a look-up found, or why it shows nothing. */
const outcomeOf = (
  { config, refusedKeys, secrets }: State,
  read: Answer,
  { by }: Look["sought"],
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
  return { ...failedBy(why, read.outcome, config.timeoutMs), ...lookedUp };
};

const ofIgnored = "These are no arguments of this tool, and they were not used.";

const foundResult = ({ sandbox }: State, read: Read, { user, view, answer }: Found): GetResult => {
  const about = { sandbox, attempts: answer.attempts, ofIgnored };
  const found = { ...read, target: { ...read.target, userId: user.id } };
  return resultOf("found", found, about, {
    profile_keys: view.profileKeys,
    profile: view.profile,
    altered_keys: view.alteredKeys.length > 0 ? view.alteredKeys : undefined,
    hidden_keys: view.hiddenKeys > 0 ? view.hiddenKeys : undefined,
    updated_at: user.updatedAt,
  });
};

const failedResult = ({ sandbox }: State, read: Read, failed: Failed): GetResult => {
  const { code, attempts, userIds } = failed;
  const status = code === "user_not_found" ? "not_found" : "not_read";
  const error = errorOf(failed, status === "not_found" ? "." : "; nothing was read.");
  const shown = { user_ids: userIds && [...userIds] };
  return resultOf(status, read, { sandbox, attempts, ofIgnored }, shown, error);
};
