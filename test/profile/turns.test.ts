import { setImmediate as tick } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTurns } from "../../src/profile/turns.ts";

/** A deadline that no test reaches. */
const far = performance.now() + 600_000;

const forever = new AbortController().signal;

describe("calls with the same key", () => {
  test("run one after the other, in the order in which they asked", async () => {
    const turns = createTurns();
    const events: string[] = [];
    const call = async (name: string) => {
      const release = await turns.take("user", forever, far);
      events.push(`${name} begins`);
      await tick();
      events.push(`${name} ends`);
      release();
    };
    await Promise.all(["a", "b", "c"].map(call));
    expect(events).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
    expect(turns.size()).toBe(0);
  });

  test("a turn may be given back twice", async () => {
    const turns = createTurns();
    const first = await turns.take("user", forever, far);
    const second = turns.take("user", forever, far);
    first();
    first();
    const release = await second;
    first();
    const third = turns.take("user", forever, far);
    let ran = false;
    void third.then(() => {
      ran = true;
    });
    await tick();
    expect(ran).toBe(false);
    release();
    (await third)();
    await tick();
    expect(turns.size()).toBe(0);
  });
});

describe("a call that is cancelled while it waits", () => {
  test("ends, and those behind it still wait for those before it", async () => {
    const turns = createTurns();
    const cancelled = new AbortController();
    const first = await turns.take("user", forever, far);
    const second = turns.take("user", cancelled.signal, far);
    let ran = false;
    const third = turns.take("user", forever, far).then((release) => {
      ran = true;
      return release;
    });
    cancelled.abort(new Error("no longer wanted"));
    await expect(second).rejects.toThrow();
    await tick();
    expect(ran).toBe(false);
    first();
    (await third)();
    await tick();
    expect(turns.size()).toBe(0);
  });

  test("leaves nothing behind, even as the last in line", async () => {
    const turns = createTurns();
    const first = await turns.take("user", forever, far);
    const waiting = Array.from({ length: 5 }, () => turns.take("user", AbortSignal.abort(), far));
    for (const turn of waiting) await expect(turn).rejects.toThrow();
    expect(turns.size()).toBe(1);
    first();
    await tick();
    expect(turns.size()).toBe(0);
  });
});

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
          try {
            const release = await turn;
            expect(running.has(key)).toBe(false);
            running.add(key);
            order[key]?.push(index);
            for (let i = 0; i < ticks; i++) await tick();
            running.delete(key);
            release();
          } catch (error) {
            if (!cancelled.signal.aborted) throw error;
          }
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
  await expect(turns.take("user", forever, performance.now() + 5)).rejects.toThrow();
  release();
  await tick();
  expect(turns.size()).toBe(0);
});
