/** How many keys that are no longer used are still kept out of results. */
const maxOldKeys = 16;

/**
 * The API key in use, and those that were.
 *
 * @param reread gives the key as it is now where the operator keeps it; undefined: it cannot be told
 */
export const createKeys = (first: string, reread: () => string | undefined) => {
  let keys: readonly string[] = [first];
  let current = first;

  const ask = (): string | undefined => {
    try {
      return reread();
    } catch {
      return undefined;
    }
  };

  return {
    current: (): string => current,
    /** Every key that an answer could repeat. */
    secrets: (): readonly string[] => keys,
    /** Looks for a key other than the one that was refused. True: `current` is one. */
    renew: (refused: string): boolean => {
      const found = ask();
      if (found === undefined || found === "" || found === refused) return false;
      current = found;
      keys = [...keys.filter((key) => key !== found).slice(-maxOldKeys), found];
      return true;
    },
  };
};

export type Keys = ReturnType<typeof createKeys>;
