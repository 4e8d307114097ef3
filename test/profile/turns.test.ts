import { setImmediate as tick } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createTurns } from "../../src/profile/turns.ts";

/** A deadline that no test reaches. */
const far = performance.now() + 600_000;

const forever = new AbortController().signal;

test("any mix of calls and cancellations keeps the order, never two at once, and ends empty", async () => {
  const call = fc.record({
    key: fc.constantFrom("a", "b"),
    cancel: fc.boolean(),
    ticks: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 12 }), async (calls) => {
      const turns = createTurns();
      const running = new Set<string>();
      const order: Record<string, number[]> = { a: [], b: [] };
      await Promise.all(
        calls.map(async ({ key, cancel, ticks }, index) => {
          const cancelled = new AbortController();
          const turn = turns.take(key, cancelled.signal, far);
          if (cancel) setImmediate(() => cancelled.abort());
          const release = await turn;
          expect(release !== undefined || cancelled.signal.aborted).toBe(true);
          if (!release) return;
          expect(running.has(key)).toBe(false);
          running.add(key);
          order[key]?.push(index);
          for (let i = 0; i < ticks; i++) await tick();
          running.delete(key);
          release();
        }),
      );
      await tick();
      expect(turns.size()).toBe(0);
      for (const indexes of Object.values(order)) {
        expect(indexes).toEqual([...indexes].sort((x, y) => x - y));
      }
      const certain = calls.filter(({ cancel }) => !cancel).length;
      expect(Object.values(order).flat().length).toBeGreaterThanOrEqual(certain);
    }),
    { numRuns: 300 },
  );
});

test("a call whose time is up gives its place up", async () => {
  const turns = createTurns();
  const release = await turns.take("user", forever, far);
  expect(await turns.take("user", forever, performance.now() + 5)).toBeUndefined();
  release?.();
  await tick();
  expect(turns.size()).toBe(0);
});
