import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AbortController as Light } from "../../src/mcp/abort-controller.ts";

const steps = fc.array(
  fc.record({
    does: fc.constantFrom("add", "remove", "abort", "check"),
    which: fc.nat(3),
  }),
  { maxLength: 20 },
);
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never;

/** All that can be seen of a controller while these steps are taken. */
const watch = (controller: AbortController, taken: Steps): unknown[] => {
  const { signal } = controller;
  const seen: unknown[] = [];
  const listeners = [0, 1, 2, 3].map((which) => () => {
    seen.push(which, signal.aborted, signal.reason);
    // The first takes the second away while both are being called.
    if (which === 0) signal.removeEventListener("abort", listeners[1] as () => void);
  });
  const acts: Record<string, (which: number) => void> = {
    add: (which) =>
      signal.addEventListener("abort", listeners[which] as () => void, { once: which > 1 }),
    remove: (which) => signal.removeEventListener("abort", listeners[which] as () => void),
    abort: (which) => (which > 2 ? controller.abort() : controller.abort(`reason ${which}`)),
    check: () => signal.throwIfAborted(),
  };
  for (const { does, which } of taken) {
    try {
      acts[does]?.(which);
      seen.push(signal.aborted, signal.reason);
    } catch (error) {
      seen.push("thrown", error);
    }
  }
  return seen;
};

const light = (): AbortController => new Light() as unknown as AbortController;

describe("the abort controller that the build puts into the SDK", () => {
  it("behaves as Node's does", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        expect(watch(light(), taken)).toEqual(watch(new AbortController(), taken));
      }),
      { numRuns: 2_000 },
    );
  });

  it("calls all listeners, and throws what one of them threw", () => {
    const controller = light();
    const heard: string[] = [];
    controller.signal.addEventListener("abort", () => {
      throw new Error("a listener's own");
    });
    controller.signal.addEventListener("abort", () => heard.push("second"));
    expect(() => controller.abort()).toThrow("a listener's own");
    expect(heard).toEqual(["second"]);
  });

  it("ends a wait of Node's timers, before it begins and while it lasts", async () => {
    const [before, during] = [light(), light()];
    before.abort();
    const waits = [before, during].map(({ signal }) => sleep(60_000, true, { signal }));
    during.abort("enough");
    const ended = await Promise.allSettled(waits);
    expect(ended.map((end) => end.status === "rejected" && end.reason.name)).toEqual([
      "AbortError",
      "AbortError",
    ]);
  });
});
