import type { JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import { isObject } from "../../lib/json.ts";
import { isId } from "./ids.ts";

type Json = Record<string, unknown>;
type Params = NonNullable<JSONRPCRequest["params"]>;
type Read<T> = { value: T } | { problem: string };

/** Longest progress token, which every notification repeats, and name of a client, in UTF-16 code units. */
const maxLength = 1_000;

/** The beginning of a long name, in a copy of its own: a slice would keep all of it in memory. */
export const cutName = (name: string): string =>
  name.length <= maxLength ? name : Buffer.from(name.slice(0, maxLength)).toString();

/** How the client can ask a person; an empty object stands for form mode (MCP 2025-06-18). */
const elicitationOf = ({ elicitation }: Json): Json => {
  if (!isObject(elicitation)) return {};
  const modes = ["form", "url"].filter((mode) => isObject(elicitation[mode]));
  if (Object.keys(elicitation).length === 0) modes.push("form");
  if (modes.length === 0) return {};
  return { elicitation: Object.fromEntries(modes.map((mode) => [mode, {}])) };
};

/** What `initialize` needs, and no more of it than is used here. */
const readInitialize = ({ protocolVersion, capabilities, clientInfo }: Json): Read<Json> => {
  if (typeof protocolVersion !== "string") return { problem: "protocolVersion must be a string" };
  const abilities = capabilities ?? {};
  if (!isObject(abilities)) return { problem: "capabilities must be an object" };
  const { name, version } = isObject(clientInfo) ? clientInfo : {};
  if (typeof name !== "string" || typeof version !== "string") {
    return { problem: "clientInfo must have a name and a version" };
  }
  const client = { name: cutName(name), version: cutName(version) };
  return {
    value: { protocolVersion, capabilities: elicitationOf(abilities), clientInfo: client },
  };
};

const isNothing = (value: unknown): value is undefined | null =>
  value === undefined || value === null;

const tokenProblem = (token: unknown): string | undefined => {
  if (isNothing(token)) return undefined;
  if (!isId(token)) return "params._meta.progressToken must be a string or an integer";
  const isLong = String(token).length > maxLength;
  return isLong ? "params._meta.progressToken must have at most 1,000 characters" : undefined;
};

const relatedTask = "io.modelcontextprotocol/related-task";

/** `_meta` as it is if that will do, and without what follows below; null stands for nothing. */
const fitMeta = (meta: Json): Json => {
  if (!(relatedTask in meta) && meta.progressToken !== null) return meta;
  const { progressToken, [relatedTask]: _, ...others } = meta;
  return isNothing(progressToken) ? others : { ...others, progressToken };
};

/**
 * Params as they are if that will do. What concerns tasks, which this server does not declare, is
 * left out: a request that asks for one is to be handled as if it did not (MCP 2025-11-25, tasks).
 */
const fitParams = (params: Json): Json => {
  const { _meta } = params;
  const meta = isObject(_meta) ? fitMeta(_meta) : undefined;
  if (!("task" in params) && meta === (_meta ?? undefined) && _meta !== null) return params;
  const { task: _, _meta: __, ...others } = params;
  return meta ? { ...others, _meta: meta } : others;
};

/**
 * The params of a request, fit for the SDK, which drops a message whose shape its schemas do not
 * foresee; or why there are none, in words without any of their content.
 */
export const readParams = (method: string, params: unknown): Read<Params | undefined> => {
  if (!isNothing(params) && !isObject(params)) return { problem: "params must be an object" };
  const meta = params?._meta;
  if (!isNothing(meta) && !isObject(meta)) return { problem: "params._meta must be an object" };
  const problem = tokenProblem(meta?.progressToken);
  if (problem !== undefined) return { problem };
  if (method === "initialize") return readInitialize(params ?? {});
  return { value: params ? fitParams(params) : undefined };
};
