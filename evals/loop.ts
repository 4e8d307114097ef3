import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema, type Tool } from "@modelcontextprotocol/sdk/types.js";
import {
  dynamicTool,
  generateText,
  isStepCount,
  jsonSchema,
  type LanguageModel,
  type ModelMessage,
  type ToolSet,
} from "ai";
import { isJson, type Json } from "./conversation.ts";
import { type Scenario, turnsOf, usualUsers } from "./scenarios.ts";
import {
  type Seen,
  type Store,
  startUpstream,
  storeOf,
  type Upstream,
  type World,
} from "./upstream.ts";

export const views = ["text", "structured"] as const;
/** The half of a tool's result that the host shows to the model. */
export type View = (typeof views)[number];

export type Play = {
  scenario: Scenario;
  view: View;
  model: LanguageModel;
  /** Path of the built server. */
  server: string;
  /** Changes the text of each result on its way, to see whether that is noticed. */
  change?: (json: string) => string;
};

export type PlayedCall = { turn: number; tool: string; args: Json; result: unknown };

export type Played = {
  system: string;
  before: Store;
  turns: { says: string; answer: string; store: Store }[];
  calls: PlayedCall[];
  /** What reached the upstream. */
  requests: Seen[];
  transcript: ModelMessage[];
  tokens: { input: number; output: number };
  ms: number;
  serverVersion: string;
  apiKey: string;
  /** Why the loop broke off, if it did. */
  broke?: string;
};

/** Bounds of one answer to the person: steps of the model, and time in milliseconds. */
const maxSteps = 8;
const answerMs = 180_000;
const apiKey = "evals-management-key-0123456789";

const prompt = (instructions: string): string =>
  [
    "You are a helpful assistant. You talk with one person, who reads your messages but not the results of your tools. You cannot wait or come back on your own.",
    `Instructions of the MCP server prelude:\n${instructions}`,
  ].join("\n\n");

const connect = async ({ scenario, server }: Play, baseUrl: string) => {
  const { person, sandbox, env } = scenario;
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: sandbox ? [server, "--sandbox"] : [server],
    env: {
      PRELUDE_API_KEY: apiKey,
      PRELUDE_BASE_URL: baseUrl,
      PRELUDE_TIMEOUT_MS: "6000",
      ...env,
    },
    stderr: "pipe",
  });
  const lines: string[] = [];
  transport.stderr?.on("data", (chunk) => lines.push(String(chunk)));
  const capabilities = person ? { elicitation: { form: {} } } : {};
  const client = new Client({ name: "prelude-profile-mcp-evals", version: "0" }, { capabilities });
  if (person) {
    client.setRequestHandler(ElicitRequestSchema, () =>
      person === "accepts" ? { action: "accept", content: {} } : { action: "decline" },
    );
  }
  await client.connect(transport).catch((error: unknown) => {
    throw new Error(`the server did not start: ${(lines.join("") || String(error)).slice(0, 500)}`);
  });
  return client;
};

/** What the sandbox of the server holds, which nobody can look into: what its results acknowledge. */
const sandboxStore = (before: Store, calls: readonly PlayedCall[]): Store => {
  const store = structuredClone(before);
  for (const { args, result } of calls) {
    if (!isJson(result) || result.sandbox !== true || !isJson(args.profile)) continue;
    const place = `${result.app_id}/${result.user_id}`;
    const keys = Array.isArray(result.updated_keys) ? result.updated_keys : [];
    const written = keys.map((key) => [key, (args.profile as Json)[key]]);
    store[place] = { ...store[place], ...Object.fromEntries(written) };
  }
  return store;
};

/** The server's tools for the AI SDK; each result reaches the model as the view has it. */
const toolsOf = (
  list: readonly Tool[],
  { view, change = (json) => json }: Play,
  call: (tool: string, args: Json) => Promise<Json>,
): ToolSet => {
  const shown = (result: Json): string => {
    const [first] = Array.isArray(result.content) ? result.content : [];
    const text = view === "text" ? first?.text : JSON.stringify(result.structuredContent);
    return change(text ?? "");
  };
  return Object.fromEntries(
    list.map(({ name, description = "", inputSchema }) => [
      name,
      dynamicTool({
        description,
        inputSchema: jsonSchema(inputSchema as Parameters<typeof jsonSchema>[0]),
        execute: (args) => call(name, isJson(args) ? args : {}),
        toModelOutput: ({ output }) => {
          const result = isJson(output) ? output : {};
          const type = result.isError ? "error-text" : "text";
          return { type, value: shown(result) };
        },
      }),
    ]),
  );
};

type Host = { client: Client; upstream: Upstream };

/** One answer of the model to the last message of the transcript, with the calls that it takes. */
const answerTo = async (played: Played, model: LanguageModel, tools: ToolSet, system: string) => {
  const { text, finishReason, responseMessages, totalUsage } = await generateText({
    model,
    instructions: system,
    messages: played.transcript,
    tools,
    stopWhen: isStepCount(maxSteps),
    abortSignal: AbortSignal.timeout(answerMs),
  });
  played.transcript.push(...responseMessages);
  played.tokens.input += totalUsage.inputTokens ?? 0;
  played.tokens.output += totalUsage.outputTokens ?? 0;
  if (finishReason !== "stop") played.broke = `the answer ended with ${finishReason}`;
  return text;
};

const talk = async (options: Play, before: Store, { client, upstream }: Host) => {
  const { scenario, model } = options;
  const system = prompt(client.getInstructions() ?? "");
  const { tools: list } = await client.listTools();
  const played: Played = {
    system: `${system}\n${JSON.stringify(list)}`,
    before,
    turns: [],
    calls: [],
    requests: upstream.seen,
    transcript: [],
    tokens: { input: 0, output: 0 },
    ms: 0,
    serverVersion: client.getServerVersion()?.version ?? "",
    apiKey,
  };
  const tools = toolsOf(list, options, async (tool, args) => {
    const result = await client.callTool({ name: tool, arguments: args });
    const shown = result.structuredContent ?? result.content;
    played.calls.push({ turn: played.turns.length, tool, args, result: shown });
    return result;
  });
  for (const { says } of turnsOf(scenario)) {
    played.transcript.push({ role: "user", content: says });
    const answer = await answerTo(played, model, tools, system);
    const store = scenario.sandbox ? sandboxStore(before, played.calls) : upstream.store();
    played.turns.push({ says, answer, store });
    if (played.broke !== undefined) break;
  }
  return played;
};

/** Plays one scenario in one view with one model, from the start of the server to its end. */
export const play = async (options: Play): Promise<Played> => {
  const started = performance.now();
  const world: World = structuredClone({ users: usualUsers(), ...options.scenario.world });
  const before = storeOf(world);
  const upstream = await startUpstream(world);
  try {
    const client = await connect(options, upstream.url);
    try {
      const played = await talk(options, before, { client, upstream });
      return { ...played, ms: Math.round(performance.now() - started) };
    } finally {
      await client.close();
    }
  } finally {
    upstream.close();
  }
};
