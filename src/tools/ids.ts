import { appIdPattern, userIdPattern } from "../lib/contract.ts";
import { escapeInvisible } from "../lib/text.ts";
import { type Issue, kindOf } from "./issues.ts";

export type IdName = "app_id" | "user_id";

const patterns: Record<IdName, RegExp> = { app_id: appIdPattern, user_id: userIdPattern };

const accepted: Record<IdName, string> = {
  app_id: "an app id: 1 to 128 letters, digits, _ or -",
  user_id: "a user id: usr_ followed by 1 to 128 letters, digits, _ or -",
};

/** What people have in hand instead of a user id, and what is to be said about it. */
const otherKinds: readonly { kind: string; pattern: RegExp; advice: string }[] = [
  {
    kind: "an email address",
    pattern: /^[^\s@]+@[^\s@]+$/,
    advice: "An email address is not a user id",
  },
  {
    kind: "a phone number",
    pattern: /^\+?[\d\s().-]{6,}$/,
    advice: "A phone number is not a user id",
  },
  {
    kind: "a UUID",
    pattern: /^\{?[\da-f]{8}-?(?:[\da-f]{4}-?){3}[\da-f]{12}\}?$/i,
    advice:
      "A UUID is not a user id here; the access token's user_id claim is a different, internal id",
  },
];

/** What stands around or inside an id that does not belong there -> how to say so. */
const flaws: readonly [pattern: RegExp, words: string][] = [
  [/^\s|\s$/, "white space around it"],
  [/\S\s+\S/, "white space inside"],
  [/["'“”„‘’‚«»]/, "quotes"],
  [/`/, "backticks"],
  [/[<>]/, "angle brackets"],
  [/[[\](){}]/, "brackets"],
  [/…|\.\.\./, "a part left out (…)"],
  [/^[^A-Za-z]*[A-Za-z][A-Za-z_\s]*[:=]/, "a prefix before it"],
  [/[/\\?#%]/, "parts of a path or URL"],
];

const userIdFlaws: readonly [pattern: RegExp, words: string][] = [
  [/(?:U[Ss][Rr]|[Uu]S[Rr]|[Uu][Ss]R)_/, "usr_ in capital letters"],
  [/^[^A-Za-z]*(?:usr-|user[-_]?(?!id))/i, "another prefix than usr_"],
];

const flawsOf = (name: IdName, text: string): string[] => {
  const table = name === "user_id" && !text.includes("usr_") ? [...flaws, ...userIdFlaws] : flaws;
  const found = table.filter(([pattern]) => pattern.test(text)).map(([, words]) => words);
  const visible = text.replace(/\s/g, "");
  if (escapeInvisible(visible) !== visible) found.push("invisible characters");
  return found;
};

/** Longest text that is looked at closely; no id is nearly as long. */
const maxLooked = 1_000;

const textIssue = (name: IdName, text: string): Issue => {
  const other = otherKinds.find(({ pattern }) => pattern.test(text.trim()));
  if (name === "user_id" && other) {
    return { path: name, received: other.kind, accepted: accepted[name] };
  }
  const found = flawsOf(name, text);
  if (found.length > 0) {
    return {
      path: name,
      received: `an id with ${found.join(", ")}`,
      accepted: `the bare id, as it was given: ${accepted[name].replace(/^an? /, "")}`,
    };
  }
  const received =
    name === "user_id" && !text.startsWith("usr_")
      ? "a string that does not begin with usr_"
      : "a string of another form";
  return { path: name, received, accepted: accepted[name] };
};

/** What is wrong with an id, or undefined. */
export const idIssue = (name: IdName, value: unknown): Issue | undefined => {
  if (typeof value !== "string" || value === "") {
    const one = Array.isArray(value) ? "; one call is for one user" : "";
    return { path: name, received: kindOf(value), accepted: `${accepted[name]}${one}` };
  }
  if (patterns[name].test(value)) return undefined;
  if (value.length > maxLooked) {
    return { path: name, received: "a very long string", accepted: accepted[name] };
  }
  return textIssue(name, value);
};

/**
 * A sentence of its own for the commonest mistake, another kind of identifier in place of the id.
 *
 * @param lookup whether the agent has a tool that finds a user by address or number
 */
export const userIdAdvice = (issues: readonly Issue[], lookup: boolean): string | undefined => {
  const received = issues.find(({ path }) => path === "user_id")?.received;
  const other = otherKinds.find(({ kind }) => kind === received);
  if (!other) return undefined;
  const findable = lookup && other.kind !== "a UUID";
  return findable
    ? `${other.advice}: look the user up with get_user_profile, which returns the user_id.`
    : `${other.advice}: ask the person for the id that starts with usr_ (the sub claim of the user's access token).`;
};
