import { describe, expect, test } from "vitest";
import {
  type ErrorCode,
  type FailureFacts,
  inWords,
  type Recovery,
  recovery,
} from "../../src/tools/messages.ts";

const some: FailureFacts = { appId: "54e9ujn", userId: "usr_1", keys: ["a", "b"], httpStatus: 400 };

/** Facts that lead to different sentences. */
const variants: FailureFacts[] = [
  {},
  some,
  { ...some, keys: ["a"] },
  { ...some, search: "finished", acknowledgedKeys: ["b"], keys: ["a"] },
  { ...some, search: "stopped" },
  { ...some, refusedTogether: ["a", "b"] },
  { ...some, appFixed: true },
  { ...some, userFixed: true },
  { ...some, appFixed: true, userFixed: true },
  { ...some, lookedUpBy: "email", userIds: ["usr_1", "usr_2"] },
  { ...some, lookedUpBy: "phone" },
  { ...some, allowedKeys: ["c"], lookAlike: true },
  { ...some, tooLargeToShow: true, waitedForTurn: true, timeoutMs: 20_000 },
  { ...some, apiCode: "x", apiMessage: "y", cause: "z", retryAfterSeconds: 7 },
];

const sentencesOf = (text: string): string[] => text.split(/(?<=[.;:]) /);
const what = (code: ErrorCode, facts: FailureFacts): string => inWords(recovery[code].what, facts);
const next = (code: ErrorCode, facts: FailureFacts): string => inWords(recovery[code].next, facts);

describe.each(Object.keys(recovery) as ErrorCode[])("%s", (code) => {
  const { retryable }: Recovery = recovery[code];

  test.each(variants)("with %j", (facts) => {
    const [happened, step] = [what(code, facts), next(code, facts)];
    expect(happened).not.toMatch(/undefined|null|\.$/);
    expect(step).toMatch(/\.$/);
    for (const text of [happened, step]) {
      expect(text).not.toMatch(/undefined|whoever|pinned|mend|brake|pass on/i);
      // A setting is named, nothing is shouted.
      expect(text.replace(/PRELUDE_[A-Z_]+|HTTPS?|MCP|API|UUID|URL/g, "")).not.toMatch(/[A-Z]{4,}/);
    }
    if (retryable) return;
    for (const sentence of sentencesOf(step)) {
      const repeats = /repeat|identical|same call|try again/i.test(sentence);
      if (repeats) expect(sentence, sentence).toMatch(/do not repeat|will not help/i);
    }
  });

  test("whoever has to do something is named as somebody a person knows", () => {
    const step = next(code, some);
    if (/PRELUDE_/.test(step)) {
      expect(step).toMatch(/that the operator must .*the one who configures this server/);
    }
  });
});

test("keys refused only in company are not called reserved", () => {
  const facts = { keys: [], refusedTogether: ["a", "b"], search: "finished" } as const;
  expect(what("reserved_profile_key", facts)).toBe(
    'Prelude refused "a", "b" together as reserved, though it took each of them in other company',
  );
  expect(next("reserved_profile_key", facts)).toMatch(/in one update, and ask which of them/);
});

test("what --check says to the operator is a clause that it makes a sentence of", () => {
  for (const row of Object.values(recovery)) {
    if ("fix" in row) expect(row.fix).toMatch(/^[a-z].*[^.]$/);
  }
});
