import type { JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import { isObject } from "../../lib/json.ts";
import { isId } from "./ids.ts";

type Json = Record<string, unknown>;
type Params = NonNullable<JSONRPCRequest["params"]>;
type Meta = NonNullable<Params["_meta"]>;
type Read<T> = { value: T } | { problem: string };

/** Longest progress token, which every notification repeats, and name of a client, in UTF-16 code units. */
const maxLength = 1_000;

const isName = (value: unknown): value is string =>
  typeof value === "string" && value.length <= maxLength;

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
  if (!isName(name) || !isName(version)) {
    return {
      problem: "clientInfo must have a name and a version, each of at most 1,000 characters",
    };
  }
  const client = { name, version };
  return {
    value: { protocolVersion, capabilities: elicitationOf(abilities), clientInfo: client },
  };
};

/**
 * `_meta` without tasks, which this server does not declare: a request that asks for one is to be
 * handled as if it did not (MCP 2025-11-25, tasks). Null stands for nothing, here and in the token.
 */
const readMeta = (meta: unknown): Read<Meta | undefined> => {
  if (meta === undefined || meta === null) return { value: undefined };
  if (!isObject(meta)) return { problem: "params._meta must be an object" };
  const { progressToken, "io.modelcontextprotocol/related-task": _, ...others } = meta;
  if (progressToken === undefined || progressToken === null) return { value: others };
  if (!isId(progressToken)) {
    return { problem: "params._meta.progressToken must be a string or an integer" };
  }
  return String(progressToken).length > maxLength
    ? { problem: "params._meta.progressToken must have at most 1,000 characters" }
    : { value: { ...others, progressToken } };
};

/**
 * The params of a request, fit for the SDK, which drops a message whose shape its schemas do not
 * foresee; or why there are none, in words without any of their content.
 */
export const readParams = (method: string, params: unknown): Read<Params | undefined> => {
  if (params !== undefined && params !== null && !isObject(params)) {
    return { problem: "params must be an object" };
  }
  const { task: _, _meta, ...own } = params ?? {};
  const meta = readMeta(_meta);
  if ("problem" in meta) return meta;
  const read = method === "initialize" ? readInitialize(own) : { value: own };
  if ("problem" in read) return read;
  if (meta.value) return { value: { ...read.value, _meta: meta.value } };
  return params ? read : { value: undefined };
};
