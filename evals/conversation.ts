import type { LanguageModelV4Prompt } from "@ai-sdk/provider";

export type Json = { [name: string]: unknown };
export type Call = { tool: string; args: Json };
export type Made = Call & { result: Json };

/** What a scripted agent can see: exactly what a model is sent. */
export type Conversation = {
  /** The system prompt, with the server's instructions. */
  system: string;
  /** Which of the person's messages is to be answered; 0 is the first. */
  turn: number;
  /** The calls since that message, with what came back. */
  made: Made[];
};

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const parsed = (text: string): Json => {
  try {
    const value: unknown = JSON.parse(text);
    return isJson(value) ? value : {};
  } catch {
    return {};
  }
};

const resultOf = (output: { type: string; value?: unknown }): Json => {
  if (typeof output.value === "string") return parsed(output.value);
  return isJson(output.value) ? output.value : {};
};

/** Reads the prompt that the AI SDK gives to a model. */
export const readPrompt = (prompt: LanguageModelV4Prompt): Conversation => {
  const last = prompt.findLastIndex(({ role }) => role === "user");
  const since = prompt.slice(last + 1);
  const results = new Map(
    since
      .flatMap((message) => (message.role === "tool" ? message.content : []))
      .flatMap((part) => (part.type === "tool-result" ? [part] : []))
      .map((part) => [part.toolCallId, resultOf(part.output)]),
  );
  const calls = since
    .flatMap((message) => (message.role === "assistant" ? message.content : []))
    .flatMap((part) => (part.type === "tool-call" ? [part] : []));
  return {
    system: prompt.map((message) => (message.role === "system" ? message.content : "")).join(""),
    turn: prompt.filter(({ role }) => role === "user").length - 1,
    made: calls.map(({ toolCallId, toolName, input }) => ({
      tool: toolName,
      args: isJson(input) ? input : {},
      result: results.get(toolCallId) ?? {},
    })),
  };
};
