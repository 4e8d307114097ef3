import type { Trace } from "../../guards/audit.ts";
import { type Answer, confirmationOf } from "../../guards/confirmation.ts";
import type { RateLimit } from "../../guards/rate-limit.ts";
import type { Write } from "../../profile/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { type Failed, refused, tooMany } from "../result.ts";
import type { Asked, ToolCall } from "../tool.ts";
import { lookBefore } from "./look.ts";

export type AskScope = Dependencies & {
  writes: RateLimit;
  /** Counts the questions: as many a minute as there may be writes. */
  questions: RateLimit;
};

/** Asks the person; undefined: the write may go on. */
export const askPerson = async (
  scope: AskScope,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Failed | Asked | undefined> => {
  const confirmation = confirmationOf(write);
  if (!confirmation) return tooLarge;
  const answer =
    call.answered(confirmation.subject) ?? (await putQuestion(scope, write, call, trace));
  if (typeof answer === "object") return answer;
  return answer === "accepted" ? undefined : refused(`confirmation_${answer}`);
};

const tooLarge = refused("confirmation_unavailable", { tooLargeToShow: true });

/** Puts the question, with what is there now where the operator lets that be read. */
const putQuestion = async (
  scope: AskScope,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Answer | Failed> => {
  const held = holdQuestion(scope);
  if (held) return held;
  const reads = scope.config.read !== "off";
  if (reads && !wasTold(() => trace.attempt())) return refused("audit_unavailable");
  const before = reads ? await lookBefore(scope, write, call.signal) : undefined;
  // Nobody waits for the answer any more, or a yes could not be acted on.
  if (scope.isStopping()) return refused("stopping");
  if (call.signal.aborted) return refused("timeout");
  const confirmation = confirmationOf(write, before, scope.secrets);
  return confirmation ? call.confirm(confirmation) : tooLarge;
};

/** Why nobody is asked: there are too many questions, or a yes could not be acted on. */
const holdQuestion = ({ isStopping, writes, questions, audit }: AskScope): Failed | undefined => {
  if (isStopping()) return refused("stopping");
  const waitMs = writes.wait() ?? questions.take();
  if (waitMs !== undefined) return tooMany("too_many_writes", waitMs);
  return wasTold(() => audit?.check()) ? undefined : refused("audit_unavailable");
};

/** Whether the audit could take a line. */
const wasTold = (tell: () => void): boolean => {
  try {
    tell();
    return true;
  } catch {
    return false;
  }
};
