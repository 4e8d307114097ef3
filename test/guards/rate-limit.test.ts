import fc from "fast-check";
import { describe, expect, it } from "vitest";
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

describe("a limit of two a minute", () => {
  it("lets two pass and holds the third until the first is a minute old", () => {
    const { take } = limitOf(2);
    expect(take(0)).toBeUndefined();
    expect(take(10_000)).toBeUndefined();
    expect(take(10_000)).toBe(50_000);
    expect(take(59_999)).toBe(1);
    expect(take(60_000)).toBeUndefined();
  });

  it("slides: the place of each is free a minute after it, not at a full minute", () => {
    const { take } = limitOf(2);
    take(0);
    take(50_000);
    expect(take(60_000)).toBeUndefined();
    expect(take(60_000)).toBe(50_000);
    expect(take(110_000)).toBeUndefined();
    expect(take(110_000)).toBe(10_000);
  });

  it("is not used up by what it held, nor by a look at the wait", () => {
    const { at, take } = limitOf(2);
    expect(at(0).wait()).toBeUndefined();
    take(0);
    take(0);
    for (let i = 0; i < 100; i++) expect(take(30_000)).toBe(30_000);
    for (let i = 0; i < 100; i++) expect(at(30_000).wait()).toBe(30_000);
    expect(take(60_000)).toBeUndefined();
    expect(take(60_000)).toBeUndefined();
    expect(take(60_000)).toBe(60_000);
  });
});

it("of 0 never holds anything", () => {
  const { at, take } = limitOf(0);
  for (let i = 0; i < 1_000; i++) expect([at(0).wait(), take(0)]).toEqual([undefined, undefined]);
});

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
