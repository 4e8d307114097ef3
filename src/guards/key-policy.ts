import { removeInvisible, stripInvisible } from "../lib/text.ts";

export type KeyPolicy = {
  /** The only keys that may be written; undefined: any that is not blocked. */
  allowedKeys: readonly string[] | undefined;
  blockedKeys: readonly string[];
};

/**
 * What two spellings of a key have in common if they differ only by Unicode normalisation, case,
 * white space or invisible characters.
 */
export const foldKey = (key: string): string =>
  removeInvisible(key.normalize("NFKD"))
    .replace(/\s+/g, "")
    // Both ways, since some letters have a counterpart in one direction only.
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .replaceAll("i\u0307", "i");

export type Refusal = { keys: string[]; cause?: string };

/**
 * Makes the check of which keys a call may not write. Allowed keys are compared exactly: a
 * look-alike of an allowed key is simply not on the list. Blocked keys also catch their
 * look-alikes, because whatever reads the profile may fold them back together.
 */
export const createKeyCheck = ({ allowedKeys, blockedKeys }: KeyPolicy) => {
  const allowed = allowedKeys && new Set(allowedKeys);
  const blocked = new Set(blockedKeys);
  const folded = new Set(blockedKeys.map(foldKey));
  return (keys: readonly string[]): Refusal | undefined => {
    const isLookAlike = (key: string) =>
      folded.size > 0 &&
      !blocked.has(key) &&
      // With and without terminal sequences, whose letters a terminal would swallow.
      (folded.has(foldKey(key)) || folded.has(foldKey(stripInvisible(key))));
    const refused = keys.filter(
      (key) => (allowed && !allowed.has(key)) || blocked.has(key) || isLookAlike(key),
    );
    if (refused.length === 0) return undefined;
    if (!refused.some(isLookAlike)) return { keys: refused };
    return {
      keys: refused,
      cause:
        "a spelling that differs from a blocked key only by case, white space, Unicode form or invisible characters counts as that key",
    };
  };
};
