import type { LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import { MockLanguageModelV4 } from "ai/test";
import {
  type Call,
  type Conversation,
  isJson,
  type Json,
  type Made,
  readPrompt,
} from "./conversation.ts";

export type Action = Call | string;
/** What an agent means to do about one message: calls, and words of its own at the end. */
export type Plan = readonly (Action | ((conversation: Conversation) => Action))[];
export type Agent = (conversation: Conversation) => Action;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
const errorOf = ({ result }: Made): Json => (isJson(result.error) ? result.error : {});
const profileOf = ({ args }: Made): Json => (isJson(args.profile) ? args.profile : {});

/** A value as the accepted form of an issue wants it; undefined: the words do not say. */
const asWanted = (value: unknown, accepted: string): unknown => {
  if (!accepted.startsWith("a string")) return undefined;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

const corrected = (made: Made): Call | undefined => {
  const profile = { ...profileOf(made) };
  const { issues } = errorOf(made);
  for (const issue of Array.isArray(issues) ? issues : []) {
    const key = text(issue.path).replace(/^profile\./, "");
    const value = asWanted(profile[key], text(issue.accepted));
    if (value === undefined) return undefined;
    profile[key] = value;
  }
  return { ...made, args: { ...made.args, profile } };
};

const withoutKeys = (made: Made): Call | undefined => {
  const refused = new Set(texts(errorOf(made).keys));
  const rest = Object.entries(profileOf(made)).filter(([key]) => !refused.has(key));
  const args = { ...made.args, profile: Object.fromEntries(rest) };
  return rest.length > 0 ? { ...made, args } : undefined;
};

/** What a next step can order, by its words, and the call that obeys. */
const knownOrders: readonly [RegExp, (made: Made) => Call | undefined][] = [
  [
    /call again with the same arguments and on_reserved_key set to "skip"/i,
    (made) => ({ ...made, args: { ...made.args, on_reserved_key: "skip" } }),
  ],
  [/correct every entry of error\.issues/i, corrected],
  [/call again with only those/i, withoutKeys],
  [/(?:^|\. )repeat the identical call once/i, (made) => made],
];

/**
 * The call that the last result orders, if it orders one that serves the person. An order is obeyed
 * once: a second result with the same order ends in words.
 */
const ordered = (made: readonly Made[], takesPart: boolean): Call | undefined => {
  const last = made.at(-1);
  if (!last) return undefined;
  const step = (call: Made) => text(errorOf(call).next_step);
  const [words, obey] = knownOrders.find(([pattern]) => pattern.test(step(last))) ?? [];
  if (!words || !obey || made.slice(0, -1).some((call) => words.test(step(call)))) return undefined;
  if (words.source.includes("on_reserved_key") && !takesPart) return undefined;
  const call = obey(last);
  return call && { tool: call.tool, args: call.args };
};

const said: Record<string, (made: Made) => string> = {
  updated: ({ result }) => `I saved ${texts(result.updated_keys).join(", ")}.`,
  partially_updated: ({ result }) => `I saved only ${texts(result.updated_keys).join(", ")}.`,
  not_updated: () => "Nothing was saved.",
  unknown: () => "It is unknown whether the values were saved.",
  found: () => "",
  not_found: () => "I found no user.",
  not_read: () => "I could not look.",
};

/** The sentences of a next step that are meant for the person, in words to the person. */
const forPerson = (made: Made): string[] => {
  const { next_step, keys } = errorOf(made);
  return text(next_step)
    .split(/(?<=\.)\s+/)
    .flatMap((sentence) => {
      const wait = /^Wait (\d+) s/.exec(sentence);
      if (wait) return [`It can be done again after ${wait[1]} seconds.`];
      if (/if you are not sure, ask first/.test(sentence))
        return ["Shall I do only a part instead?"];
      const told = /\b(tell|ask) (?:the person|them) (?:to |that )?(.*)$/i.exec(sentence);
      if (!told) return [];
      const { user_id, user_ids } = made.result;
      const about = [...texts(keys), text(user_id), ...texts(user_ids)].filter(Boolean).join(", ");
      return [`${told[1] === "Ask" ? "Please" : "Note"} (${about}): ${told[2]}`];
    });
};

/** Says of one call what its result says; without a next step the agent has no advice to give. */
const report = (made: Made): string[] => {
  const sandbox =
    made.result.sandbox === true ? ["It is a sandbox: nothing real was changed."] : [];
  const status = said[text(made.result.status)] ?? (() => "I cannot tell what happened.");
  return [status(made), text(errorOf(made).message), ...forPerson(made), ...sandbox];
};

/**
 * The agent that does it right: it makes the calls that it planned, obeys what the results order,
 * and says what they say. `takesPart`: the person wants some of the keys rather than none.
 */
export const rightAgent =
  (plans: readonly Plan[], takesPart: boolean): Agent =>
  (seen) => {
    const { turn, made } = seen;
    const orders = made.map((_, i) => ordered(made.slice(0, i + 1), takesPart));
    const order = orders.at(-1);
    if (order) return order;
    const ends = made.filter((_, i) => orders[i] === undefined);
    const failed = ends.at(-1)?.result.error !== undefined;
    const rest = (failed ? [] : (plans[turn] ?? []).slice(ends.length)).map((step) =>
      typeof step === "function" ? step(seen) : step,
    );
    const [next] = rest;
    if (next !== undefined && typeof next !== "string") return next;
    // What an obeyed order wants to be told as well: which keys were left out.
    const told = made.filter((call, i) => orders[i] && /^Tell/.test(text(errorOf(call).next_step)));
    const words = [...ends.flatMap(report), ...told.flatMap(forPerson)];
    return [...words, ...rest].filter((part) => typeof part === "string" && part !== "").join(" ");
  };

/** The agent that plays what is written, whatever comes back. */
export const blindAgent =
  (turns: readonly (readonly Action[])[]): Agent =>
  ({ turn, made }) =>
    turns[turn]?.[made.length] ?? "Done.";

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
      const call = {
        toolCallId: `call-${id}`,
        toolName: action.tool,
        input: JSON.stringify(action.args),
      };
      const content = [{ type: "tool-call" as const, ...call }];
      return { ...common, content, finishReason: { unified: "tool-calls", raw: undefined } };
    },
  });
};
