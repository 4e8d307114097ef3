const windowMs = 60_000;

/**
 * Lets a number of things happen in any minute. A limit of 0 turns it off.
 *
 * @param now a monotonic clock in milliseconds
 */
export const createRateLimit = (maxPerMinute: number, now: () => number) => {
  // The minute is full while the oldest of the last `maxPerMinute` times is in it.
  const times: number[] = [];

  /** Milliseconds until a place is free; undefined: one is free now. Uses nothing up. */
  const wait = (): number | undefined => {
    const [oldest] = times;
    if (oldest === undefined || times.length < maxPerMinute) return undefined;
    const waitMs = oldest + windowMs - now();
    return waitMs > 0 ? waitMs : undefined;
  };

  /** Uses up a place and returns undefined, or returns the milliseconds until one is free. */
  const take = (): number | undefined => {
    const waitMs = wait();
    if (waitMs !== undefined || maxPerMinute === 0) return waitMs;
    if (times.push(now()) > maxPerMinute) times.shift();
    return undefined;
  };

  return { wait, take };
};

export type RateLimit = ReturnType<typeof createRateLimit>;
