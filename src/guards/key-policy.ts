import { maxKeyCharacters } from "../lib/contract.ts";
import { foldKey, stripInvisible } from "../lib/text.ts";

export type KeyPolicy = {
  /** The only keys that may be written; undefined: any that is not blocked. */
  allowedKeys: readonly string[] | undefined;
  blockedKeys: readonly string[];
};

/** A spelling that differs from a blocked key by these only counts as that key. */
export const foldedDifferences = [
  "case",
  "white space",
  "accents and other combining marks",
  "compatibility forms of Unicode (full-width letters, ligatures)",
  "invisible characters",
  "terminal sequences",
] as const;

/** Keys that may not be written; `lookAlike`: one of them is another spelling of a blocked key. */
export type KeyRefusal = { keys: string[]; lookAlike: boolean };

/**
 * Makes the check of which keys a call may not write. Allowed keys are compared exactly: a
 * look-alike of an allowed key is simply not on the list. Blocked keys also catch the spellings
 * that `foldKey` makes equal, because whatever reads the profile may do the same. A key of more
 * than `maxKeyCharacters` is refused unseen.
 */
export const createKeyCheck = ({ allowedKeys, blockedKeys }: KeyPolicy) => {
  const allowed = allowedKeys && new Set(allowedKeys);
  const blocked = new Set(blockedKeys);
  const folded = new Set(blockedKeys.filter((key) => key.length <= maxKeyCharacters).map(foldKey));

  const isLookAlike = (key: string): boolean =>
    folded.size > 0 &&
    key.length <= maxKeyCharacters &&
    !blocked.has(key) &&
    // A terminal swallows letters behind a control character; which ones, depends on the terminal.
    (/\p{Cc}/u.test(key) || folded.has(foldKey(key)) || folded.has(foldKey(stripInvisible(key))));

  const isRefused = (key: string): boolean =>
    key.length > maxKeyCharacters ||
    (allowed !== undefined && !allowed.has(key)) ||
    blocked.has(key) ||
    isLookAlike(key);

  return (keys: readonly string[]): KeyRefusal | undefined => {
    const refused = keys.filter(isRefused);
    if (refused.length === 0) return undefined;
    return { keys: refused, lookAlike: refused.some(isLookAlike) };
  };
};
