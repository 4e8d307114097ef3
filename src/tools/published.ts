import { definition as getDefinition } from "./get-profile/definition.ts";
import { getInput, getOutput, updateInput, updateOutput } from "./schemas.wire.ts";
import { fixedNames, type JsonSchema, type ToolDefinition, type ToolScope } from "./tool.ts";
import { definition as updateDefinition } from "./update-profile/definition.ts";

/** The schema without what the operator fixed, so that the model cannot set it. */
const withoutFixed = (schema: JsonSchema, scope: ToolScope): JsonSchema => {
  const fixed = fixedNames(scope);
  const { required = [], ...rest } = schema;
  const left = Object.entries(schema.properties).filter(([name]) => !fixed.has(name));
  const properties = Object.fromEntries(left);
  const needed = required.filter((name) => !fixed.has(name));
  return needed.length > 0 ? { ...schema, properties, required: needed } : { ...rest, properties };
};

/** With a list of allowed keys the schema is made when it is first asked for. */
const listedInput = async (scope: ToolScope): Promise<JsonSchema> => {
  const { jsonSchema } = await import("./json-schema.ts");
  const { inputSchema } = await import("./update-profile/schema.ts");
  return jsonSchema(inputSchema(scope));
};

/** `update_user_profile` as `tools/list` publishes it for this scope. */
export const publishedUpdate = async (scope: ToolScope): Promise<ToolDefinition> => {
  const input = scope.allowedKeys === undefined ? updateInput : await listedInput(scope);
  const inputSchema = withoutFixed(input, scope);
  return { ...updateDefinition(scope), inputSchema, outputSchema: updateOutput };
};

/** `get_user_profile` as `tools/list` publishes it for this scope. */
export const publishedGet = async (scope: ToolScope): Promise<ToolDefinition> => ({
  ...getDefinition(scope),
  inputSchema: withoutFixed(getInput, scope),
  outputSchema: getOutput,
});
