import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBrake } from "../../src/guards/rate-limit.ts";

/** A brake on a clock that stands still until it is moved, in milliseconds. */
const brakeAt = (maxPerMinute: number) => {
  const clock = { now: 1_000_000 };
  const { take } = createBrake(maxPerMinute, () => clock.now);
  const at = (ms: number) => {
    clock.now = 1_000_000 + ms;
    return take();
  };
  return { at };
};

describe("a brake of two a minute", () => {
  it("lets two pass and holds the third until the first is a minute old", () => {
    const { at } = brakeAt(2);
    expect(at(0)).toBeUndefined();
    expect(at(10_000)).toBeUndefined();
    expect(at(10_000)).toBe(50_000);
    expect(at(59_999)).toBe(1);
    expect(at(60_000)).toBeUndefined();
  });

  it("slides: the place of each is free a minute after it, not at a full minute", () => {
    const { at } = brakeAt(2);
    at(0);
    at(50_000);
    expect(at(60_000)).toBeUndefined();
    expect(at(60_000)).toBe(50_000);
    expect(at(110_000)).toBeUndefined();
    expect(at(110_000)).toBe(10_000);
  });

  it("is not used up by calls that it held", () => {
    const { at } = brakeAt(2);
    at(0);
    at(0);
    for (let i = 0; i < 100; i++) expect(at(30_000)).toBe(30_000);
    expect(at(60_000)).toBeUndefined();
    expect(at(60_000)).toBeUndefined();
    expect(at(60_000)).toBe(60_000);
  });
});

it("of 0 never holds anything", () => {
  const { at } = brakeAt(0);
  for (let i = 0; i < 1_000; i++) expect(at(0)).toBeUndefined();
});

it("never lets more than the limit pass in any minute, and never holds without need", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), gaps, (limit, steps) => {
      const { at } = brakeAt(limit);
      const passed: number[] = [];
      let now = 0;
      for (const step of steps) {
        now += step;
        const waitMs = at(now);
        const lastMinute = passed.filter((time) => time > now - 60_000);
        if (waitMs === undefined) {
          expect(lastMinute.length).toBeLessThan(limit);
          passed.push(now);
        } else {
          expect(lastMinute).toHaveLength(limit);
          expect(waitMs).toBe((lastMinute[0] as number) + 60_000 - now);
        }
      }
    }),
    { numRuns: 500 },
  );
});
