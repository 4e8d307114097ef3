import { escapeInvisible } from "./text.ts";

/** Longest name that a sentence or a path repeats, in UTF-16 code units. */
const maxName = 100;

/** A name as it was sent, save that what is invisible in it or reorders text is written `\u{…}`. */
export const exactName = (name: string): string => escapeInvisible(name);

/** The same for a sentence or a path: not endless. */
export const shortName = (name: string): string => {
  const text = escapeInvisible(name.slice(0, maxName + 1));
  return text.length > maxName ? `${text.slice(0, maxName)}…` : text;
};

/** Quotes and backslashes are escaped as in JSON, so that no name ends its quotes. */
const quote = (name: string): string => `"${shortName(name.replace(/["\\]/g, "\\$&"))}"`;

/** `"a", "b" and 3 more`: at most `most` names, so that a sentence stays a sentence. */
export const quoteList = (names: readonly string[], most = 10): string => {
  const shown = names.slice(0, most).map(quote).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
};
