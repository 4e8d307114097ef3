import { stripVTControlCharacters } from "node:util";

/** Longest piece of foreign text that a result may carry, in UTF-16 code units. */
const maxForeignText = 300;
/** Longest key name or id that an error repeats, in UTF-16 code units. */
const maxName = 100;

// Cc (controls), Cf (bidi, zero-width, tags, soft hyphen), Zl/Zp (line breaks), Co/Cs (private use,
// lone surrogates), variation selectors, and letters that render as nothing: all of it can hide or
// reorder text that a model or a person reads.
const invisible =
  /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Co}|\p{Cs}|\p{Variation_Selector}|\p{Default_Ignorable_Code_Point}|\u2800/gu;
const markup = /<[!/?a-zA-Z][^>]*>?/g;

const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, "")}…`;

/** Text without characters that are invisible or reorder what is shown. */
export const removeInvisible = (text: string): string => text.replace(invisible, "");

/** The same for showing it: whole escape sequences of a terminal go, and line breaks become spaces. */
export const stripInvisible = (text: string): string =>
  removeInvisible(stripVTControlCharacters(text).replace(/[\t\n\r\u2028\u2029]+/g, " "));

/** Text with every character that is invisible or reorders what is shown written as `\u{…}`. */
export const escapeInvisible = (text: string): string =>
  text.replace(invisible, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`);

/**
 * Replaces every occurrence of the secret, as it is and as it stands in JSON, so that no answer and
 * no log line can carry it.
 */
export const redact = (text: string, secret: string | undefined): string =>
  secret
    ? text
        .replaceAll(secret, "[redacted]")
        .replaceAll(JSON.stringify(secret).slice(1, -1), "[redacted]")
    : text;

/**
 * Makes text from outside safe to show to a model or a person: one line, no control, ANSI, bidi or
 * zero-width characters, no markup, no secret, at most 300 characters.
 */
export const foreignText = (text: string, secret?: string): string => {
  const visible = stripInvisible(redact(text, secret)).replace(/\s+/g, " ").trim();
  // Again, now that nothing invisible can stand between its letters; and before the cut, which
  // could leave its first half behind.
  return cut(
    redact(visible, secret).replace(markup, " ").replace(/\s+/g, " ").trim(),
    maxForeignText,
  );
};

/** A key name or id as an error may repeat it: visible characters only, at most 100 of them. */
export const plainName = (name: string): string => cut(stripInvisible(name), maxName);

/** The same in quotes, for a sentence. Quotes and backslashes inside are escaped as in JSON. */
export const quote = (name: string): string => JSON.stringify(plainName(name));

/** `"a", "b" and 3 more`: at most `most` names, so that a sentence stays a sentence. */
export const quoteList = (names: readonly string[], most = 10): string => {
  const shown = names.slice(0, most).map(quote).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
};
