import type { z } from "zod/v3";
import { zodToJsonSchema } from "zod-to-json-schema";

export type JsonSchema = {
  type: "object";
  properties: Record<string, unknown>;
  required?: string[];
  [keyword: string]: unknown;
};

/**
 * JSON Schema as it goes over the wire: no `$ref` (several clients reject it), no `$schema`, no
 * `additionalProperties: true` (the default, and tokens).
 */
export const jsonSchema = (schema: z.ZodTypeAny): JsonSchema => {
  const { $schema: _, ...rest } = zodToJsonSchema(schema, {
    strictUnions: true,
    pipeStrategy: "input",
    $refStrategy: "none",
    allowedAdditionalProperties: undefined,
  }) as { $schema?: string } & JsonSchema;
  return rest;
};
