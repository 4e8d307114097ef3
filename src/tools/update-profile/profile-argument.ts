import { maxBodyBytes, maxKeyCharacters } from "../../lib/contract.ts";
import { shortName } from "../../lib/names.ts";
import { type Issue, kindOf, maxIssues } from "../issues.ts";

/** An empty key with an empty value and a comma. */
const minEntryBytes = '"":"",'.length;

/** Half of a character beyond U+FFFF, which no encoding can carry. */
const halfCharacter = /\p{Surrogate}/u;

/** A key as nearly all are, without any of the flaws below. */
const plainKey = /^[\w.-]+$/;

/** What makes a key broken -> how to say so, and what to send instead. */
const keyFlaws: readonly [pattern: RegExp, received: string, accepted: string][] = [
  [/^$/, "an empty key", "a key with a name"],
  [halfCharacter, "a key with half a character in it (an unpaired surrogate)", "whole characters"],
  [/[\n\r\v\f\u0085\u2028\u2029]/, "a key with a line break in it", "the key without line breaks"],
  [/^\s|\s$/, "a key with white space around it", "the key without white space around it"],
  [
    /^["'`“”„‘’‚«»].*["'`“”‘’«»]$|^"|"$/s,
    "a key with quotes around it",
    "the key without quotes around it",
  ],
];

const textForm = (kind: string): string =>
  `a string: look how the app stores such ${kind}, or ask the person`;

/** Kind of value -> what to send instead. */
const howToSend: ReadonlyMap<string, string> = new Map([
  ["a number", "a string: send the digits in quotes"],
  ["a boolean", 'a string: send "true" or "false" in quotes'],
  ["null", "a string: leave the key out if it is not to change; this tool does not delete keys"],
  ["an array", textForm("lists")],
  ["an object", textForm("objects")],
]);

/** What to send in place of a value that is no string. */
export const stringInstead = (value: unknown): string => howToSend.get(kindOf(value)) ?? "a string";

/** How the path of an issue names a profile key. */
export const keyPath = (key: string): string => `profile.${key === "" ? '""' : shortName(key)}`;

const keyIssue = (key: string): Issue | undefined => {
  if (key.length > maxKeyCharacters) {
    const accepted = `a key of at most ${maxKeyCharacters} characters`;
    return { path: keyPath(key), received: `a key of ${key.length} characters`, accepted };
  }
  if (plainKey.test(key)) return undefined;
  const flaw = keyFlaws.find(([pattern]) => pattern.test(key));
  return flaw && { path: keyPath(key), received: flaw[1], accepted: flaw[2] };
};

/**
 * With a list of allowed keys each key is an optional parameter, and some models and providers
 * fill those: an empty string beside other values is more often that than a wish.
 */
const mayBeFiller = (value: unknown, keys: readonly string[], listed: boolean): boolean =>
  listed && value === "" && keys.length > 1;

const valueIssue = (key: string, value: unknown, filler: boolean): Issue | undefined => {
  const path = keyPath(key);
  if (typeof value !== "string") {
    return { path, received: kindOf(value), accepted: stringInstead(value) };
  }
  if (filler) {
    const accepted =
      'if the person wants this field emptied, "" in a call of its own; if it is not to change, leave the key out';
    return { path, received: "an empty string beside other keys", accepted };
  }
  if (!value.isWellFormed()) {
    const received = "a string with half a character in it (an unpaired surrogate)";
    return { path, received, accepted: "a string of whole characters" };
  }
  return undefined;
};

export type CheckedProfile = {
  /** The keys, in order, save those that are too long. */
  keys: string[];
  /** Those that are not broken and may be compared with the operator's lists. */
  sound: string[];
  issues: Issue[];
};

const problem = (received: string, accepted: string): CheckedProfile => ({
  keys: [],
  sound: [],
  issues: [{ path: "profile", received, accepted }],
});

/**
 * Checks keys and values of a profile. Sizes come first: what cannot be sent in any case is not
 * looked at.
 *
 * @param listed whether the published schema lists the keys
 */
export const checkProfile = (
  profile: Readonly<Record<string, unknown>>,
  listed: boolean,
): CheckedProfile => {
  const names = Object.keys(profile);
  if (names.length === 0) return problem("no key", "at least one key with a string value");
  if (names.length * minEntryBytes > maxBodyBytes) {
    return problem(`${names.length} keys`, `at most ${maxBodyBytes} bytes as JSON`);
  }
  const keys = names.filter((name) => name.length <= maxKeyCharacters);
  const sound: string[] = [];
  const issues: Issue[] = [];
  for (const name of names) {
    const broken = keyIssue(name);
    if (!broken) sound.push(name);
    if (issues.length > maxIssues) continue;
    const value = profile[name];
    const wrong = broken ?? valueIssue(name, value, mayBeFiller(value, names, listed));
    if (wrong) issues.push(wrong);
  }
  return { keys, sound, issues };
};

/** Whether a request is within the limit even if each character took the six bytes of `\u0000`. */
const isSurelySmall = (profile: Readonly<Record<string, string>>): boolean => {
  let units = '{"profile":{}}'.length;
  for (const [key, value] of Object.entries(profile)) {
    units += minEntryBytes + key.length + value.length;
  }
  return 6 * units <= maxBodyBytes;
};

/** What is wrong with the size of a request, or undefined. Only for a profile that is fine otherwise. */
export const sizeIssue = (profile: Readonly<Record<string, string>>): Issue | undefined => {
  if (isSurelySmall(profile)) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify({ profile }));
  if (bytes <= maxBodyBytes) return undefined;
  const accepted = `at most ${maxBodyBytes} bytes`;
  return { path: "profile", received: `${bytes} bytes as JSON`, accepted };
};
