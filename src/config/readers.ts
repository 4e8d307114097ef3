import { resolve } from "node:path";
import { appIdPattern, userIdPattern } from "../lib/contract.ts";
import { isPlainName } from "../lib/names.ts";
import { looksLikeKey } from "./values.ts";

/** What came of a value's text. Neither sentence repeats the value: it may be the key in the wrong variable. */
export type Reading<Value> = { value: Value; warning?: string } | { problem: string };

export type Reader<Value> = {
  /** What the setting takes, by example; completes "must be". */
  accepts: string;
  /** @param text never blank, without white space at its ends */
  read: (text: string) => Reading<Value>;
};

/** A reader of which all that can be said against a value is what it must be. */
const reader = <Value>(
  accepts: string,
  parse: (text: string) => Value | undefined,
): Reader<Value> => ({
  accepts,
  read: (text) => {
    const value = parse(text);
    return value === undefined ? { problem: `must be ${accepts}` } : { value };
  },
});

export const flag = reader("true or false", (text) => {
  const lower = text.toLowerCase();
  if (lower === "true" || lower === "1") return true;
  return lower === "false" || lower === "0" ? false : undefined;
});

/** One of these words, in any case. */
export const oneOf = <Word extends string>(words: readonly Word[]): Reader<Word> =>
  reader(`one of ${words.join(", ")}`, (text) => words.find((word) => word === text.toLowerCase()));

export const writeModes = ["on", "dry-run", "off"] as const;
const writeWord = oneOf(writeModes);

/** `dry-run` is spelt in three ways; each of them means that nothing must be written. */
export const writeMode: Reader<(typeof writeModes)[number]> = {
  accepts: writeWord.accepts,
  read: (text) => writeWord.read(text.replace(/^dry_?run$/i, "dry-run")),
};

export const wholeNumber = (min: number, max: number, example: string): Reader<number> =>
  reader(`a whole number from ${min} to ${max}, such as ${example}`, (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });

export const userId = reader(
  "a user id that starts with usr_, such as usr_01jqebhswje1ka1z7ahr9rfsgt",
  (text) => (userIdPattern.test(text) ? text : undefined),
);

const anAppId = "an app id such as 54e9ujn";

/** An app id stands in URLs and in what the model reads; a key must not get there. */
export const appId: Reader<string> = {
  accepts: anAppId,
  read: (text) => {
    if (!appIdPattern.test(text)) return { problem: `must be ${anAppId}` };
    return text.length > 64 || looksLikeKey(text)
      ? { problem: `must be ${anAppId}, and it looks like an API key or is too long` }
      : { value: text };
  },
};

/** Words with which somebody means every name, or none. */
const noNames = /^(?:all|any|none|null|undefined|true|false)$/i;

/**
 * A list of names, in NFC. A list in any other notation would be a guard that matches nothing, so
 * what is not surely a name stops the start.
 *
 * @param names what they are, by example
 */
const nameList = (
  names: string,
  isName: (entry: string) => boolean,
  most: number,
): Reader<readonly string[]> => ({
  accepts: names,
  read: (text) => {
    const entries = text.split(",").map((entry) => entry.trim().normalize("NFC"));
    const given = entries.filter((entry) => entry !== "");
    if (given.length === 0) return { problem: `is set but names nothing; it must be ${names}` };
    if (given.length > most) return { problem: `must be ${names}, at most ${most}` };
    const wrong = given.findIndex(
      (name) => !isName(name) || noNames.test(name) || looksLikeKey(name),
    );
    return wrong < 0
      ? { value: [...new Set(given)] }
      : { problem: `must be ${names}; entry ${wrong + 1} is no such name` };
  },
});

/** A list of profile keys. */
export const keyList = nameList(
  "names separated by commas, such as first_name,locale (letters, digits, _ - . :)",
  isPlainName,
  Number.POSITIVE_INFINITY,
);

/** A list of members of a request's `_meta`. */
export const metaList = nameList(
  "names separated by commas, such as traceparent,acme.dev/ticket (letters, digits, _ - . : /)",
  (entry) => /^[\w.:/-]{1,128}$/.test(entry),
  8,
);

const unreplaced = /^~|\$\{|\$\(|\{\{|(?:^|[\\/])\$[A-Za-z_]|%[A-Za-z_][\w()]*%/;

/** A path, made absolute once, so that it stays the same file and can be shown. */
export const path = (example: string): Reader<string> => {
  const accepts = `a path, best a full one, such as ${example}`;
  const problemOf = (text: string): string | undefined => {
    if (unreplaced.test(text))
      return "; nothing replaces ~, $NAME or %NAME% in it, so write it out";
    if (/\p{Cc}|^["'“”„]|^[\p{Cf}\s]*$/u.test(text)) return ", without quotes or line breaks";
    // In a path of several parts, random names are those of a deployment.
    return !/[\\/]/.test(text) && looksLikeKey(text) ? "; it looks like an API key" : undefined;
  };
  return {
    accepts,
    read: (text) => {
      const problem = problemOf(text);
      return problem === undefined
        ? { value: resolve(text) }
        : { problem: `must be ${accepts}${problem}` };
    },
  };
};

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);

const urlProblem = (text: string, example: string): string | undefined => {
  if (!URL.canParse(text)) return `is not a URL; it must start with https://, as in ${example}`;
  const url = new URL(text);
  if (url.username || url.password) {
    return `must not contain a user name or a password, as in ${example}`;
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    return `must start with https://, as in ${example} (http:// only on the loopback address), because the API key travels with each request`;
  }
  if (url.search || url.hash) return `must not have a query or a fragment, as in ${example}`;
  return /\/v2(?:\/session\b.*)?\/*$/i.test(url.pathname)
    ? `must not end in /v2, which is added to it: leave it out, as in ${example}`
    : undefined;
};

/** An address of an API: https, or http on loopback. The value has no slash at its end. */
export const address = (example: string): Reader<string> => ({
  accepts: `an address such as ${example}`,
  read: (text) => {
    const problem = urlProblem(text, example);
    if (problem !== undefined) return { problem };
    const { origin, pathname } = new URL(text);
    return { value: (origin + pathname).replace(/\/+$/, "") };
  },
});
