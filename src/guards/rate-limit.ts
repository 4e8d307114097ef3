const windowMs = 60_000;

/**
 * Counts what happens in a sliding minute. A limit of 0 turns it off. What is only counted can push
 * the minute beyond its limit; then so many places must become free again before the next is taken.
 *
 * @param now a monotonic clock in milliseconds
 */
export const createRateLimit = (maxPerMinute: number, now: () => number) => {
  // A ring of the last `maxPerMinute` times. The minute is full exactly while the oldest of them is
  // in it, however many came before: so this is all there is to remember.
  const times: number[] = [];
  let oldest = 0;

  const wait = (): number | undefined => {
    if (maxPerMinute === 0 || times.length < maxPerMinute) return undefined;
    const waitMs = (times[oldest] as number) + windowMs - now();
    return waitMs > 0 ? waitMs : undefined;
  };

  const count = (): void => {
    if (maxPerMinute === 0) return;
    times[oldest] = now();
    oldest = (oldest + 1) % maxPerMinute;
  };

  const take = (): number | undefined => {
    const waitMs = wait();
    if (waitMs === undefined) count();
    return waitMs;
  };

  return {
    /** Milliseconds until a place is free; undefined: one is free now. Uses nothing up. */
    wait,
    /** Uses up a place and returns undefined, or returns the milliseconds until one is free. */
    take,
    /** Uses up a place, whether one is free or not. */
    count,
  };
};

export type RateLimit = ReturnType<typeof createRateLimit>;
