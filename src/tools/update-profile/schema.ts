import { z } from "zod/v3";
import { maxBodyBytes, maxKeyCharacters } from "../../lib/contract.ts";
import { isObject } from "../../lib/json.ts";
import { quoteList } from "../../lib/names.ts";
import { escapeInvisible } from "../../lib/text.ts";
import { type Args, createSpec } from "../arguments.ts";
import { appIdFlaws, appIdSchema, errorSchema, kindOf, problem, userIdSchema } from "../fields.ts";
import type { ToolScope } from "../tool.ts";

/** What a refusal says of a name: what it is, and what is accepted. */
type Flaw = [received: string, accepted: string];

const atEnds = /^[\s"'`“”„‘’‚«»]|[\s"'`“”„‘’‚«»]$/;

/**
 * What is wrong with the name of a profile key, or undefined. A name shows all of itself, so that
 * what is read, by a model or a person, is what is written.
 */
export const nameFlaw = (name: string): Flaw | undefined => {
  if (name === "") return ["an empty key", "a key with a name"];
  if (name.length > maxKeyCharacters) {
    const accepted = `a key of at most ${maxKeyCharacters} characters`;
    return [`a key of ${name.length} characters`, accepted];
  }
  if (escapeInvisible(name) !== name) {
    return [
      "a key with what cannot be seen in it, here as \\u{…}: a line break, an invisible character or half of one",
      "the key without it",
    ];
  }
  if (atEnds.test(name)) {
    return ["a key with white space or quotes around it", "the key without them"];
  }
  const composed = name.normalize("NFC");
  if (composed !== name) {
    return ["a key whose letters are taken apart (not NFC)", `in NFC: ${quoteList([composed])}`];
  }
  // zod loses it.
  return name === "__proto__" ? ["a key that cannot be written", "another key"] : undefined;
};

/** Kind of value -> what to send instead. */
const howToSend: ReadonlyMap<string, string> = new Map([
  ["a number", "a string: send the digits in quotes"],
  ["a boolean", 'a string: send "true" or "false" in quotes'],
  ["null", "a string: leave the key out if it is not to change; this tool does not delete keys"],
  ["an array", "a string: look how the app stores such lists, or ask the person"],
  ["an object", "a string: look how the app stores such objects, or ask the person"],
]);

const value = z.string({
  errorMap: (_, { data }) => ({ message: howToSend.get(kindOf(data)) ?? "a string" }),
});

/** Why nobody needs to look into a profile, or undefined: its size comes before what it holds. */
const profileFlaw = (profile: unknown): Flaw | undefined => {
  if (!isObject(profile)) {
    const isText = typeof profile === "string" && profile !== "";
    const received = isText ? "a string that is not an object as JSON" : kindOf(profile);
    return [received, "an object of keys and string values"];
  }
  const values = Object.values(profile);
  const accepted = `at most ${maxBodyBytes} bytes`;
  if (values.length === 0) return ["no key", "at least one key with a string value"];
  // Each is at least an empty key with an empty value and a comma.
  if (values.length * '"":"",'.length > maxBodyBytes) {
    return [`${values.length} keys`, `${accepted} as JSON`];
  }
  // Only texts: JSON of anything else can be nested without end, and is refused anyway.
  if (values.some((one) => typeof one !== "string")) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify({ profile }));
  return bytes > maxBodyBytes ? [`${bytes} bytes as JSON`, accepted] : undefined;
};

/**
 * With a list of allowed keys each key is an optional parameter, and some models and providers
 * fill those: an empty string beside other values is more often that than a wish.
 */
const filler: Flaw = [
  "an empty string beside other keys",
  'if the person wants this field emptied, "" in a call of its own; if it is not to change, leave the key out',
];

const broken: Flaw = [
  "a string with half a character in it (an unpaired surrogate)",
  "a string of whole characters",
];

const valueFlaw = (text: unknown, mayFill: boolean): Flaw | undefined => {
  if (typeof text !== "string") return undefined;
  if (!text.isWellFormed()) return broken;
  return mayFill && text === "" ? filler : undefined;
};

/** Checks what no schema of the arguments can say. */
const prepare = (args: Args, { allowedKeys }: ToolScope) => {
  const { app_id, user_id, profile, on_reserved_key } = args;
  const flaws = appIdFlaws(app_id);
  // Some hosts send null for an optional argument that the model left out.
  const others = { app_id, user_id, on_reserved_key: on_reserved_key ?? undefined };
  const whole = profileFlaw(profile);
  if (whole) flaws.push(problem(...whole, ["profile"]));
  const members = !whole && isObject(profile) ? profile : {};
  const names = Object.keys(members);
  const mayFill = allowedKeys !== undefined && names.length > 1;
  for (const name of names) {
    // What a key holds that is refused anyway does not matter.
    const isRefused = allowedKeys?.includes(name) === false;
    const valued = isRefused ? undefined : valueFlaw(members[name], mayFill);
    for (const flaw of [nameFlaw(name), valued]) {
      if (flaw) flaws.push(problem(...flaw, ["profile", name]));
    }
  }
  // Without a prototype, where zod would find listed keys such as "constructor".
  const bare = allowedKeys ? { __proto__: null, ...members } : members;
  return { flaws, ready: { ...others, profile: bare } };
};

const size = `at most ${maxBodyBytes / 1024} KiB`;

const openSchema = z
  .record(value)
  .describe(`Keys to set, at least one, with new values: strings only ("42", "true"), ${size}.`);

const listedSchema = (allowedKeys: readonly string[]) =>
  z
    .object(
      Object.fromEntries(allowedKeys.map((key) => [key, value.describe(`New ${key}.`).optional()])),
    )
    .strict()
    .describe(
      `Only the keys listed here may be written. Give those that are to change, leave out the others. Values are strings only ("42", "true"), ${size}.`,
    )
    // A key that is not given is not there.
    .pipe(z.record(z.string()));

/** Every argument of the tool: published, typed and enforced. */
export const inputSchema = ({ allowedKeys }: Pick<ToolScope, "allowedKeys">) =>
  z
    .object({
      app_id: appIdSchema,
      user_id: userIdSchema(
        "User id, exactly as given to you: usr_…, not an email address, phone number or UUID.",
      ),
      profile: allowedKeys ? listedSchema(allowedKeys) : openSchema,
      on_reserved_key: z
        .enum(["fail", "skip"], {
          errorMap: () => ({ message: '"fail" or "skip"; without it, "fail" is used' }),
        })
        .describe(
          'If Prelude reserves a key: "fail" (the default) writes nothing, "skip" the other keys.',
        )
        .optional(),
    })
    .strict();

export type Arguments = z.infer<ReturnType<typeof inputSchema>>;

export const argumentsSpec = (scope: ToolScope) => {
  const schema = inputSchema(scope);
  return createSpec<Arguments>({
    scope,
    prepare: (args) => prepare(args, scope),
    schema,
    names: Object.keys(schema.shape),
    place: "; keys and their values belong inside profile",
  });
};

/**
 * The one shape of every result, success and failure alike: client SDKs validate
 * `structuredContent` against it even when `isError` is set, and hide the error on a mismatch.
 * Open to further properties, so that an older client survives a newer server.
 */
export const outputSchema = z
  .object({
    status: z
      .enum(["updated", "partially_updated", "not_updated", "unknown", "would_update"])
      .describe(
        "updated: all saved. partially_updated: only updated_keys. not_updated: nothing. unknown: possibly saved.",
      ),
    app_id: z.string().optional(),
    user_id: z.string().optional(),
    updated_keys: z.array(z.string()).describe("Keys that Prelude acknowledged."),
    updated_keys_total: z.number().int().describe("Their number, if not all listed.").optional(),
    would_update_keys: z.array(z.string()).optional(),
    verified: z.boolean().describe("true: confirmed by reading the profile.").optional(),
    ignored_arguments: z.array(z.string()).optional(),
    note: z.string().optional(),
    attempts: z.number().int().optional(),
    sandbox: z.boolean().describe("true: only simulated.").optional(),
    error: errorSchema(z.boolean().describe("true: a repeat may succeed."), {
      keys: z.array(z.string()).optional(),
    }),
  })
  .passthrough();

export type UpdateResult = z.infer<typeof outputSchema>;
