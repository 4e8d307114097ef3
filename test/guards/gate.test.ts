import { expect, test } from "vitest";
import { createGate } from "../../src/guards/gate.ts";
import { createRateLimit } from "../../src/guards/rate-limit.ts";

test("what the audit holds back uses up no place of the limit, and leaves no line", () => {
  const state = { broken: true, lines: 0 };
  const attempt = () => {
    if (state.broken) throw new Error("no space");
    state.lines += 1;
  };
  const limit = createRateLimit(2, () => 0);
  /** What the first request of a call is told. */
  const first = () => {
    const gate = createGate(
      limit,
      "too_many_writes",
      { attempt, about: () => {}, end: () => {} },
      () => false,
    );
    return gate.admit() ? "sent" : gate.held();
  };
  for (let i = 0; i < 5; i++) expect(first()).toEqual({ code: "audit_unavailable" });
  state.broken = false;
  const held = { code: "too_many_writes", waitMs: 60_000 };
  expect([first(), first(), first()]).toEqual(["sent", "sent", held]);
  expect(state.lines).toBe(2);
});
