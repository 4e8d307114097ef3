const windowMs = 60_000;

/**
 * Lets a number of things happen in any minute. A limit of 0 turns it off.
 *
 * @param now a monotonic clock in milliseconds
 */
export const createRateLimit = (maxPerMinute: number, now: () => number) => {
  // A ring of the last `maxPerMinute` times: the minute is full while the oldest of them is in it.
  const times: number[] = [];
  let oldest = 0;

  const wait = (): number | undefined => {
    const first = times[oldest];
    if (first === undefined || times.length < maxPerMinute) return undefined;
    const waitMs = first + windowMs - now();
    return waitMs > 0 ? waitMs : undefined;
  };

  const take = (): number | undefined => {
    const waitMs = wait();
    if (waitMs !== undefined || maxPerMinute === 0) return waitMs;
    times[oldest] = now();
    oldest = (oldest + 1) % maxPerMinute;
    return undefined;
  };

  return {
    /** Milliseconds until a place is free; undefined: one is free now. Uses nothing up. */
    wait,
    /** Uses up a place and returns undefined, or returns the milliseconds until one is free. */
    take,
  };
};

export type RateLimit = ReturnType<typeof createRateLimit>;
