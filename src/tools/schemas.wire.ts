import * as get from "./get-profile/schema.ts";
import { jsonSchema } from "./json-schema.ts";
import * as update from "./update-profile/schema.ts";

// The build evaluates a module named *.wire.ts and ships its values as JSON, so that listing the
// tools costs neither zod nor a conversion. Unbundled, in tests, it is an ordinary module.

export const updateInput = jsonSchema(update.inputSchema({ allowedKeys: undefined }));
export const updateOutput = jsonSchema(update.outputSchema);

export const getInput = jsonSchema(get.inputSchema);
export const getOutput = jsonSchema(get.outputSchema);
