import { isAbsolute, resolve } from "node:path";
import { isNamedLikeKey, isSurelyKey, looksLikeKey } from "./looks-like-key.ts";

/** What came of a value's text. Neither sentence repeats the value: it may be the key in the wrong variable. */
export type Reading<Value> = { value: Value; warning?: string } | { problem: string };

export type Reader<Value> = {
  /** What the setting takes, by example; completes "must be". */
  accepts: string;
  /**
   * @param text never blank, without white space at its ends
   * @param cwd the folder that a relative path starts from
   */
  read: (text: string, cwd: () => string) => Reading<Value>;
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

export const wholeNumber = (min: number, max: number, example: number): Reader<number> =>
  reader(`a whole number from ${min} to ${max}, such as ${example}`, (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });

/** A time, with a warning where it looks like seconds. */
export const milliseconds = (min: number, max: number, example: number): Reader<number> => {
  const { accepts, read } = wholeNumber(min, max, example);
  return {
    accepts: `${accepts} (milliseconds)`,
    read: (text, cwd) => {
      const reading = read(text, cwd);
      if ("problem" in reading) return { problem: `${reading.problem} (milliseconds)` };
      if (reading.value >= 1000) return reading;
      const warning = "is in milliseconds, and this is less than a second; 30 seconds are 30000";
      return { ...reading, warning };
    },
  };
};

export const userId = (pattern: RegExp): Reader<string> =>
  reader("a user id that starts with usr_, such as usr_01jqebhswje1ka1z7ahr9rfsgt", (text) =>
    pattern.test(text) ? text : undefined,
  );

/** An app id stands in URLs and in what the model reads; a key must not get there. */
export const appId = (pattern: RegExp): Reader<string> => {
  const accepts = "an app id such as 54e9ujn";
  return {
    accepts,
    read: (text) => {
      if (!pattern.test(text)) return { problem: `must be ${accepts}` };
      if (!looksLikeKey(text)) return { value: text };
      return { problem: `must be ${accepts}, and it looks like an API key or is too long` };
    },
  };
};

const unreplaced = /^~|\$\{|\$\(|\{\{|(?:^|[\\/])\$[A-Za-z_]|%[A-Za-z_][\w()]*%/;

/** A path, made absolute once, so that it stays the same file and can be shown. */
export const path = (example: string): Reader<string> => {
  const accepts = `a path, best a full one, such as ${example}`;
  return {
    accepts,
    read: (text, cwd) => {
      if (unreplaced.test(text)) {
        const hint = "nothing replaces ~, $NAME or %NAME% in it, so write it out";
        return { problem: `must be ${accepts}; ${hint}` };
      }
      if (/\p{Cc}|^["'“”„]|^[\p{Cf}\s]*$/u.test(text)) {
        return { problem: `must be ${accepts}, without quotes or line breaks` };
      }
      const isName = !/[\\/]/.test(text);
      if (isNamedLikeKey(text) || (isName && looksLikeKey(text))) {
        return { problem: `must be ${accepts}; it looks like an API key` };
      }
      if (isAbsolute(text)) return { value: resolve(text) };
      try {
        return { value: resolve(cwd(), text) };
      } catch {
        return { problem: `must be a full path, such as ${example}; the current folder is gone` };
      }
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
  if (/\/v2(?:\/session\b.*)?\/*$/i.test(url.pathname)) {
    return `must not end in /v2, which is added to it: leave it out, as in ${example}`;
  }
  return `${url.hostname}${url.pathname}`.split(/[/.]/).some(isSurelyKey)
    ? `must be an address such as ${example}; a part of it looks like an API key`
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
