import type { Config } from "../../config/config.ts";
import type { Trace } from "../../guards/audit.ts";
import { type Confirmation, confirmationOf } from "../../guards/confirmation.ts";
import type { RateLimit } from "../../guards/rate-limit.ts";
import { holdsValues } from "../../prelude/answer.ts";
import { readProfile } from "../../profile/read.ts";
import type { Write } from "../../profile/write.ts";
import type { Dependencies } from "../call.ts";
import { refused } from "../messages.ts";
import { failedBy } from "../result.ts";
import type { ToolCall } from "../tool.ts";
import { dryRunQuestion } from "../words.ts";

/** A call that writes; `questions` counts those to a person, as many a minute as there may be writes. */
export type WriteCall = {
  state: Dependencies & { writes: RateLimit; questions: RateLimit };
  call: ToolCall;
  trace: Trace;
};

/** Longest look before a question, in milliseconds; it is asked without if this fails. */
const beforeMs = 5_000;
/** Time that is kept for the look after a lost answer, in milliseconds; at most a fifth of a call's. */
const afterMs = 3_000;

/** The user's profile as it is now, or undefined for whatever reason. The look is a part of its write. */
const look = async ({ state, call: { signal } }: WriteCall, write: Write, timeoutMs: number) => {
  const sought = { by: "user_id", value: write.userId } as const;
  const deadlineAt = performance.now() + timeoutMs;
  const read = await readProfile(await state.client(), write.appId, sought, { signal, deadlineAt });
  return read.kind === "found" ? read.user.profile : undefined;
};

/** Time that a write leaves for the look after it, in milliseconds; none where reading is off. */
export const keptMs = ({ read, timeoutMs }: Config): number =>
  read === "off" ? 0 : Math.min(afterMs, Math.floor(timeoutMs / 5));

/** Whether the profile holds every value of a write whose outcome the answers left open. */
export const isWritten = async (job: WriteCall, write: Write): Promise<boolean> =>
  holdsValues(await look(job, write, keptMs(job.state.config)), write.profile);

/** The write, if the person approves it; else the question to put to them, or why it must not be. */
export const askPerson = async (job: WriteCall, write: Write) => {
  const confirmation = confirmationOf(write);
  if (!confirmation) return refused("confirmation_unavailable", { tooLargeToShow: true });
  const known = job.call.person.answered(confirmation.subject);
  const answer = known ?? (await putQuestion(job, write, confirmation));
  if (typeof answer === "object") return answer;
  if (answer !== "accepted") return refused(`confirmation_${answer}`);
  job.trace.about({ confirmed: true });
  return write;
};

/** Puts the question, with what is there now where the operator lets that be read. */
const putQuestion = async (job: WriteCall, write: Write, plain: Confirmation) => {
  const { state, call, trace } = job;
  const { config, writes, questions, audit, isStopping, secrets } = state;
  if (isStopping()) return refused("stopping");
  // Nobody is asked whose yes could not be acted on.
  const waitMs = writes.wait() ?? questions.take();
  if (waitMs !== undefined) return failedBy({ code: "too_many_writes", waitMs }, { attempts: 0 });
  const { read, timeoutMs } = config;
  const reads = read !== "off";
  try {
    audit?.check();
    if (reads) trace.attempt();
  } catch {
    return refused("audit_unavailable");
  }
  const profile = reads ? await look(job, write, Math.min(beforeMs, timeoutMs)) : undefined;
  // Nobody waits for the answer any more, or the server has begun to end.
  if (isStopping()) return refused("stopping");
  if (call.signal.aborted) return refused("timeout");
  const before = reads ? { read, profile } : undefined;
  const { text, subject } = confirmationOf(write, before, secrets) ?? plain;
  const lead = config.write === "dry-run" ? `${dryRunQuestion}\n` : "";
  return call.person.confirm({ text: `${lead}${text}`, subject });
};
