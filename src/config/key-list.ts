import { maxKeyCharacters } from "../lib/contract.ts";
import { escapeInvisible } from "../lib/text.ts";
import { isSurelyKey } from "./looks-like-key.ts";
import type { Reader, Reading } from "./readers.ts";
import { isWordForNothing } from "./unset.ts";

const accepts =
  'names separated by commas, such as first_name,locale (letters, digits, _ - . :), or a JSON array for other names, such as ["a b","c"]';

const plainName = /^[\p{L}\p{Nd}_.:][\p{L}\p{M}\p{Nd}_.:-]*$/u;
// Letters to Unicode, quotes to the eye.
const quotingLetters =
  /^[\u02b9-\u02bf\u02c8\u02ca\u02cb\u02ee].*[\u02b9-\u02bf\u02c8\u02ca\u02cb\u02ee]$/u;

/** A name that can only be meant as it stands: no pattern, no exclusion, no quoting, no word for nothing. */
const isPlainName = (name: string): boolean =>
  plainName.test(name) &&
  name.length <= maxKeyCharacters &&
  escapeInvisible(name) === name &&
  !quotingLetters.test(name) &&
  !isSurelyKey(name) &&
  !isWordForNothing(name) &&
  !/^(?:all|any|every|true|false|yes|no|on|off|[01]|\.+)$/i.test(name);

const quoted = /^["'`´“”„‟‘’‚‛«»‹›].*["'`´“”„‟‘’‚‛«»‹›]$/su;
const unreplaced = /^(?:[$#]?\{.*\}|%\w+%)$/s;

/** Any key that a write could have: what no call can send would guard nothing. */
const isPossibleKey = (entry: unknown): entry is string =>
  typeof entry === "string" &&
  entry !== "" &&
  entry.length <= maxKeyCharacters &&
  entry.trim() === entry &&
  !/\p{Cs}|[\n\v\f\r\u0085\u2028\u2029]/u.test(entry) &&
  !quoted.test(entry) &&
  !unreplaced.test(entry) &&
  !isSurelyKey(entry);

const parseArray = (text: string): unknown[] | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const listOf = (
  entries: readonly unknown[],
  isName: (entry: unknown) => entry is string,
): Reading<readonly string[]> => {
  if (entries.length === 0) return { problem: `is set but names no key; it must be ${accepts}` };
  const names = entries.filter(isName);
  if (names.length === entries.length) return { value: [...new Set(names)] };
  const position = entries.findIndex((entry) => !isName(entry)) + 1;
  return { problem: `must be ${accepts}; entry ${position} is no such name` };
};

/**
 * A list of profile keys. A list in any other notation would be a guard that matches nothing, so
 * what is not surely a name stops the start.
 */
export const keyList: Reader<readonly string[]> = {
  accepts,
  read: (text) => {
    if (text.startsWith("[")) {
      const array = parseArray(text);
      return array ? listOf(array, isPossibleKey) : { problem: `must be ${accepts}` };
    }
    const entries = text.split(",").map((entry) => entry.trim());
    return listOf(
      entries.filter((entry) => entry !== ""),
      (entry): entry is string => typeof entry === "string" && isPlainName(entry),
    );
  },
};
