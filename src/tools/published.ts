import { definition as getDefinition } from "./get-profile/definition.ts";
import { getInput, getOutput, updateInput, updateOutput } from "./schemas.wire.ts";
import type { JsonSchema, ToolDefinition, ToolScope } from "./tool.ts";
import { definition as updateDefinition } from "./update-profile/definition.ts";

/** Which of the schemas that the build shipped fits what the operator fixed. */
const fitting = (shipped: typeof updateInput, { appId, userId }: ToolScope): JsonSchema => {
  if (appId === undefined) return userId === undefined ? shipped.none : shipped.user;
  return userId === undefined ? shipped.app : shipped.both;
};

/** `update_user_profile` as `tools/list` publishes it for this scope. */
export const publishedUpdate = async (scope: ToolScope): Promise<ToolDefinition> => {
  const inputSchema =
    scope.allowedKeys === undefined
      ? fitting(updateInput, scope)
      : (await import("./update-profile/schema.ts")).inputJsonSchema(scope);
  return { ...updateDefinition(scope), inputSchema, outputSchema: updateOutput };
};

/** `get_user_profile` as `tools/list` publishes it for this scope. */
export const publishedGet = async (scope: ToolScope): Promise<ToolDefinition> => ({
  ...getDefinition(scope),
  inputSchema: fitting(getInput, scope),
  outputSchema: getOutput,
});
