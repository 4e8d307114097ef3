import { inputSchemas, outputSchema } from "./schemas.wire.ts";
import type { JsonSchema, ToolDefinition, ToolScope } from "./tool.ts";
import { toolText } from "./update-profile/definition.ts";

/** Which of the schemas that the build shipped fits what the operator fixed. */
const shippedSchema = ({ appId, userId }: ToolScope): JsonSchema => {
  if (appId === undefined) return userId === undefined ? inputSchemas.none : inputSchemas.user;
  return userId === undefined ? inputSchemas.app : inputSchemas.both;
};

/** The tool as `tools/list` publishes it for this scope. */
export const publishedTool = async (scope: ToolScope): Promise<ToolDefinition> => {
  const inputSchema =
    scope.allowedKeys === undefined
      ? shippedSchema(scope)
      : (await import("./update-profile/schema.ts")).inputJsonSchema(scope);
  return { ...toolText(scope), inputSchema, outputSchema };
};
