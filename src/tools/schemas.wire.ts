import { inputJsonSchema, outputJsonSchema } from "./update-profile/schema.ts";

// The build evaluates a module named *.wire.ts and ships its values as JSON, so that listing the
// tool costs neither zod nor a conversion. Unbundled, in tests, it is an ordinary module.

const pinned = "pinned";

/** The published input schema for each combination of pins, without a list of allowed keys. */
export const inputSchemas = {
  none: inputJsonSchema({ appId: undefined, userId: undefined, allowedKeys: undefined }),
  app: inputJsonSchema({ appId: pinned, userId: undefined, allowedKeys: undefined }),
  user: inputJsonSchema({ appId: undefined, userId: pinned, allowedKeys: undefined }),
  both: inputJsonSchema({ appId: pinned, userId: pinned, allowedKeys: undefined }),
};

export const outputSchema = outputJsonSchema;
