import { expect, test } from "vitest";
import { createGate } from "../../src/guards/gate.ts";
import { createRateLimit } from "../../src/guards/rate-limit.ts";
import { maxRequests } from "../../src/lib/contract.ts";

const setUp = (max: number) => {
  const state = { broken: false, stopping: false, lines: 0 };
  const trace = {
    attempt: () => {
      if (state.broken) throw new Error("no space");
      state.lines += 1;
    },
    end: () => {},
  };
  const limit = createRateLimit(max, () => 0);
  const call = () => createGate(limit, "too_many_writes", trace, () => state.stopping);
  /** What the first request of a call is told. */
  const first = () => {
    const gate = call();
    return gate.admit() ? "sent" : gate.held();
  };
  return { state, call, first };
};

test("what the audit holds back uses up no place of the limit", () => {
  const { state, first } = setUp(2);
  state.broken = true;
  for (let i = 0; i < 5; i++) expect(first()).toEqual({ code: "audit_unavailable" });
  state.broken = false;
  const held = { code: "too_many_writes", waitMs: 60_000 };
  expect([first(), first(), first()]).toEqual(["sent", "sent", held]);
});

test("nothing begins to leave once the server is stopping, but what has begun goes on", () => {
  const { state, call, first } = setUp(2);
  const begun = call();
  expect(begun.admit()).toBe(true);
  state.stopping = true;
  expect(first()).toEqual({ code: "stopping" });
  expect(begun.admit()).toBe(true);
  expect(state.lines).toBe(1);
});

test("the limit counts calls: one takes a place and a line, whatever it sends, up to 64 requests", () => {
  const { state, call, first } = setUp(2);
  const gate = call();
  for (let left = maxRequests; left > 0; left--) {
    expect(gate.left()).toBe(left);
    expect(gate.admit()).toBe(true);
  }
  expect([gate.admit(), gate.held(), gate.left()]).toEqual([false, undefined, 0]);
  expect(state.lines).toBe(1);
  expect([first(), first()]).toEqual(["sent", { code: "too_many_writes", waitMs: 60_000 }]);
});
