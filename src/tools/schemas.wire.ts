import * as get from "./get-profile/schema.ts";
import type { JsonSchema, ToolScope } from "./tool.ts";
import * as update from "./update-profile/schema.ts";

// The build evaluates a module named *.wire.ts and ships its values as JSON, so that listing the
// tools costs neither zod nor a conversion. Unbundled, in tests, it is an ordinary module.

type FixedIds = Pick<ToolScope, "appId" | "userId">;

/** A schema for each combination of ids that the operator may have fixed. */
const forEachFixing = (schemaOf: (fixed: FixedIds) => JsonSchema) => ({
  none: schemaOf({ appId: undefined, userId: undefined }),
  app: schemaOf({ appId: "fixed", userId: undefined }),
  user: schemaOf({ appId: undefined, userId: "fixed" }),
  both: schemaOf({ appId: "fixed", userId: "fixed" }),
});

/** `update_user_profile`, without a list of allowed keys. */
export const updateInput = forEachFixing((fixed) =>
  update.inputJsonSchema({ ...fixed, allowedKeys: undefined }),
);
export const updateOutput = update.outputJsonSchema;

/** `get_user_profile`. */
export const getInput = forEachFixing(get.inputJsonSchema);
export const getOutput = get.outputJsonSchema;
