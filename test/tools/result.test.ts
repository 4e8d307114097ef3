import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { shortened } from "../../src/tools/issues.ts";
import { failure, success } from "../../src/tools/update-profile/result.ts";
import { outputJsonSchema } from "../../src/tools/update-profile/schema.ts";

const to = { appId: "54e9ujn", userId: "usr_1" };
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `key_${i}`);
const onTheWire = (result: object): object => JSON.parse(JSON.stringify(result));
const valid = new Ajv({ strict: true }).compile(outputJsonSchema);

describe("a success", () => {
  test("is flat, without a member that says nothing", () => {
    expect(onTheWire(success(to, { keys: ["a"], attempts: 1 }))).toEqual({
      status: "updated",
      app_id: "54e9ujn",
      user_id: "usr_1",
      updated_keys: ["a"],
    });
  });

  test("says what is out of the ordinary", () => {
    const written = { keys: ["a"], attempts: 3, verified: true };
    const result = onTheWire(success({ ...to, sandbox: true }, written));
    expect(result).toMatchObject({ attempts: 3, sandbox: true, verified: true });
    expect(valid(result)).toBe(true);
  });

  test.each([
    ["an escape sequence", "ro\u001b[31mle", "ro\\u{1b}[31mle"],
    ["a line break", "a\r\nb", "a\\u{d}\\u{a}b"],
    ["a right-to-left override", "\u202erole", "\\u{202e}role"],
    ["a zero-width space", "ro\u200ble", "ro\\u{200b}le"],
    ["nothing of the kind", 'имя "x" 😀', 'имя "x" 😀'],
  ])("names keys as they were sent, save %s", (_, key, shown) => {
    expect(success(to, { keys: [key], attempts: 1 }).updated_keys).toEqual([shown]);
  });

  test.each([
    [1_000, undefined],
    [1_001, 1_001],
    [40_000, 40_000],
  ])("%i keys: at most 1,000 of them, and how many there were", (count, total) => {
    const result = success(to, { keys: names(count), attempts: 1 });
    expect(result.updated_keys).toEqual(names(Math.min(count, 1_000)));
    expect(result.updated_keys_total).toBe(total);
    expect(valid(onTheWire(result))).toBe(true);
  });
});

test("names that grow when they are shown do not make a huge answer", () => {
  const keys = Array.from({ length: 1_000 }, (_, i) => `${"\u007f".repeat(250)}${i}`);
  const { updated_keys, updated_keys_total } = success(to, { keys, attempts: 1 });
  expect(updated_keys.join("").length).toBeLessThanOrEqual(256 * 1024);
  expect(updated_keys.length).toBeGreaterThan(100);
  expect(updated_keys_total).toBe(1_000);
});

describe("a failure", () => {
  test("names acknowledged keys and keys at fault in the same way", () => {
    const result = failure(to, {
      code: "reserved_profile_key",
      wrote: "partial",
      facts: { keys: ["ro\u200ble"], acknowledgedKeys: ["a\nb"], search: "finished" },
    });
    expect(onTheWire(result)).toMatchObject({
      status: "partially_updated",
      updated_keys: ["a\\u{a}b"],
      error: {
        keys: ["ro\\u{200b}le"],
        message: 'Prelude reserves "ro\\u{200b}le", so only the other keys were written.',
      },
    });
    expect(valid(onTheWire(result))).toBe(true);
  });

  test.each([
    ["none", "not_updated", /; nothing was written\.$/, /^(?!.*unknown)/],
    ["unknown", "unknown", /; it is unknown whether the profile changed\.$/, /settles it/],
  ] as const)("that wrote %s is %s", (wrote, status, message, nextStep) => {
    const result = failure(to, { code: "timeout", wrote, facts: {}, attempts: 1 });
    expect(result.status).toBe(status);
    expect(result.error?.message).toMatch(message);
    expect(result.error?.next_step).toMatch(nextStep);
  });

  test("that cannot change is not to be repeated, even if it is open", () => {
    const result = failure(to, { code: "unexpected_response", wrote: "unknown", facts: {} });
    expect(result.error).toMatchObject({ retryable: false });
    expect(result.error?.next_step).toMatch(/will not help until then\..*Say that it is unknown/);
    expect(result.error?.next_step).not.toMatch(/safe to repeat/);
  });

  test("has the API's words in quotes, and nothing of it without any", () => {
    const facts = { apiMessage: 'say "hi"', apiCode: "odd", httpStatus: 422 };
    const { error } = failure(to, { code: "api_error", wrote: "none", facts });
    expect(error?.message).toBe(
      'Prelude refused the request (code "odd", HTTP 422); nothing was written. Prelude\'s words: "say \\"hi\\""',
    );
  });

  test("tells 200 problems and that there are more", () => {
    const issue = { path: "profile.a", received: "null", accepted: "a string" };
    expect(shortened(Array(200).fill(issue))).toHaveLength(200);
    const many = shortened(Array(900).fill(issue));
    expect(many).toHaveLength(201);
    expect(many.at(-1)).toMatchObject({ received: "more problems" });
  });
});
