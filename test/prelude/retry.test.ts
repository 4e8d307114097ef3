import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RequestFailure } from "../../src/prelude/errors.ts";
import { askedDelayMs, backoffMs, isRetried, retryPolicy } from "../../src/prelude/retry.ts";

const now = Date.parse("Mon, 23 Nov 2026 12:00:00 GMT");

describe("how long the API asks to wait", () => {
  const cases: [Record<string, string | string[]>, number | undefined][] = [
    [{}, undefined],
    [{ "retry-after-ms": "250" }, 250],
    [{ "retry-after-ms": " 250.5 " }, 250.5],
    [{ "retry-after-ms": "0" }, 0],
    [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
    [{ "retry-after-ms": "soon", "retry-after": "9" }, 9_000],
    [{ "retry-after-ms": "-1", "retry-after": "9" }, 9_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "120" }, 120_000],
    [{ "retry-after": "1.5" }, 1_500],
    [{ "retry-after": " 2 " }, 2_000],
    [{ "retry-after": "86400" }, 86_400_000],
    [{ "retry-after": "86401" }, undefined],
    [{ "retry-after": "999999999" }, undefined],
    [{ "retry-after": "252455616000" }, undefined],
    [{ "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }, undefined],
    [{ "retry-after": "Tue, 24 Nov 2026 12:00:00 GMT" }, 86_400_000],
    [{ "retry-after-ms": "999999999999", "retry-after": "9" }, 9_000],
    [{ "retry-after-ms": "86400001" }, undefined],
    [{ "retry-after": "Mon, 23 Nov 2026 12:00:07 GMT" }, 7_000],
    [{ "retry-after": "Monday, 23-Nov-26 12:00:07 GMT" }, 7_000],
    [{ "retry-after": "Mon, 23 Nov 2026 11:59:00 GMT" }, 0],
    [{ "retry-after": "-5" }, undefined],
    [{ "retry-after": "" }, undefined],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "1e3" }, undefined],
    [{ "retry-after": "0x10" }, undefined],
    [{ "retry-after": "Infinity" }, undefined],
    [{ "retry-after": "99999999999999999999" }, undefined],
    [{ "retry-after": "2026-11-23T12:00:07Z" }, undefined],
    [{ "retry-after": ["1", "2"] }, undefined],
    [{ "retry-after": ["2", "2"] }, 2_000],
    [{ "retry-after": "Mon Nov 23 12:00:07 2026" }, 7_000],
    [{ "retry-after": "Mon, 23 Nov 2026 14:00:07 +0200" }, 7_000],
  ];
  test.each(cases)("%j: %s", (headers, ms) => {
    expect(askedDelayMs(headers, now)).toBe(ms);
  });

  test("is never negative, NaN or more than a day, whatever the headers hold", () => {
    const text = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    );
    fc.assert(
      fc.property(text, text, (ms, after) => {
        const asked = askedDelayMs({ "retry-after-ms": ms, "retry-after": after }, now);
        if (asked === undefined) return;
        expect(asked).toBeGreaterThanOrEqual(0);
        expect(asked).toBeLessThanOrEqual(86_400_000);
      }),
    );
  });
});

describe("which failures are repeated", () => {
  const answer = (httpStatus: number): RequestFailure => ({
    code: "api_error",
    mayHaveWritten: false,
    httpStatus,
  });
  const transport = (code: RequestFailure["code"], more: Partial<RequestFailure> = {}) => ({
    code,
    mayHaveWritten: true,
    ...more,
  });
  const cases: [RequestFailure, Record<string, string>, boolean][] = [
    ...[408, 429, 500, 502, 503, 504].map(
      (status): [RequestFailure, Record<string, string>, boolean] => [answer(status), {}, true],
    ),
    ...[300, 301, 307, 308, 400, 401, 403, 404, 409, 422, 501, 505, 599].map(
      (status): [RequestFailure, Record<string, string>, boolean] => [answer(status), {}, false],
    ),
    [answer(503), { "x-should-retry": "false" }, false],
    [answer(503), { "x-should-retry": " FALSE " }, false],
    [answer(409), { "x-should-retry": "true" }, true],
    [answer(409), { "x-should-retry": "yes" }, false],
    [answer(503), { "x-should-retry": "no" }, true],
    [transport("unreachable"), {}, true],
    [transport("connection_lost"), {}, true],
    [transport("connection_lost", { httpStatus: 200 }), {}, true],
    [transport("unreachable", { retryable: false }), {}, false],
    [transport("timeout"), {}, false],
    [transport("unexpected_response"), {}, false],
    [transport("unexpected_response", { httpStatus: 200 }), {}, false],
  ];
  test.each(cases)("%j with %j: %s", (failure, headers, expected) => {
    expect(isRetried(failure, headers, retryPolicy)).toBe(expected);
  });

  test("are those of the policy that is given", () => {
    const policy = { ...retryPolicy, statuses: [418], codes: ["timeout" as const] };
    expect(isRetried(answer(418), {}, policy)).toBe(true);
    expect(isRetried(answer(503), {}, policy)).toBe(false);
    expect(isRetried(transport("timeout"), {}, policy)).toBe(true);
    expect(isRetried(transport("connection_lost"), {}, policy)).toBe(false);
  });
});

describe("backoff", () => {
  test("doubles from half a second to eight seconds", () => {
    const delays = [0, 1, 2, 3, 4, 5, 50].map((retry) => backoffMs(retry, retryPolicy, () => 0));
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  test("is shortened by up to a quarter, never lengthened", () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(2_000), random, (retry, share) => {
        const full = backoffMs(retry, retryPolicy, () => 0);
        const delay = backoffMs(retry, retryPolicy, () => share);
        expect(delay).toBeLessThanOrEqual(full);
        expect(delay).toBeGreaterThanOrEqual(full * 0.75);
      }),
    );
  });
});
