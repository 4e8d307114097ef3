import type { z } from "zod/v3";
import { zodToJsonSchema } from "zod-to-json-schema";
import type { JsonSchema } from "./tool.ts";

/**
 * JSON Schema as it goes over the wire: no `$ref` (several clients reject it), no `$schema`, no
 * `additionalProperties: true` (the default, and tokens).
 */
export const jsonSchema = (schema: z.ZodTypeAny): JsonSchema => {
  const { $schema: _, ...rest } = zodToJsonSchema(schema, {
    strictUnions: true,
    pipeStrategy: "input",
    $refStrategy: "none",
    postProcess: (schema) => {
      if (!schema || !("additionalProperties" in schema)) return schema;
      const { additionalProperties, ...rest } = schema;
      return additionalProperties === true ? (rest as typeof schema) : schema;
    },
  }) as { $schema?: string } & JsonSchema;
  return rest;
};
