import type { Trace } from "../../guards/audit.ts";
import { type Answer, confirmationOf } from "../../guards/confirmation.ts";
import type { RateLimit } from "../../guards/rate-limit.ts";
import type { Write } from "../../profile/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { type Failed, refused, tooMany } from "../result.ts";
import type { Asked, ToolCall } from "../tool.ts";
import { lookBefore } from "./look.ts";

/** A call that may ask; `questions` counts them: as many a minute as there may be writes. */
export type AskScope = Dependencies & {
  call: ToolCall;
  trace: Trace;
  writes: RateLimit;
  questions: RateLimit;
};

const tooLarge = refused("confirmation_unavailable", { tooLargeToShow: true });

/** Asks the person; undefined: the write may go on. */
export const askPerson = async (
  scope: AskScope,
  write: Write,
): Promise<Failed | Asked | undefined> => {
  const confirmation = confirmationOf(write);
  if (!confirmation) return tooLarge;
  const answer = scope.call.answered(confirmation.subject) ?? (await putQuestion(scope, write));
  if (typeof answer === "object") return answer;
  return answer === "accepted" ? undefined : refused(`confirmation_${answer}`);
};

/** Puts the question, with what is there now where the operator lets that be read. */
const putQuestion = async (scope: AskScope, write: Write): Promise<Answer | Failed> => {
  const { call, trace, config, writes, questions, audit, isStopping, secrets } = scope;
  if (isStopping()) return refused("stopping");
  // Nobody is asked whose yes could not be acted on.
  const waitMs = writes.wait() ?? questions.take();
  if (waitMs !== undefined) return tooMany("too_many_writes", waitMs);
  const reads = config.read !== "off";
  try {
    audit?.check();
    if (reads) trace.attempt();
  } catch {
    return refused("audit_unavailable");
  }
  const before = reads ? await lookBefore(scope, write, call.signal) : undefined;
  // Nobody waits for the answer any more, or the server has begun to end.
  if (isStopping()) return refused("stopping");
  if (call.signal.aborted) return refused("timeout");
  const confirmation = confirmationOf(write, before, secrets);
  return confirmation ? call.confirm(confirmation) : tooLarge;
};
