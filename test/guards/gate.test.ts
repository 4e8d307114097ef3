import { expect, test } from "vitest";
import { createGate } from "../../src/guards/gate.ts";
import { createRateLimit } from "../../src/guards/rate-limit.ts";

const setUp = (max: number) => {
  const events: string[] = [];
  let broken = false;
  const trace = {
    attempt: () => {
      if (broken) throw new Error("no space");
      events.push("line");
    },
    end: () => {},
  };
  const limit = createRateLimit(max, () => 0);
  const gate = (isStopping = () => false) =>
    createGate(limit, "too_many_writes", trace, isStopping).first();
  return {
    gate,
    events,
    breakFile: (is: boolean) => {
      broken = is;
    },
  };
};

test("what the audit holds back uses up no place of the limit", () => {
  const { gate, breakFile } = setUp(2);
  breakFile(true);
  for (let i = 0; i < 5; i++) expect(gate()).toEqual({ code: "audit_unavailable" });
  breakFile(false);
  expect([gate(), gate(), gate()]).toEqual([
    undefined,
    undefined,
    { code: "too_many_writes", waitMs: 60_000 },
  ]);
});

test("what the limit holds back leaves no attempt line", () => {
  const { gate, events } = setUp(1);
  for (let i = 0; i < 3; i++) gate();
  expect(events).toEqual(["line"]);
});

test("nothing begins to leave once the server is stopping", () => {
  const { gate, events } = setUp(1);
  expect(gate(() => true)).toEqual({ code: "timeout", stopping: true });
  expect(events).toEqual([]);
  expect(gate()).toBeUndefined();
});
