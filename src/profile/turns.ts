import { setTimeout as sleep } from "node:timers/promises";

/** Lets calls with the same key run one after the other, in the order in which they asked. */
export const createTurns = () => {
  const tails = new Map<string, Promise<void>>();

  /**
   * Waits for the turn and resolves with the function that gives it back; with undefined when the
   * signal aborts or the time is up first: the place in the line is then given up.
   *
   * @param deadlineAt on the clock of `performance.now()`
   */
  const take = async (
    key: string,
    signal: AbortSignal,
    deadlineAt: number,
  ): Promise<(() => void) | undefined> => {
    const before = tails.get(key);
    let release: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      release = resolve;
    });
    // The entry goes when the whole line has gone.
    const line = before ? before.then(() => done) : done;
    const tail = line.then(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
    tails.set(key, tail);
    if (!before) return release;
    const over = new AbortController();
    const until = { signal: AbortSignal.any([signal, over.signal]) };
    const late = sleep(deadlineAt - performance.now(), false, until).catch(() => false);
    const isMine = await Promise.race([before.then(() => true), late]);
    over.abort();
    if (isMine) return release;
    release();
    return undefined;
  };

  return { take, size: () => tails.size };
};
