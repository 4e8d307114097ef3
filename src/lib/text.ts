/** What must not be shown: the API key in use, and those that were. */
export type Secrets = readonly string[];

/** As much of a foreign text is looked at, in UTF-16 code units; the work must not grow with its length. */
const maxLooked = 4_000;

// Controls, formats (bidi, zero-width, tags), private use, lone surrogates and what no version of
// Unicode has assigned (C), line separators, what renders as nothing by its property, and two
// symbols that do so without one: a blank in Braille and a note without a head.
const invisible = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]/gu;

/** Text with every character that is invisible or reorders what is shown written as `\u{…}`. */
export const escapeInvisible = (text: string): string =>
  text.replace(invisible, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);

/**
 * As much of a text as fits into `max` UTF-16 code units, no character and no escape cut in two.
 *
 * @param show how one character is shown
 * @param end what marks a cut
 */
export const shorten = (text: string, max: number, show = escapeInvisible, end = "…"): string => {
  let shown = "";
  for (const char of text) {
    const next = show(char);
    if (shown.length + next.length > max) return shown + end;
    shown += next;
  }
  return shown;
};

/** The ways in which programs write a secret on: as it is, in JSON (also in ASCII), in a URL. */
const formsOf = (secret: string): string[] => {
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = json.replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const url = encodeURIComponent(secret.toWellFormed());
  const small = url.replace(/%[\dA-F]{2}/g, (code) => code.toLowerCase());
  return [secret, json, ascii, ...[url, small].flatMap((u) => [u, u.replaceAll("%20", "+")])];
};

/** The longest first, so that nothing is left of one that begins like another. */
const allForms = (secrets: Secrets): string[] =>
  [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form !== "")
    .sort((a, b) => b.length - a.length);

/** Takes the secrets out of foreign text: as they are, as they stand in JSON and in a URL. */
export const redact = (text: string, secrets: Secrets): string => {
  const forms = allForms(secrets);
  // Most texts hold none, and a look is cheaper than a pattern.
  if (!forms.some((form) => text.includes(form))) return text;
  const literals = forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return text.replace(new RegExp(literals.join("|"), "g"), "[redacted]");
};

/**
 * The part of a foreign text that is looked at, the secrets taken out, with a mark where there was
 * more; still to be escaped.
 */
export const visiblePart = (text: string, secrets: Secrets): string => {
  const part = redact(text.slice(0, maxLooked), secrets);
  if (text.length <= maxLooked) return part;
  // The cut may have left the beginning of a secret, or half a character.
  return `${part.slice(0, -(allForms(secrets)[0]?.length ?? 1))}…`;
};

/** A foreign sentence, safe to show: one line, no secret, nothing invisible, no blanks around it. */
export const foreignText = (text: string, secrets: Secrets, max = 300): string => {
  const part = visiblePart(text, secrets).replace(/[ \t\r\n]+/g, " ");
  return shorten(part.trim(), max);
};

/**
 * What all spellings of a key have in common that count as the same: those that differ in case (both
 * ways: `straße` and `STRASSE`), marks (`rôle`; also vowels of scripts that write them so) and
 * compatibility forms (NFKD: full-width letters, ligatures). Letters that only look alike, such as
 * Cyrillic `о`, stay different.
 */
export const foldKey = (key: string): string =>
  key
    // One character at a time: normalising a run of marks takes quadratic time.
    .replace(/\P{ASCII}/gu, (char) => char.normalize("NFKD").replace(/\p{M}+/gu, ""))
    .toLowerCase()
    .toUpperCase();
