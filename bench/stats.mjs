const at = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.round((sorted.length - 1) * share))];

/** Median, p10 and p90 of a list of numbers. */
export const summary = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return { p50: at(sorted, 0.5), p10: at(sorted, 0.1), p90: at(sorted, 0.9), runs: sorted.length };
};

export const median = (values) => summary(values).p50;

/** Milliseconds on a monotonic clock. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/**
 * Runs each job `runs` times, in an order drawn anew for each round, so that what else the machine
 * does falls on all alike; the first `warmUps` rounds do not count.
 */
export const interleave = async (jobs, runs, warmUps = 2) => {
  const results = new Map(jobs.map(({ name }) => [name, []]));
  for (let round = -warmUps; round < runs; round++) {
    const order = jobs.map((job) => ({ job, draw: Math.random() })).sort((a, b) => a.draw - b.draw);
    for (const { job } of order) {
      const result = await job.run();
      if (round >= 0) results.get(job.name).push(result);
    }
  }
  return results;
};
