import { inputJsonSchema, outputJsonSchema } from "./update-profile/schema.ts";

// The build evaluates a module named *.wire.ts and ships its values as JSON, so that listing the
// tool costs neither zod nor a conversion. Unbundled, in tests, it is an ordinary module.

const fixed = "fixed";

/** The published input schema for each combination of fixed ids, without a list of allowed keys. */
export const inputSchemas = {
  none: inputJsonSchema({ appId: undefined, userId: undefined, allowedKeys: undefined }),
  app: inputJsonSchema({ appId: fixed, userId: undefined, allowedKeys: undefined }),
  user: inputJsonSchema({ appId: undefined, userId: fixed, allowedKeys: undefined }),
  both: inputJsonSchema({ appId: fixed, userId: fixed, allowedKeys: undefined }),
};

export const outputSchema = outputJsonSchema;
