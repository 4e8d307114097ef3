/**
 * Limits writes over a sliding minute. `take` uses up one place and returns undefined, or returns
 * the milliseconds until a place is free. A limit of 0 turns it off.
 *
 * @param now a monotonic clock in milliseconds
 */
export const createBrake = (maxPerMinute: number, now: () => number) => {
  const windowMs = 60_000;
  // A ring of the last `maxPerMinute` start times: the oldest decides.
  const times: number[] = [];
  let oldest = 0;
  return {
    take: (): number | undefined => {
      if (maxPerMinute === 0) return undefined;
      const at = now();
      if (times.length < maxPerMinute) {
        times.push(at);
        return undefined;
      }
      const waitMs = (times[oldest] as number) + windowMs - at;
      if (waitMs > 0) return waitMs;
      times[oldest] = at;
      oldest = (oldest + 1) % maxPerMinute;
      return undefined;
    },
  };
};
