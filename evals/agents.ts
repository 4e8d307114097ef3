import type { LanguageModelV4GenerateResult, LanguageModelV4Prompt } from "@ai-sdk/provider";
import { MockLanguageModelV4 } from "ai/test";
import { isJson, type Json } from "./play.ts";

export type Call = { tool: string; args: Json };

/** What a scripted agent can see: exactly what a model is sent. */
export type Conversation = {
  /** The system prompt, with the server's instructions. */
  system: string;
  /** The calls, with what came back. */
  made: (Call & { result: Json })[];
};

/** A call, or words; undefined: there is nothing more to do. */
export type Action = Call | string | undefined;
export type Plan = readonly (Action | ((seen: Conversation) => Action))[];
export type Agent = (seen: Conversation) => Call | string;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const errorOf = (result: Json): Json => (isJson(result.error) ? result.error : {});
export const lastResult = ({ made }: Conversation): Json => made.at(-1)?.result ?? {};

/** The call, if the last result orders it in these words. */
export const ifTold =
  (words: RegExp, call: Call) =>
  (seen: Conversation): Action =>
    words.test(text(errorOf(lastResult(seen)).next_step)) ? call : undefined;

const said: Record<string, string> = {
  updated: "I saved KEYS.",
  partially_updated: "I saved only KEYS.",
  not_updated: "Nothing was saved.",
  unknown: "It is unknown whether the values were saved.",
  found: "",
};

/** The sentences of a next step that are for the person: what to tell, to ask, to wait for. */
const forPerson = (nextStep: string): string[] =>
  nextStep
    .split(/(?<=\.)\s+/)
    .flatMap((sentence) =>
      /^Wait|ask first|\b(?:tell|ask) (?:the person|them)\b/i.test(sentence)
        ? [`(${sentence})`]
        : [],
    );

/** Says of one call what its result says; without a next step the agent has no advice to give. */
const report = (result: Json): string[] => {
  const { status, updated_keys: keys, user_ids: ids } = result;
  const { message, next_step } = errorOf(result);
  const written = Array.isArray(keys) && keys.length > 0 ? keys.join(", ") : "it";
  const opening = (said[text(status)] ?? "I found nothing.").replace("KEYS", written);
  const sandbox = result.sandbox === true ? "It is a sandbox: nothing real was changed." : "";
  const users = Array.isArray(ids) ? ids.join(", ") : "";
  return [opening, text(message), users, sandbox, ...forPerson(text(next_step))];
};

/** The agent that does it right: it follows its plan, and says what the results say. */
export const rightAgent =
  (plan: Plan): Agent =>
  (seen) => {
    const { made } = seen;
    const step = plan[made.length];
    const action = typeof step === "function" ? step(seen) : step;
    if (typeof action === "object") return action;
    const told = made.filter(({ result }, i) => !result.error || i === made.length - 1);
    return [...told.flatMap(({ result }) => report(result)), action].filter(Boolean).join(" ");
  };

/** The agent that plays what is written, whatever comes back. */
export const blindAgent =
  (actions: readonly (Call | string)[]): Agent =>
  ({ made }) =>
    actions[made.length] ?? "Done.";

const resultOf = (output: { type: string; value?: unknown }): Json => {
  const [first] = Array.isArray(output.value) ? output.value : [];
  return JSON.parse(text(first?.text));
};

/** Reads the prompt that the AI SDK gives to a model. */
const readPrompt = (prompt: LanguageModelV4Prompt): Conversation => {
  const seen: Conversation = { system: "", made: [] };
  for (const message of prompt) {
    if (message.role === "system") seen.system += message.content;
    if (message.role !== "assistant" && message.role !== "tool") continue;
    for (const part of message.content) {
      if (part.type === "tool-call") {
        const args = isJson(part.input) ? part.input : {};
        seen.made.push({ tool: part.toolName, args, result: {} });
      }
      // The agents make one call at a time.
      const call = seen.made.at(-1);
      if (part.type === "tool-result" && call) call.result = resultOf(part.output);
    }
  }
  return seen;
};

const usage = {
  inputTokens: { total: 0, noCache: 0, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 0, text: 0, reasoning: undefined },
};

/** A model of the AI SDK whose every answer is the agent's. */
export const modelOf = (agent: Agent): MockLanguageModelV4 => {
  let id = 0;
  return new MockLanguageModelV4({
    doGenerate: async ({ prompt }): Promise<LanguageModelV4GenerateResult> => {
      const action = agent(readPrompt(prompt));
      const common = { usage, warnings: [] };
      if (typeof action === "string") {
        const content = [{ type: "text" as const, text: action }];
        return { ...common, content, finishReason: { unified: "stop", raw: undefined } };
      }
      id += 1;
      const input = JSON.stringify(action.args);
      const call = { toolCallId: `call-${id}`, toolName: action.tool, input };
      const content = [{ type: "tool-call" as const, ...call }];
      return { ...common, content, finishReason: { unified: "tool-calls", raw: undefined } };
    },
  });
};
