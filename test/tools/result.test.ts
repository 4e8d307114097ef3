import { expect, test } from "vitest";
import { shortened } from "../../src/tools/fields.ts";
import { refused, settling, writtenEnd } from "../../src/tools/messages.ts";
import { errorOf, listed, resultOf } from "../../src/tools/result.ts";

const onTheWire = (result: object): object => JSON.parse(JSON.stringify(result));
const target = { appId: "54e9ujn", userId: "usr_1" };
const asked = { target, ignored: [], issues: [] };
const about = { sandbox: false, attempts: 1, ofIgnored: "Not used." };

test("a result is flat, without a member that says nothing", () => {
  expect(onTheWire(resultOf("updated", asked, about, { updated_keys: ["a"] }))).toEqual({
    status: "updated",
    app_id: "54e9ujn",
    user_id: "usr_1",
    updated_keys: ["a"],
  });
});

test("it says what is out of the ordinary", () => {
  const odd = resultOf("updated", { ...asked, ignored: ["x"] }, { ...about, attempts: 3 }, {});
  expect(odd).toMatchObject({ attempts: 3, ignored_arguments: ["x"], note: "Not used." });
  expect(resultOf("updated", asked, { ...about, sandbox: true }, {}).sandbox).toBe(true);
});

test("a list names 1,000 keys, an answer 200 problems and that there are more", () => {
  const names = Array.from({ length: 1_001 }, (_, i) => `key_${i}`);
  expect(listed(names)).toEqual(names.slice(0, 1_000));
  const issue = { path: "profile.a", received: "null", accepted: "a string" };
  expect(shortened(Array(200).fill(issue))).toHaveLength(200);
  const many = shortened(Array(900).fill(issue));
  expect(many).toHaveLength(201);
  expect(many.at(-1)).toMatchObject({ received: "more problems" });
});

test("the API's words stand in quotes, and nothing of it without any", () => {
  const facts = { apiMessage: 'say "hi"', apiCode: "odd", httpStatus: 422 };
  expect(errorOf(refused("api_error", facts), "; nothing was written.").message).toBe(
    'Prelude refused the request (code "odd", HTTP 422); nothing was written. Prelude\'s words: "say \\"hi\\""',
  );
  expect(errorOf(refused("api_error"), ".").message).toBe("Prelude refused the request.");
});

test.each([
  ["none", 1, /^; nothing was written\.$/],
  ["unknown", 1, /^; it is unknown whether the profile changed\.$/],
  ["unknown", 2, /^; one of the attempts may have been applied/],
] as const)("a write that took effect: %s, after %i attempts", (wrote, attempts, words) => {
  expect(writtenEnd({ ...refused("timeout"), wrote, attempts })).toMatch(words);
});

test("an open outcome is settled by a repeat only where a repeat helps", () => {
  expect(settling(refused("timeout"), true)).toMatch(
    /identical call is safe to repeat and settles it/,
  );
  expect(settling(refused("unexpected_response"), false)).toMatch(/Say that it is unknown/);
});
