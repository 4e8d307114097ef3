import { createMCPClient, ElicitationRequestSchema } from "@ai-sdk/mcp";
import { StdioMCPTransport } from "@ai-sdk/mcp/mcp-stdio";
import { generateText, isStepCount, type LanguageModel, type ModelMessage, type ToolSet } from "ai";
import { type Scenario, usualUsers } from "./scenarios.ts";
import { type Store, startUpstream, storeOf, type World } from "./upstream.ts";

export type Json = { [name: string]: unknown };

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export type Play = {
  scenario: Scenario;
  model: LanguageModel;
  /** Path of the built server. */
  server: string;
  /** Changes the text of each result on its way, to see whether that is noticed. */
  change?: (json: string) => string;
};

export type Played = {
  /** All that the model was told before the person spoke. */
  system: string;
  before: Store;
  calls: { tool: string; args: Json; result: Json }[];
  /** What the model says in the end, and what the profiles hold then. */
  answer: string;
  after: Store;
  transcript: readonly ModelMessage[];
  tokens: number;
  ms: number;
  serverVersion: string;
  /** Why the talk ended; `stop`, unless it broke off. */
  finished: string;
};

/** Bounds of one talk: steps of the model, and time in milliseconds. */
const maxSteps = 8;
const maxMs = 180_000;
export const apiKey = "evals-management-key-0123456789";

const prompt = (instructions = ""): string =>
  [
    "You are a helpful assistant. You talk with one person, who reads your messages but not the results of your tools. You cannot wait or come back on your own.",
    `Instructions of the MCP server prelude:\n${instructions}`,
  ].join("\n\n");

const connect = async ({ scenario, server }: Play, baseUrl: string) => {
  const { person, sandbox, env } = scenario;
  const settings = { PRELUDE_API_KEY: apiKey, PRELUDE_BASE_URL: baseUrl, ...env };
  const transport = new StdioMCPTransport({
    command: process.execPath,
    args: sandbox ? [server, "--sandbox"] : [server],
    env: { PRELUDE_TIMEOUT_MS: "6000", ...settings },
    stderr: "ignore",
  });
  const capabilities = person ? { elicitation: {} } : {};
  const client = await createMCPClient({ transport, capabilities });
  client.onElicitationRequest(ElicitationRequestSchema, () =>
    person === "accepts" ? { action: "accept", content: {} } : { action: "decline" },
  );
  return client;
};

const textOf = (result: unknown): string => {
  const [first] = isJson(result) && Array.isArray(result.content) ? result.content : [];
  return String(first?.text);
};

/** The tools, with a record of their calls. */
const recorded = (tools: ToolSet, calls: Played["calls"], { change }: Play): ToolSet => {
  const entries = Object.entries(tools).map(([name, tool]) => {
    const execute: typeof tool.execute = async (args, options) => {
      const text = textOf(await tool.execute?.(args, options));
      calls.push({ tool: name, args: isJson(args) ? args : {}, result: JSON.parse(text) });
      return { content: [{ type: "text", text: change ? change(text) : text }] };
    };
    return [name, { ...tool, execute }];
  });
  return Object.fromEntries(entries);
};

/** Plays one scenario with one model, from the start of the server to its end. */
export const play = async (options: Play): Promise<Played> => {
  const { scenario, model } = options;
  const started = performance.now();
  const world: World = structuredClone({ users: usualUsers(), ...scenario.world });
  const before = storeOf(world);
  const upstream = await startUpstream(world);
  const client = await connect(options, upstream.url);
  try {
    const list = await client.listTools();
    const instructions = prompt(client.instructions);
    const calls: Played["calls"] = [];
    const { text, finishReason, responseMessages, totalUsage } = await generateText({
      model,
      instructions,
      prompt: scenario.says,
      tools: recorded(client.toolsFromDefinitions(list), calls, options),
      stopWhen: isStepCount(maxSteps),
      abortSignal: AbortSignal.timeout(maxMs),
    });
    return {
      system: `${instructions}\n${JSON.stringify(list)}`,
      before,
      calls,
      answer: text,
      after: storeOf(world),
      transcript: responseMessages,
      tokens: totalUsage.totalTokens ?? 0,
      ms: Math.round(performance.now() - started),
      serverVersion: client.serverInfo.version,
      finished: finishReason,
    };
  } finally {
    await client.close();
    upstream.close();
  }
};
