import type { Trace } from "../../guards/audit.ts";
import { type Answer, type Before, confirmationOf } from "../../guards/confirmation.ts";
import type { Write } from "../../profile/write.ts";
import type { Asked, ToolCall } from "../tool.ts";
import { refused, tooMany } from "./failure.ts";
import { lookBefore } from "./look.ts";
import type { Failure } from "./result.ts";
import type { State } from "./state.ts";

/** Asks the person; undefined: the write may go on. */
export const askPerson = async (
  state: State,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Failure | Asked | undefined> => {
  const confirmation = confirmationOf(write);
  if (!confirmation) return refused("confirmation_unavailable", { tooLargeToShow: true });
  const answer =
    call.answered(confirmation.subject) ?? (await putQuestion(state, write, call, trace));
  if (typeof answer === "object") return answer;
  return answer === "accepted" ? undefined : refused(unconfirmed[answer]);
};

/** Puts the question, with what is there now where the operator lets that be read. */
const putQuestion = async (
  state: State,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Answer | Failure> => {
  const held = holdQuestion(state);
  if (held) return held;
  const reads = state.config.read !== "off";
  const before = reads ? await lookBeforeQuestion(state, write, call, trace) : undefined;
  if (before === "audit_unavailable") return refused(before);
  // Nobody waits for the answer any more, or a yes could not be acted on.
  if (call.signal.aborted || state.isStopping()) return stopped(state);
  const confirmation = confirmationOf(write, before, state.secrets);
  if (!confirmation) return refused("confirmation_unavailable", { tooLargeToShow: true });
  return call.confirm(confirmation);
};

const lookBeforeQuestion = async (
  state: State,
  write: Write,
  call: ToolCall,
  trace: Trace,
): Promise<Before | "audit_unavailable"> => {
  try {
    trace.attempt();
  } catch {
    return "audit_unavailable";
  }
  return lookBefore(state, write, call.signal);
};

const stopped = ({ isStopping }: Pick<State, "isStopping">): Failure =>
  refused("timeout", isStopping() ? { stopping: true } : {});

const unconfirmed = {
  declined: "confirmation_declined",
  timeout: "confirmation_timeout",
  unavailable: "confirmation_unavailable",
} as const;

/** Why nobody is asked: there are too many questions, or a yes could not be acted on. */
const holdQuestion = ({ isStopping, writes, questions, audit }: State): Failure | undefined => {
  if (isStopping()) return stopped({ isStopping });
  const waitMs = writes.wait() ?? questions.take();
  if (waitMs !== undefined) return tooMany(waitMs);
  try {
    audit?.check();
    return undefined;
  } catch {
    return refused("audit_unavailable");
  }
};
