import { inputSchemas, outputSchema } from "./tool.wire.ts";
import { type ToolDefinition, type ToolScope, toolText } from "./tool-text.ts";

/** The tool as `tools/list` publishes it for this scope. */
export const publishedTool = async (scope: ToolScope): Promise<ToolDefinition> => {
  const { appId, userId, allowedKeys } = scope;
  const app = appId !== undefined;
  const user = userId !== undefined;
  const inputSchema = allowedKeys
    ? (await import("./tool.ts")).inputJsonSchema(scope)
    : inputSchemas[app ? (user ? "both" : "app") : user ? "user" : "none"];
  return { ...toolText(scope), inputSchema, outputSchema };
};
