/** Beginnings of keys of many services. Prelude states none for its own. */
const prefix = /^(?:(?:sk|pk|rk|key|api|token|secret|bearer)[_-]|(?:sk|pk|rk)live)/i;
const livePrefix = /^(?:sk|pk|rk)_?(?:live|test|prod)(?:_|$)/i;
/** Longest value, in characters, that is no key by its length. The app ids that Prelude shows have seven. */
const longest = 64;

const digitsIn = (text: string): number => text.replace(/\D/g, "").length;

const isHexRun = (run: string): boolean =>
  run.length >= 20 && /^[\da-f]+$/i.test(run) && /\d/.test(run);

/** Letters and digits that nobody thought of: `0123456789abcdef`, not `addressLine1`. */
const isRandomRun = (run: string): boolean =>
  (run.length >= 10 && digitsIn(run) >= 4) || (run.length >= 16 && /\d/.test(run));

const isMixedRun = (run: string): boolean =>
  run.length >= 20 &&
  /[a-z]/.test(run) &&
  /[A-Z]/.test(run) &&
  (run.match(/\d+/g) ?? []).length > 2;

/**
 * Whether a text that people also make up, the name of a profile key or a part of an address, is
 * surely an API key: `sk_live_…`, `api_` and something random, or 20 hexadecimal digits or more.
 */
export const isSurelyKey = (text: string): boolean => {
  const runs = text.split(/[^A-Za-z\d]+/);
  return (
    livePrefix.test(text) ||
    runs.some((run) => isHexRun(run) || isMixedRun(run)) ||
    (prefix.test(text) && runs.some(isRandomRun))
  );
};

/** Whether a folder or a file is called like an API key, and not by a deployment's random names. */
export const isNamedLikeKey = (path: string): boolean =>
  path.split(/[\\/]/).some((part) => livePrefix.test(part) && digitsIn(part) >= 4);

/** Whether a text that nobody makes up, such as an id, may be an API key. */
export const looksLikeKey = (text: string): boolean =>
  text.length > longest ||
  prefix.test(text) ||
  (text.length >= 20 && /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text)) ||
  isSurelyKey(text);
