import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { ErrorCode, McpError, type RequestId } from "@modelcontextprotocol/sdk/types.js";
import { looseObject } from "zod/v4";
import type { Answer } from "../guards/confirmation.ts";
import { isObject } from "../lib/json.ts";
import { askingText, waitingText } from "../tools/words.ts";

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
    type: "object",
    properties: { write: { type: "boolean", title: "Write these values", default: true } },
  } as const,
});

/** Whether a client with these capabilities can show a form; `{}` stands for forms (MCP 2025-06-18). */
export const canAsk = (capabilities: unknown): boolean => {
  const elicitation = isObject(capabilities) ? capabilities.elicitation : undefined;
  return isObject(elicitation) && (isObject(elicitation.form) || !isObject(elicitation.url));
};

/**
 * What an answer to the form means (`ElicitResult`): a yes is `accept` and nothing in it that is not
 * true. Undefined for what is no answer.
 */
export const answerOf = (response: unknown): "accepted" | "declined" | undefined => {
  const { action, content } = isObject(response) ? response : {};
  if (action === "decline" || action === "cancel") return "declined";
  if (action !== "accept") return undefined;
  const given = content ?? {};
  const isYes = isObject(given) && Object.values(given).every((value) => value === true);
  return isYes ? "accepted" : "declined";
};

/**
 * Asks the person through the client and waits, five minutes at most.
 *
 * @param report is told that the person is asked, and every 15 s that they have not answered
 */
export const elicit = async (
  server: Server,
  question: string,
  { signal, requestId }: { signal: AbortSignal; requestId: RequestId },
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
    const request = { method: "elicitation/create", params: confirmationForm(question) } as const;
    const options = { signal, timeout: personTimeoutMs, relatedRequestId: requestId };
    // Not elicitInput, which takes an answer with a null in it for none; here that is a no.
    const response = await server.request(request, looseObject({}), options);
    return answerOf(response) ?? "unavailable";
  } catch (error) {
    const silent = error instanceof McpError && error.code === ErrorCode.RequestTimeout;
    return silent ? "timeout" : "unavailable";
  } finally {
    clearInterval(reminder);
  }
};
