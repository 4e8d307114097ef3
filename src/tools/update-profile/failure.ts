import type { NotWritten } from "../../profile/write.ts";
import { heldFacts, requestFacts } from "../failure-facts.ts";
import type { FailureFacts } from "../messages.ts";
import type { Failure } from "./result.ts";

/** Codes that are about the keys of the request. */
const aboutKeys: ReadonlySet<string> = new Set([
  "invalid_request",
  "reserved_profile_key",
  "api_error",
]);

/** A call that was refused before anything was sent. */
export const refused = (code: Failure["code"], facts: FailureFacts = {}): Failure => ({
  code,
  wrote: "none",
  facts,
});

/** A call for which the minute has no place left. */
export const tooMany = (waitMs: number): Failure =>
  refused("too_many_writes", heldFacts({ code: "too_many_writes", waitMs }));

/** What the sentences for the model need to know of a write that did not write everything. */
export const failureOf = (outcome: NotWritten, timeoutMs: number): Failure => {
  const { why, wrote, attempts, acknowledgedKeys, refusedTogether, leaveOut, search, untried } =
    outcome;
  if (!("mayHaveWritten" in why)) {
    // The words of a call that the server's own end cut off.
    const code = why.code === "stopping" ? "timeout" : why.code;
    return { ...refused(code, heldFacts(why)), attempts };
  }
  const facts = requestFacts(why, outcome, timeoutMs);
  if (acknowledgedKeys.length > 0) facts.acknowledgedKeys = acknowledgedKeys;
  if (refusedTogether.length > 0) facts.refusedTogether = refusedTogether;
  if (leaveOut.length > 0) facts.leaveOut = leaveOut;
  if (search !== "none") facts.search = search;
  if (untried.length > 0) facts.untried = untried;
  if (wrote === "unknown") facts.unsettled = true;
  if (aboutKeys.has(why.code)) facts.keys = outcome.keys;
  const mentionedKey = mentioned(why.apiMessage, outcome.keys);
  if (mentionedKey !== undefined) facts.mentionedKey = mentionedKey;
  const failure: Failure = { code: why.code, wrote, facts, attempts };
  if (why.requestId !== undefined) failure.requestId = why.requestId;
  if (why.retryable !== undefined) failure.retryable = why.retryable;
  return failure;
};

/** The API document's example message, whose words say nothing about the keys of a call. */
const documentedMessage = "The profile key is reserved and cannot be used.";

/** The one of several keys that the API's message mentions as a word of its own. */
const mentioned = (message: string | undefined, keys: readonly string[]): string | undefined => {
  if (message === undefined || keys.length < 2) return undefined;
  const words = new Set(
    message.replace(documentedMessage, "").match(/[\p{L}\p{N}_.:-]*[\p{L}\p{N}_]/gu),
  );
  const found = keys.filter((key) => words.has(key));
  return found.length === 1 ? found[0] : undefined;
};
