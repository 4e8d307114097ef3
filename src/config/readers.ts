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

/**
 * @param parse undefined: all there is to say against the text is what it must be
 * @param problemOf what else is wrong with a text, as it follows the setting's name
 */
const reader = <Value>(
  accepts: string,
  parse: (text: string) => Value | undefined,
  problemOf: (text: string, accepts: string) => string | undefined = () => undefined,
): Reader<Value> => ({
  accepts,
  read: (text) => {
    const problem = problemOf(text, accepts);
    if (problem !== undefined) return { problem };
    const value = parse(text);
    return value === undefined ? { problem: `must be ${accepts}` } : { value };
  },
});

export const flag = reader("true or false", (text) => {
  if (/^(?:true|1)$/i.test(text)) return true;
  return /^(?:false|0)$/i.test(text) ? false : undefined;
});

/** One of these words, in any case; its dash may be an underscore or missing. */
export const oneOf = <const Word extends string>(words: readonly Word[]): Reader<Word> =>
  reader(`one of ${words.join(", ")}`, (text) => {
    const spelt = text.toLowerCase();
    return words.find((word) => ["-", "_", ""].some((dash) => word.replace("-", dash) === spelt));
  });

export const wholeNumber = (min: number, max: number, example: string): Reader<number> =>
  reader(`a whole number from ${min} to ${max}, such as ${example}`, (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });

export const userId = reader(
  "a user id that starts with usr_, such as usr_01jqebhswje1ka1z7ahr9rfsgt",
  (text) => (userIdPattern.test(text) ? text : undefined),
);

/** An app id stands in URLs and in what the model reads; a key must not get there. */
export const appId = reader(
  "an app id such as 54e9ujn",
  (text) => (appIdPattern.test(text) ? text : undefined),
  (text, accepts) =>
    text.length > 64 || looksLikeKey(text)
      ? `must be ${accepts}, and it looks like an API key or is too long`
      : undefined,
);

/** Words with which somebody means every name, or none. */
const noNames = /^(?:all|any|none|null|undefined|true|false)$/i;

/**
 * A list of names, in NFC. A list in any other notation would be a guard that matches nothing, so
 * what is not surely a name stops the start.
 *
 * @param accepts what the names are, by example
 */
const nameList = (
  accepts: string,
  most: number,
  isName: (entry: string) => boolean,
): Reader<readonly string[]> => ({
  accepts,
  read: (text) => {
    const entries = text.split(",").map((entry) => entry.trim().normalize("NFC"));
    const names = entries.filter((entry) => entry !== "");
    if (names.length === 0) return { problem: `is set but names nothing; it must be ${accepts}` };
    if (names.length > most) return { problem: `must be ${accepts}, at most ${most}` };
    const isWrong = (name: string) => !isName(name) || noNames.test(name) || looksLikeKey(name);
    const wrong = names.findIndex(isWrong);
    return wrong < 0
      ? { value: [...new Set(names)] }
      : { problem: `must be ${accepts}; entry ${wrong + 1} is no such name` };
  },
});

export const keyList = nameList(
  "names separated by commas, such as first_name,locale (letters, digits, _ - . :)",
  Number.POSITIVE_INFINITY,
  isPlainName,
);

export const metaList = nameList(
  "names separated by commas, such as traceparent,acme.dev/ticket (letters, digits, _ - . : /)",
  8,
  (entry) => /^[\w.:/-]{1,128}$/.test(entry),
);

const unreplaced = /^~|\$\{|\$\(|\{\{|(?:^|[\\/])\$[A-Za-z_]|%[A-Za-z_][\w()]*%/;

/** A path, made absolute once, so that it stays the same file and can be shown. */
export const path = (example: string): Reader<string> =>
  reader(`a path, best a full one, such as ${example}`, resolve, (text, accepts) => {
    if (unreplaced.test(text)) {
      return `must be ${accepts}; nothing replaces ~, $NAME or %NAME% in it, so write it out`;
    }
    if (/\p{Cc}|^["'“”„]|^[\p{Cf}\s]*$/u.test(text)) {
      return `must be ${accepts}, without quotes or line breaks`;
    }
    // In a path of several parts, random names are those of a deployment.
    const isKey = !/[\\/]/.test(text) && looksLikeKey(text);
    return isKey ? `must be ${accepts}; it looks like an API key` : undefined;
  });

const loopback = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/;

/** An address of an API: https, or http on loopback. The value has no slash at its end. */
export const address = (example: string): Reader<string> => {
  const parse = (text: string): string => {
    const { origin, pathname } = new URL(text);
    return (origin + pathname).replace(/\/+$/, "");
  };
  return reader(`an address such as ${example}`, parse, (text) => {
    if (!URL.canParse(text)) return `is not a URL; it must start with https://, as in ${example}`;
    const { protocol, hostname, username, password, search, hash, pathname } = new URL(text);
    if (username || password) return `must not contain a user name or a password, as in ${example}`;
    if (protocol !== "https:" && !(protocol === "http:" && loopback.test(hostname))) {
      return `must start with https://, as in ${example} (http:// only on the loopback address), because the API key travels with each request`;
    }
    if (search || hash) return `must not have a query or a fragment, as in ${example}`;
    return /\/v2(?:\/session\b.*)?\/*$/i.test(pathname)
      ? `must not end in /v2, which is added to it: leave it out, as in ${example}`
      : undefined;
  });
};
