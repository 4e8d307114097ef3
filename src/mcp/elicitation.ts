import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { ErrorCode, McpError } from "@modelcontextprotocol/sdk/types.js";
import type { Answer } from "../guards/confirmation.ts";
import { isObject } from "../lib/json.ts";
import { askingText, waitingText } from "../tools/words.ts";

/** Longest wait for a person's answer, in milliseconds. */
export const personTimeoutMs = 300_000;
/** How often a client that wants progress hears that the person has not answered yet, in milliseconds. */
const reminderMs = 15_000;

/**
 * The form that asks a person to approve (MCP, elicitation, form mode). Accepting it is the answer;
 * its one field is there because a form without any is reported to hang clients.
 */
export const confirmationForm = (question: string) => ({
  mode: "form" as const,
  message: question,
  requestedSchema: {
    type: "object" as const,
    properties: {
      write: { type: "boolean" as const, title: "Write these values", default: true },
    },
  },
});

/**
 * What a client's answer to the form means (`ElicitResult`). Everything that is not a clear yes is a
 * no: another action, or the field ticked off.
 */
export const answerOf = (response: unknown): "accepted" | "declined" => {
  if (!isObject(response) || response.action !== "accept") return "declined";
  const content = response.content ?? {};
  if (!isObject(content)) return "declined";
  const { write = true } = content;
  return write === true ? "accepted" : "declined";
};

type Extra = { signal: AbortSignal; requestId: string | number };

/**
 * Asks the person through the client and waits, five minutes at most.
 *
 * @param report is told that the person is asked, and every 15 s that they have not answered
 */
export const elicit = async (
  server: Server,
  question: string,
  { signal, requestId }: Extra,
  report: (message: string) => void,
): Promise<Answer> => {
  if (!server.getClientCapabilities()?.elicitation?.form) return "unavailable";
  const started = performance.now();
  report(askingText);
  const reminder = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000);
    report(waitingText(seconds, personTimeoutMs / 1000));
  }, reminderMs);
  try {
    const options = { signal, timeout: personTimeoutMs, relatedRequestId: requestId };
    return answerOf(await server.elicitInput(confirmationForm(question), options));
  } catch (error) {
    const silent = error instanceof McpError && error.code === ErrorCode.RequestTimeout;
    return silent ? "timeout" : "unavailable";
  } finally {
    clearInterval(reminder);
  }
};
