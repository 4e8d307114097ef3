import { z } from "zod/v3";
import { appIdPattern, maxBodyBytes, userIdPattern } from "../../lib/contract.ts";
import { jsonSchema } from "../json-schema.ts";
import type { JsonSchema, ToolScope } from "../tool.ts";

const appId = z.string().regex(appIdPattern).describe("App id, exactly as given to you.");
const userId = z
  .string()
  .regex(userIdPattern)
  .describe("User id, exactly as given to you: usr_…, not an email address, phone number or UUID.");
const onReservedKey = z
  .enum(["fail", "skip"])
  .describe(
    'If Prelude reserves a key: "fail" (the default) writes nothing, "skip" the other keys.',
  );
const size = `at most ${maxBodyBytes / 1024} KiB`;
const anyKeys = `Keys to set, at least one, with new values: strings only ("42", "true"), ${size}.`;
const listedKeys = `Only the keys listed here may be written. Give those that are to change, leave out the others. Values are strings only ("42", "true"), ${size}.`;

const profileSchema = (allowedKeys: readonly string[] | undefined) =>
  allowedKeys
    ? z
        .object(
          Object.fromEntries(
            allowedKeys.map((key) => [key, z.string().describe(`New ${key}.`).optional()]),
          ),
        )
        .strict()
        .describe(listedKeys)
    : z.record(z.string()).describe(anyKeys);

/**
 * The tool's arguments. What the operator fixed is not declared at all, so that the model cannot
 * set it; whatever is not declared is refused. Hosts show a person only the declared arguments, so
 * an ignored extra would be the place to smuggle something past an approval.
 */
export const inputSchema = (scope: ToolScope) =>
  z
    .object({
      ...(scope.appId === undefined && { app_id: appId }),
      ...(scope.userId === undefined && { user_id: userId }),
      profile: profileSchema(scope.allowedKeys),
      on_reserved_key: onReservedKey.optional(),
    })
    .strict();

/**
 * The one shape of every result, success and failure alike: client SDKs validate
 * `structuredContent` against it even when `isError` is set, and hide the error on a mismatch.
 * Open to further properties, so that an older client survives a newer server.
 */
export const outputSchema = z
  .object({
    status: z
      .enum(["updated", "partially_updated", "not_updated", "unknown"])
      .describe(
        "updated: all saved. partially_updated: only updated_keys. not_updated: nothing. unknown: possibly saved.",
      ),
    app_id: z.string().optional(),
    user_id: z.string().optional(),
    updated_keys: z.array(z.string()).describe("Keys that Prelude acknowledged."),
    updated_keys_total: z.number().int().describe("Their number, if not all listed.").optional(),
    verified: z.boolean().describe("true: confirmed by reading the profile.").optional(),
    attempts: z.number().int().optional(),
    sandbox: z.boolean().describe("true: only simulated.").optional(),
    error: z
      .object({
        // Not an enum: a client that validates with an older schema must survive a new code.
        code: z.string(),
        message: z.string(),
        keys: z.array(z.string()).describe("Keys at fault.").optional(),
        issues: z.array(z.object({}).passthrough()).optional(),
        http_status: z.number().int().optional(),
        request_id: z.string().optional(),
        retryable: z.boolean().describe("true: a repeat may succeed."),
        retry_after_seconds: z.number().optional(),
        next_step: z.string(),
      })
      .passthrough()
      .describe("Unless updated.")
      .optional(),
  })
  .passthrough();

export type UpdateResult = z.infer<typeof outputSchema>;

/** The published schema of the arguments. */
export const inputJsonSchema = (scope: ToolScope): JsonSchema => {
  const schema = jsonSchema(inputSchema(scope)) as JsonSchema & Published;
  const name = "__proto__";
  if (scope.allowedKeys?.includes(name)) {
    // The conversion assigns properties, and this one would vanish.
    const value = { type: "string", description: `New ${name}.` };
    Object.defineProperty(schema.properties.profile.properties, name, { value, enumerable: true });
  }
  return schema;
};

type Published = { properties: { profile: { properties: object } } };

/** The published schema of every result. */
export const outputJsonSchema: JsonSchema = jsonSchema(outputSchema);
