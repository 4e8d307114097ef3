import { readFileSync, statSync } from "node:fs";
import type { Reader, Reading } from "./readers.ts";
import { isStandIn, isUnset } from "./values.ts";

/** Longest text of a key, in characters: Node sends no larger header. */
const maxKeyCharacters = 16 * 1024;

/** What people and programs put where a key should be, beside placeholders. */
const standIns: readonly RegExp[] = [
  /^\[.*\]$/s, // [not set]
  /[*•●]{3}|(?:^|[_-])x{3,}$|(?:\.{3}|…)$/i, // ***, sk_***abc, sk_live_xxxx, sk_...
  /^[a-z][\w+.-]*:\/\//i, // op://vault/item, vault://…
  /^(?:paste|insert|enter|put|replace|your|change)[\s_-]|^changeme$/i, // your-api-key, PASTE_…
];

/** Quotation marks, the one that opens before the one that closes. */
const quotes = ['""', "''", "``", "“”", "„“", "‘’"];

const unquote = (text: string): string =>
  text.length > 1 && quotes.includes(`${text[0]}${text.at(-1)}`) ? text.slice(1, -1).trim() : text;

/** What is wrong with a text that is surely no key alone; completes "holds". */
const problemOf = (text: string): string | undefined => {
  if (/^[[{]\s*"/.test(text)) return "JSON; it must hold the key alone";
  // With a value, since the end of a key in Base64 is `=` or `==`.
  if (/^[ \t]*(?:export\s+|setx?\s+|\$env:)?[A-Za-z_][\w.-]*\s*=\s*[^=\s]/im.test(text)) {
    return "a line such as NAME=value; it must hold the key alone";
  }
  if (/^[ \t]*(?:authorization\b|[A-Za-z_][\w-]*\s*:\s)/im.test(text)) {
    return "a header or a line such as name: value; it must hold the key alone";
  }
  return undefined;
};

const characterProblem = (key: string): string | undefined => {
  if (/^["'`]|["'`]$/.test(key)) {
    return "a quotation mark at one end only; it must hold the key without quotes";
  }
  // A line break in a header value would let undici put the key into its own error message.
  return /[^\u0020-\u007e\u00a0-\u00ff]/.test(key)
    ? "a character that cannot be part of a key (a line break or another control character, or one outside Latin-1); paste the key again"
    : undefined;
};

const standInWarning =
  "holds something that stands in for a key, so calls are answered with not_configured until the key itself is set";

/** Reads the text of a key: matching quotes and the word Bearer come off. */
const readKey = (given: string): Reading<string | undefined> => {
  const text = unquote(given.replace(/^\ufeff/, "").trim());
  if (isUnset(text)) return { value: undefined };
  const key = unquote(text.replace(/^bearer(?:\s+|$)/i, ""));
  if (key === "") return { problem: "holds no key" };
  const problem = problemOf(text) ?? problemOf(key);
  if (problem !== undefined) return { problem: `holds ${problem}` };
  if (isStandIn(key) || standIns.some((form) => form.test(key))) {
    return { value: undefined, warning: standInWarning };
  }
  const odd = characterProblem(key);
  return odd === undefined ? { value: key } : { problem: `holds ${odd}` };
};

export const apiKey: Reader<string | undefined> = {
  accepts: "a management API key (Prelude dashboard, Settings, API Keys)",
  read: readKey,
};

/** A file as text. */
export const readText = (path: string): string => readFileSync(path, "utf8");

/**
 * Reads the key from a file, under the same rules as from the environment.
 *
 * @param readFile reads the file as text; throws as `fs.readFileSync` does
 */
export const readKeyFile = (
  path: string,
  readFile: (path: string) => string,
): Reading<string | undefined> => {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    // Without the path: it may be the key, put into the wrong variable.
    const { code = "unknown error" } = error as { code?: string };
    return { problem: `must be a path to a readable file (${code})` };
  }
  if (text.length > maxKeyCharacters) {
    return { problem: "holds far more than a key; it must hold the key alone" };
  }
  return text.replace(/^\ufeff/, "").trim() === "" ? { problem: "holds no key" } : readKey(text);
};

/** The key that the file holds now; undefined where it holds none. */
export const rereadKeyFile = (path: string): string | undefined => {
  const reading = readKeyFile(path, (file) => {
    // A pipe was read to its end at the start; opening it again would hold the process.
    if (!statSync(file).isFile()) throw new Error("not a regular file");
    return readText(file);
  });
  return "problem" in reading ? undefined : reading.value;
};
