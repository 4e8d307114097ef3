import { inputSchemas, outputSchema } from "./schemas.wire.ts";
import type { ToolDefinition, ToolScope } from "./tool.ts";
import { toolText } from "./update-profile/definition.ts";

/** The tool as `tools/list` publishes it for this scope. */
export const publishedTool = async (scope: ToolScope): Promise<ToolDefinition> => {
  const { appId, userId, allowedKeys } = scope;
  const app = appId !== undefined;
  const user = userId !== undefined;
  const inputSchema = allowedKeys
    ? (await import("./update-profile/schema.ts")).inputJsonSchema(scope)
    : inputSchemas[app ? (user ? "both" : "app") : user ? "user" : "none"];
  return { ...toolText(scope), inputSchema, outputSchema };
};
