import { escapeInvisible } from "./text.ts";

/** Longest name that a sentence or a path repeats, in UTF-16 code units. */
const maxName = 100;

/** A name as it was sent, save that what is invisible in it or reorders text is written `\u{…}`. */
export const exactName = (name: string): string => escapeInvisible(name);

/** As much of a name as there is room for; no character and no escape is cut in two. */
const shorten = (name: string, show: (char: string) => string): string => {
  let text = "";
  for (const char of name) {
    const shown = show(char);
    if (text.length + shown.length > maxName) return `${text}…`;
    text += shown;
  }
  return text;
};

/** The same for a sentence or a path: not endless. */
export const shortName = (name: string): string => shorten(name, escapeInvisible);

/** Quotes and backslashes are escaped as in JSON, so that no name ends its quotes. */
const quote = (name: string): string =>
  `"${shorten(name, (char) => (/["\\]/.test(char) ? `\\${char}` : escapeInvisible(char)))}"`;

/** `"a", "b" and 3 more`: at most `most` names, so that a sentence stays a sentence. */
export const quoteList = (names: readonly string[], most = 10): string => {
  const shown = names.slice(0, most).map(quote).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
};
