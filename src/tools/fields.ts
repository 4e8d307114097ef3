import { z } from "zod/v3";
import { appIdPattern, userIdPattern } from "../lib/contract.ts";
import { shortName } from "../lib/names.ts";
import { escapeInvisible } from "../lib/text.ts";

/** One problem of a call's arguments. No value is ever repeated in it. */
export type Issue = { path: string; received: string; accepted: string };

/** Problems that one answer tells at most; nobody looks for more. */
const maxIssues = 200;

const more = { path: "arguments", received: "more problems", accepted: "the same for the others" };

/** As many problems as one answer tells. */
export const shortened = (issues: readonly Issue[]): Issue[] =>
  issues.length <= maxIssues ? [...issues] : [...issues.slice(0, maxIssues), more];

export const kindOf = (value: unknown): string => {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (value === "") return "an empty string";
  return `a ${typeof value}`;
};

export const namePath = (name: string): string => (name === "" ? '""' : shortName(name));

/** A problem that zod has no name for, as its `addIssue` and its `refine` take one. */
export const problem = (received: string, accepted: string, path: string[] = []) => ({
  code: "custom" as const,
  message: accepted,
  params: { received },
  path,
});

export const userIdForm = "a user id: usr_ followed by 1 to 128 letters, digits, _ or -";

const idSchema = (pattern: RegExp, accepted: (value: unknown) => string) =>
  z
    .string({
      errorMap: (_, { data }) => ({
        message: `${accepted(data)}${Array.isArray(data) ? "; one call is for one user" : ""}`,
      }),
    })
    .regex(pattern);

export const appIdSchema = idSchema(
  appIdPattern,
  () => "an app id: 1 to 128 letters, digits, _ or -",
).describe("App id, exactly as given to you.");

/** What is wrong with an app id that its pattern cannot say. */
export const appIdFlaws = (id: unknown): z.ZodIssue[] =>
  typeof id === "string" && userIdPattern.test(id)
    ? [problem("a user id", "the app id (are the two ids exchanged?)", ["app_id"])]
    : [];

/** @param accepted what is wanted in place of a value */
export const userIdSchema = (
  description: string,
  accepted: (value: unknown) => string = () => userIdForm,
) => idSchema(userIdPattern, accepted).describe(description);

const otherKinds = [
  { kind: "an email address", pattern: /^[^\s@]+@[^\s@]+$/ },
  { kind: "a phone number", pattern: /^\+?[\d\s().-]{6,40}$/ },
  { kind: "a UUID", pattern: /^\{?[\da-f]{8}-?(?:[\da-f]{4}-?){3}[\da-f]{12}\}?$/i },
];

/** What a text is that stands in place of an id. */
export const idKind = (name: string, text: string): string => {
  if (text === "") return "an empty string";
  const other = otherKinds.find(({ pattern }) => pattern.test(text.trim()));
  if (name === "user_id" && other) return other.kind;
  if (escapeInvisible(text) !== text) return "an id with invisible characters";
  return name === "user_id" && !text.startsWith("usr_")
    ? "a string that does not begin with usr_"
    : "a string of another form";
};

/**
 * A sentence of its own for the commonest mistake, another kind of identifier in place of the id.
 *
 * @param lookup whether the agent has a tool that finds a user by address or number
 */
export const userIdAdvice = (issues: readonly Issue[], lookup: boolean): string | undefined => {
  const received = issues.find(({ path }) => path === "user_id")?.received;
  const kind = otherKinds.find((other) => other.kind === received)?.kind;
  if (kind === undefined) return undefined;
  const askPerson =
    "ask the person for the id that starts with usr_ (the sub claim of the user's access token).";
  if (kind === "a UUID") {
    return `A UUID is not a user id here; the access token's user_id claim is a different, internal id: ${askPerson}`;
  }
  const lookUp = "look the user up with get_user_profile, which returns the user_id.";
  return `${kind.replace("a", "A")} is not a user id: ${lookup ? lookUp : askPerson}`;
};

/** The `error` of a result; `more`: what only one tool has. */
export const errorSchema = <More extends z.ZodRawShape>(retryable: z.ZodBoolean, more: More) =>
  z
    .object({
      // Not an enum: a client that validates with an older schema must survive a new code.
      code: z.string(),
      message: z.string(),
      ...more,
      issues: z.array(z.object({}).passthrough()).optional(),
      http_status: z.number().int().optional(),
      request_id: z.string().optional(),
      retryable,
      retry_after_seconds: z.number().optional(),
      next_step: z.string(),
    })
    .passthrough()
    .optional();
