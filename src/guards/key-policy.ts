import { isPlainName } from "../lib/names.ts";
import { foldKey } from "../lib/text.ts";

type KeyPolicy = {
  allowedKeys: readonly string[] | undefined;
  blockedKeys: readonly string[];
};

/**
 * Makes the check of which keys a call may not write. Beside blocked keys only plain names pass, and
 * none that `foldKey` makes equal to a blocked one, because whatever reads the profile may take the
 * two for one; `lookAlike` tells whether such a one is among the refused.
 */
export const createKeyCheck = ({ allowedKeys, blockedKeys }: KeyPolicy) => {
  const allowed = allowedKeys && new Set(allowedKeys);
  const blocked = new Set(blockedKeys);
  const folded = new Set(blockedKeys.map(foldKey));

  const isLookAlike = (key: string): boolean => !blocked.has(key) && folded.has(foldKey(key));
  const isRefused = (key: string): boolean =>
    (allowed !== undefined && !allowed.has(key)) ||
    (folded.size > 0 && (!isPlainName(key) || folded.has(foldKey(key))));

  return (keys: readonly string[]) => {
    const refused = keys.filter(isRefused);
    if (refused.length === 0) return undefined;
    return { keys: refused, lookAlike: refused.some(isLookAlike) };
  };
};
