const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;

export type Summary = { p50: number; p10: number; p90: number; runs: number };

/** Median, p10 and p90 of a list of numbers. */
export const summary = (values: readonly number[]): Summary => {
  const sorted = [...values].sort((a, b) => a - b);
  return { p50: at(sorted, 0.5), p10: at(sorted, 0.1), p90: at(sorted, 0.9), runs: sorted.length };
};

export const median = (values: readonly number[]): number => summary(values).p50;

/** Milliseconds on a monotonic clock. */
export const now = (): number => performance.now();

/** The same list in an order drawn by chance. */
export const shuffled = <T>(list: readonly T[]): T[] =>
  list
    .map((item) => ({ item, draw: Math.random() }))
    .sort((a, b) => a.draw - b.draw)
    .map(({ item }) => item);

/**
 * Runs each job `runs` times, in an order drawn anew for each round, so that what else the machine
 * does falls on all alike; the first `warmUps` rounds do not count.
 */
export const interleave = async <Name extends string, T>(
  jobs: Record<Name, () => Promise<T>>,
  runs: number,
  warmUps = 2,
): Promise<Record<Name, T[]>> => {
  const names = Object.keys(jobs) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]]));
  for (let round = -warmUps; round < runs; round++) {
    for (const name of shuffled(names)) {
      const result = await jobs[name]();
      if (round >= 0) results[name]?.push(result);
    }
  }
  return results as Record<Name, T[]>;
};
