import { abortable } from "../lib/abortable.ts";

/**
 * Lets calls with the same key run one after the other, in the order in which they asked, and
 * calls with different keys side by side. A key that nobody holds or waits for costs nothing.
 */
export const createTurns = () => {
  const tails = new Map<string, Promise<void>>();

  /**
   * Waits for the turn and resolves with the function that gives it back. Rejects with the
   * signal's reason when the signal aborts first; the place in the line is then given up.
   */
  const take = async (key: string, signal: AbortSignal): Promise<() => void> => {
    const before = tails.get(key);
    let release: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      release = resolve;
    });
    const tail = before ? before.then(() => done) : done;
    tails.set(key, tail);
    const leave = () => {
      release();
      if (tails.get(key) === tail) tails.delete(key);
    };
    if (before) {
      try {
        await abortable(before, signal);
      } catch (error) {
        release();
        // Those behind still wait for those before: the entry goes when the whole line has gone.
        void tail.then(() => tails.get(key) === tail && tails.delete(key));
        throw error;
      }
    }
    return leave;
  };

  return { take, size: () => tails.size };
};
