import { expect, it } from "vitest";
import { emailOf, phoneOf } from "../../src/lib/contact.ts";

it.each([
  [
    "jane@example",
    "Jane <jane@example.com>",
    "jane@example.com, sam@example.com",
    "a@b@example.com",
  ],
  ["jane@exam\u200bple.com", "jane doe@example.com", `${"a".repeat(65)}@example.com`],
])("who is looked up by an address is one, in plain letters: not %j", (...texts) => {
  for (const text of texts) expect(emailOf(text)).toBeUndefined();
});

it.each([
  ["+33 6 12 34 56 78", "+33612345678"],
  [" +1 (202) 555-0123 ", "+12025550123"],
  ["+49\u00a030\u2011901820", "+4930901820"],
])("a number may be written as people do: %j", (text, number) => {
  expect(phoneOf(text)).toBe(number);
});

it.each([
  ["0033612345678", "+44 (0) 20 7946 0958", "+0123456789", "+123456", "+1234567890123456"],
  ["+1 202 555 0123 ext. 4", "+33 6 12 34 56 7O", "+３３612345678", "++33612345678"],
])("but is no other number: not %j", (...texts) => {
  for (const text of texts) expect(phoneOf(text)).toBeUndefined();
});
