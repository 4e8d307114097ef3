import { readFileSync, statSync } from "node:fs";
import type { Reader, Reading } from "./readers.ts";
import { isStandIn, isUnset } from "./values.ts";

/** Longest text of a key, in characters: Node sends no larger header. */
const maxSecretCharacters = 16 * 1024;

/** What people and programs put where a key should be, beside placeholders. */
const standIns: readonly RegExp[] = [
  /^\[[^"]*\]$/, // [not set]
  /[*•●]{3}|(?:^|[_-])x{3,}$|(?:\.{3}|…)$/i, // ***, sk_***abc, sk_live_xxxx, sk_...
  /^[a-z][\w+.-]*:\/\//i, // op://vault/item, vault://…
  /^(?:paste|insert|enter|put|replace|your|change)[\s_-]|^changeme$/i, // your-api-key, PASTE_…
];

/** What surely is no key alone; completes "holds". */
const flaws: readonly [form: RegExp, what: string][] = [
  [/^$/, "no key"],
  [/^[[{]\s*"/, "JSON; it must hold the key alone"],
  // With a value, since the end of a key in Base64 is `=` or `==`.
  [
    /^[ \t]*(?:export\s+|setx?\s+|\$env:)?[A-Za-z_][\w.-]*\s*=\s*[^=\s]/im,
    "a line such as NAME=value; it must hold the key alone",
  ],
  [
    /^[ \t]*(?:authorization\b|[A-Za-z_][\w-]*\s*:\s)/im,
    "a header or a line such as name: value; it must hold the key alone",
  ],
  [/^["'`]|["'`]$/, "a quotation mark at one end only; it must hold the key without quotes"],
  // A line break in a header value would let undici put the key into its own error message.
  [
    /[^\u0020-\u007e\u00a0-\u00ff]/,
    "a character that cannot be part of a key (a line break or another control character, or one outside Latin-1); paste the key again",
  ],
];

/** Quotation marks, the one that opens before the one that closes. */
const quotes = ['""', "''", "``", "“”", "„“", "‘’"];

const unquote = (text: string): string =>
  text.length > 1 && quotes.includes(`${text[0]}${text.at(-1)}`) ? text.slice(1, -1).trim() : text;

export const apiKey: Reader<string | undefined> = {
  accepts: "a management API key (Prelude dashboard, Settings, API Keys)",
  read: (given) => {
    const text = unquote(given);
    if (isUnset(text)) return { value: undefined };
    const key = unquote(text.replace(/^bearer(?:\s+|$)/i, ""));
    if (isStandIn(key) || standIns.some((form) => form.test(key))) {
      const warning =
        "holds something that stands in for a key, so calls are answered with not_configured until the key itself is set";
      return { value: undefined, warning };
    }
    const flaw = flaws.find(([form]) => form.test(key));
    return flaw === undefined ? { value: key } : { problem: `holds ${flaw[1]}` };
  },
};

/**
 * Reads the key from a file, as from the environment.
 *
 * @param again whether it was read before: then only a regular file is, since a pipe was read to
 *   its end at the start, and opening it again would hold the process
 */
export const readKeyFile = (path: string, again = false): Reading<string | undefined> => {
  let text: string;
  try {
    if (again && !statSync(path).isFile()) return { problem: "is not a regular file" };
    text = readFileSync(path, "utf8");
  } catch (error) {
    // Without the path: it may be the key, put into the wrong variable.
    const { code = "unknown error" } = error as { code?: string };
    return { problem: `must be a path to a readable file (${code})` };
  }
  if (text.length > maxSecretCharacters) {
    return { problem: "holds far more than a key; it must hold the key alone" };
  }
  // A byte order mark counts as blank.
  const trimmed = text.trim();
  return trimmed === "" ? { problem: "holds no key" } : apiKey.read(trimmed);
};

/** The key that the file holds now; undefined where it holds none. */
export const rereadKeyFile = (path: string): string | undefined => {
  const reading = readKeyFile(path, true);
  return "problem" in reading ? undefined : reading.value;
};
