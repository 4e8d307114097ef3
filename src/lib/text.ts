import { stripVTControlCharacters } from "node:util";

/** Longest piece of foreign text that a result may carry, in UTF-16 code units. */
const maxForeignText = 300;

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

/** Printable ASCII without a backslash: whoever reads it sees what stands there. */
const isPlain = (text: string): boolean => /^[ -[\]-~]*$/.test(text);

/** Text with every character that is invisible or reorders what is shown written as `\u{…}`. */
export const escapeInvisible = (text: string): string =>
  isPlain(text)
    ? text
    : text.replace(invisible, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`);

const decompose = (text: string): string =>
  removeInvisible(text.normalize("NFKD")).replace(/[\s\p{M}]+/gu, "");

/**
 * What all spellings of a key have in common that count as the same. Gone or made equal are: case,
 * both ways (`ROLE`, `straße` and `STRASSE`); white space; everything that Unicode calls a mark
 * (`rôle`; in scripts that write vowels as marks, such as Devanagari, those too); compatibility
 * forms (NFKD: full-width and mathematical letters, ligatures, `ſ`); and invisible characters
 * (controls, formats, private use, variation selectors, fillers).
 *
 * Not made equal: letters that only look alike, such as Cyrillic `о`, Greek `ο`, small capitals
 * (`ʀᴏʟᴇ`), letters with a stroke (`ø`), and digits (`r0le`). Terminal sequences are the caller's to
 * take out first.
 *
 * @param key at most `maxKeyCharacters`: Unicode normalisation is quadratic in a run of marks
 */
export const foldKey = (key: string): string =>
  // Both ways, since some letters have a counterpart in one direction only; the last step takes
  // apart what changing the case put together.
  decompose(decompose(key).toLowerCase().toUpperCase().toLowerCase());

/**
 * Shortest secret, in characters, that is taken out wherever it stands. A real key is longer; people
 * test with `test`, and a word or a letter also stands in ids, codes and names that are no secret.
 */
const shortestLongSecret = 16;

/** Whether the secret stands nowhere by chance. */
export const isLongSecret = (secret: string): boolean => secret.length >= shortestLongSecret;

/** Base64 of all whole groups of three bytes; what follows depends on the bytes behind it. */
const base64Of = (text: string, encoding: "base64" | "base64url"): string => {
  const bytes = Buffer.from(text);
  return bytes.subarray(0, bytes.length - (bytes.length % 3)).toString(encoding);
};

/** The secret, alone and as a header, as programs pass on bytes: in Base64 and in hexadecimal. */
const encodings = (secret: string): string[] => {
  const hex = Buffer.from(secret).toString("hex");
  const base64 = [secret, `Bearer ${secret}`].flatMap((text) =>
    (["base64", "base64url"] as const).map((encoding) => base64Of(text, encoding)),
  );
  return [hex, hex.toUpperCase(), ...base64];
};

/**
 * The ways in which a secret is written: as it is, in JSON, in a URL, as a display shows it, and, if
 * it is long, in Base64 and in hexadecimal.
 */
const formsOf = (secret: string): string[] => {
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = json.replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const url = encodeURIComponent(secret.replace(/\p{Cs}/gu, ""));
  const urlLower = url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const slashed = json.replaceAll("/", "\\/");
  const shown = [removeInvisible(secret), secret.replace(/\s+/g, " ")];
  const plain = [secret, json, slashed, ascii, url, urlLower, url.replaceAll("%20", "+"), ...shown];
  const forms = isLongSecret(secret) ? [...plain, ...encodings(secret)] : plain;
  // The longest first, so that of a longer form nothing is left behind.
  return [...new Set(forms)].filter((form) => form !== "").sort((a, b) => b.length - a.length);
};

const wordCharacter = "[\\p{L}\\p{M}\\p{N}_-]";

/**
 * The form where nothing of a longer word stands beside it. Beside an edge that is no part of a word,
 * such as that of `hunter2!`, anything may stand; only a single such character must stand alone.
 */
const asWord = (form: string): RegExp => {
  const isWord = new RegExp(`^${wordCharacter}$`, "u");
  const characters = [...form];
  const literal = form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  if (characters.length === 1 && !isWord.test(form)) {
    return new RegExp(`(?<!\\S)${literal}(?!\\S)`, "gu");
  }
  const before = isWord.test(characters[0] ?? "") ? `(?<!${wordCharacter})` : "";
  const behind = isWord.test(characters.at(-1) ?? "") ? `(?!${wordCharacter})` : "";
  return new RegExp(`${before}${literal}${behind}`, "gu");
};

/** The forms of some secrets: every result and every line of the log asks for them. */
const knownForms = new Map<string, string[]>();
const maxKnown = 32;

const formsOfKnown = (secret: string): string[] => {
  const known = knownForms.get(secret);
  if (known) return known;
  const forms = formsOf(secret);
  if (knownForms.size >= maxKnown) knownForms.clear();
  knownForms.set(secret, forms);
  return forms;
};

const withoutForms = (text: string, secret: string): string => {
  const isLong = isLongSecret(secret);
  return formsOfKnown(secret).reduce(
    (rest, form) => rest.replaceAll(isLong ? form : asWord(form), "[redacted]"),
    text,
  );
};

const unescapeUnicode = (text: string): string =>
  text.replace(
    /\\u(?:\{(10[0-9a-f]{4}|[0-9a-f]{1,5})\}|([0-9a-f]{4}))/gi,
    (_, braced?: string, plain?: string) =>
      String.fromCodePoint(Number.parseInt(braced ?? plain ?? "0", 16)),
  );

/** What a reader, or a terminal, can make of a text in which something stands between the letters. */
export const readings: readonly ((text: string) => string)[] = [
  removeInvisible,
  stripInvisible,
  // What is invisible may also break up a terminal sequence.
  (text) => stripInvisible(text.split("\u001b").map(removeInvisible).join("\u001b")),
];

const redactOne = (text: string, secret: string): string => {
  const first = withoutForms(text, secret);
  if (isPlain(first)) return first;
  return readings.reduce((rest, read) => {
    const visible = read(unescapeUnicode(rest));
    if (visible === rest) return rest;
    const cleaned = withoutForms(visible, secret);
    return cleaned === visible ? rest : cleaned;
  }, first);
};

/** What must not be shown: the API key in use, and those that were. */
export type Secrets = readonly string[];

/**
 * Takes the secrets out of text from outside: as they are, as they stand in JSON or in a URL, and
 * also where invisible characters or escape sequences split one (these then go as well). A secret
 * under 16 characters goes only where it stands as a word of its own.
 */
export const redact = (text: string, secrets: Secrets): string =>
  secrets
    .filter((secret) => secret !== "")
    // The longest first, so that nothing is left behind of one that begins with another.
    .sort((a, b) => b.length - a.length)
    .reduce(redactOne, text);

/**
 * The same for what is our own: ids, codes, key names, our sentences. A secret under 16 characters
 * stays, because taking a word such as `test` out of them would make them untrue.
 */
export const redactOwn = (text: string, secrets: Secrets): string =>
  redact(text, secrets.filter(isLongSecret));

/** Whether `redact` would take something out. */
export const carriesSecret = (text: string, secrets: Secrets): boolean =>
  redact(text, secrets) !== text;

/**
 * Makes text from outside safe to show to a model or a person: one line, no control, ANSI, bidi or
 * zero-width characters, no markup, no secret, at most 300 characters.
 */
export const foreignText = (text: string, secrets: Secrets = []): string => {
  const visible = stripInvisible(redact(text, secrets)).replace(/\s+/g, " ").trim();
  // Again, now that nothing invisible can stand between its letters; and before the cut, which
  // could leave its first half behind.
  const clean = redact(visible, secrets);
  // Markup can stand between the letters, too.
  const joined = clean.replace(markup, "");
  const shown = carriesSecret(joined, secrets) ? redact(joined, secrets) : clean;
  return cut(shown.replace(markup, " ").replace(/\s+/g, " ").trim(), maxForeignText);
};
