import fc from "fast-check";
import { expect, it } from "vitest";
import { createRateLimit } from "../../src/guards/rate-limit.ts";

/** A limit on a clock that stands still until it is moved, in milliseconds. */
const limitOf = (maxPerMinute: number) => {
  const clock = { now: 1_000_000 };
  const limit = createRateLimit(maxPerMinute, () => clock.now);
  const at = (ms: number) => {
    clock.now = 1_000_000 + ms;
    return limit;
  };
  return { at, take: (ms: number) => at(ms).take() };
};

it("never lets one more pass than the limit permits, and never holds without need", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), steps, (limit, all) => {
      const { take } = limitOf(limit);
      const used: number[] = [];
      let now = 0;
      for (const ms of all) {
        now += ms;
        const minute = used.filter((time) => time > now - 60_000);
        const waitMs = take(now);
        if (waitMs === undefined) used.push(now);
        expect(waitMs === undefined).toBe(minute.length < limit);
        if (waitMs !== undefined) expect(waitMs).toBe((minute[0] ?? 0) + 60_000 - now);
      }
    }),
    { numRuns: 500 },
  );
});
