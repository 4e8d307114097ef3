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

  it("counts beyond itself, and then waits until enough places are free again", () => {
    const { at, take } = limitOf(2);
    expect(take(0)).toBeUndefined();
    for (const ms of [1_000, 2_000, 3_000, 4_000]) at(ms).count();
    // Of the five, four must be out of the minute before one more makes two.
    expect(take(5_000)).toBe(58_000);
    expect(take(62_999)).toBe(1);
    expect(take(63_000)).toBeUndefined();
    expect(take(63_000)).toBe(1_000);
  });
});

it("of 0 never holds anything, whatever is counted", () => {
  const { at, take } = limitOf(0);
  for (let i = 0; i < 1_000; i++) {
    at(0).count();
    expect(take(0)).toBeUndefined();
  }
});

it("never lets one more pass than the limit permits, and never holds without need", () => {
  const step = fc.record({ ms: fc.integer({ min: 0, max: 40_000 }), counted: fc.boolean() });
  const steps = fc.array(step, { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), steps, (limit, all) => {
      const { at } = limitOf(limit);
      const used: number[] = [];
      let now = 0;
      for (const { ms, counted } of all) {
        now += ms;
        const minute = used.filter((time) => time > now - 60_000);
        if (counted) at(now).count();
        const waitMs = counted ? undefined : at(now).take();
        if (waitMs === undefined) used.push(now);
        if (counted) continue;
        expect(waitMs === undefined).toBe(minute.length < limit);
        const free = minute[minute.length - limit] ?? 0;
        if (waitMs !== undefined) expect(waitMs).toBe(free + 60_000 - now);
      }
    }),
    { numRuns: 500 },
  );
});
