import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { Reader, Reading } from "./readers.ts";
import { isPlaceholder, isUnset, isWordForNothing } from "./unset.ts";

/** Largest file that is read for a key, in bytes: Node sends no larger header. */
const maxKeyBytes = 16 * 1024;

/** What people and programs put where a key should be. */
const standIns: readonly RegExp[] = [
  /^\[.*\]$/s, // [not set]
  /[*•●]{3}/, // ***, sk_***abc
  /(?:\.{3}|…)$/, // sk_...
  /^(?:[a-z]+[_-])*x{3,}$/i, // xxx, sk_live_xxxx
  /^[a-z][\w+.-]*:\/\//i, // op://vault/item, vault://…
  /^(?:vault|arn|secretref):/i,
  /^@Microsoft\.KeyVault\(/i,
  /^__\w+__$/,
  /^(?:paste|insert|enter|put|replace|your|change)(?:[\s_-].*)?$/is, // your-api-key, PASTE_…
  /^(?:change|replace)me$/i,
  /^your(?:prelude|management|api|secret|access)*(?:key|token)/i,
  /^(?:not ?set|unset|todo|tbd|n\/a)$/i,
  /^PRELUDE_(?:MANAGEMENT_)?API_KEY$/i,
];

/** Whether the text only stands where a key should be, so that there is none. */
const isStandIn = (text: string): boolean =>
  isPlaceholder(text) || isWordForNothing(text) || standIns.some((form) => form.test(text));

/** Quotation marks that can stand at the two ends of the same text. */
const quotes = ['"', "'", "`´", "“”„‟", "‘’‚‛", "«»", "‹›", "＂", "＇"];
const quoteOf = (char: string | undefined): string | undefined =>
  quotes.find((group) => char !== undefined && group.includes(char));

const unquote = (text: string): string => {
  const first = quoteOf(text[0]);
  if (text.length < 2 || first === undefined || first !== quoteOf(text.at(-1))) return text;
  return unquote(text.slice(1, -1).trim());
};

const isJson = (text: string): boolean => {
  if (!/^[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return /^[[{]\s*"/.test(text);
  }
};

// A value, since the end of a key in Base64 is `=` or `==`.
const assignment = /^\s*(?:export\s+|setx?\s+|\$env:)?[A-Za-z_][\w.-]*\s*=\s*[^=\s]/im;
const labelled = /^\s*(?:authorization\b|[A-Za-z_][\w-]*\s*:\s)/im;

/** What is wrong with a text that is surely no key alone; completes "holds". */
const shapeProblem = (text: string): string | undefined => {
  if (isJson(text)) return "JSON; it must hold the key alone";
  if (assignment.test(text)) return "a line such as NAME=value; it must hold the key alone";
  if (labelled.test(text)) {
    return "a header or a line such as name: value; it must hold the key alone";
  }
  return undefined;
};

const characterProblem = (key: string): string | undefined => {
  if (quoteOf(key[0]) ?? quoteOf(key.at(-1))) {
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
  const problem = shapeProblem(text);
  if (problem !== undefined) return { problem: `holds ${problem}` };
  const key = unquote(text.replace(/^bearer(?:\s+|$)/i, ""));
  if (key === "") return { problem: "holds no key" };
  if (isStandIn(key)) return { value: undefined, warning: standInWarning };
  const odd = shapeProblem(key) ?? characterProblem(key);
  return odd === undefined ? { value: key } : { problem: `holds ${odd}` };
};

export const apiKey: Reader<string | undefined> = {
  accepts: "a management API key (Prelude dashboard, Settings, API Keys)",
  read: readKey,
};

export type KeyFile =
  | { key: string | undefined; warning?: string; problem?: never }
  | { problem: string; key?: never };

/**
 * Reads the key from a file, under the same rules as from the environment.
 *
 * @param readFile reads the file as text; throws as `fs.readFileSync` does
 */
export const readKeyFile = (path: string, readFile: (path: string) => string): KeyFile => {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    // Without the path: it may be the key, put into the wrong variable.
    const { code = "unknown error" } = error as { code?: string };
    return { problem: `must be a path to a readable file (${code})` };
  }
  if (Buffer.byteLength(text) > maxKeyBytes) {
    return { problem: "holds far more than a key; it must hold the key alone" };
  }
  if (text.replace(/^\ufeff/, "").trim() === "") return { problem: "holds no key" };
  const reading = readKey(text);
  if ("problem" in reading) return reading;
  const { value: key, warning } = reading;
  return warning === undefined ? { key } : { key, warning };
};

/** How long a pipe is waited for, in milliseconds. */
const pipePatience = {
  /** Where nobody writes to it. */
  writer: 2_000,
  /** Where somebody does, such as a secret store that asks the operator first. */
  text: 30_000,
};

const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** The bytes that were read; undefined where there are none yet. */
const readNow = (fd: number, bytes: Buffer, from: number): number | undefined => {
  try {
    return readSync(fd, bytes, from, bytes.length - from, null);
  } catch (error) {
    if ((error as { code?: string }).code === "EAGAIN") return undefined;
    throw error;
  }
};

/**
 * A file as text, but no more of it than one byte above what a key file may have. It may be a pipe,
 * such as `<(op read …)` in a shell; one that stays empty is not waited for without end.
 */
export const readSmallFile = (path: string, patience = pipePatience): string => {
  // Without it, a pipe without a writer would hold the process here. Windows does not know it.
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const isPipe = fstatSync(fd).isFIFO();
    const started = performance.now();
    const bytes = Buffer.alloc(maxKeyBytes + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = readNow(fd, bytes, length);
      if (read === 0 && (length > 0 || !isPipe)) break;
      length += read ?? 0;
      const most = read === undefined ? patience.text : patience.writer;
      if (!read && performance.now() - started > most) {
        throw Object.assign(new Error("an empty pipe"), { code: "a pipe that stays empty" });
      }
      if (!read) pause(10);
    }
    return bytes.toString("utf8", 0, length);
  } finally {
    closeSync(fd);
  }
};

const readRegularFile = (path: string): string => {
  if (!statSync(path).isFile()) throw new Error("not a regular file");
  return readSmallFile(path);
};

/**
 * The key that the file holds now, or undefined where it holds none. Reads regular files only: a
 * pipe, which the start may have read, would hold the process.
 */
export const rereadKeyFile = (path: string): string | undefined =>
  readKeyFile(path, readRegularFile).key;
