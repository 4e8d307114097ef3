import { maxKeyCharacters } from "./contract.ts";
import { escapeInvisible, shorten } from "./text.ts";

/** Longest name that a sentence or a path repeats, in UTF-16 code units. */
const maxName = 100;

/**
 * A name of letters, marks, digits and `_ - . :` that shows all of itself and that NFKC leaves as it
 * is: what a list of keys may hold.
 */
export const isPlainName = (name: string): boolean =>
  name.length <= maxKeyCharacters &&
  /^[\p{L}\p{M}\p{Nd}_.:-]+$/u.test(name) &&
  // Some letters and marks are invisible.
  escapeInvisible(name) === name &&
  name.normalize("NFKC") === name;

/** A name for a sentence or a path: nothing invisible, and not endless. */
export const shortName = (name: string): string => shorten(name, maxName);

/** Quotes and backslashes are escaped as in JSON, so that no name ends its quotes. */
const quote = (name: string): string =>
  `"${shorten(name, maxName, (char) => (/["\\]/.test(char) ? `\\${char}` : escapeInvisible(char)))}"`;

/** `"a", "b" and 3 more`: at most `most` names, so that a sentence stays a sentence. */
export const quoteList = (names: readonly string[], most = 10): string => {
  const shown = names.slice(0, most).map(quote).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
};

/** A foreign text, as it is shown, in quotes that it does not end; its escapes stay as they are. */
export const quoted = (shown: string): string =>
  `"${shown.replace(/"|\\(?!u\{[\da-f]{1,6}\})/g, "\\$&")}"`;
