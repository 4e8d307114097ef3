import { describe, expect, it } from "vitest";
import { emailOf, phoneOf } from "../../src/lib/contact.ts";

describe("an email address", () => {
  it.each([
    ["jane@example.com", "jane@example.com"],
    ["  jane@example.com\n", "jane@example.com"],
    ["Jane.O'Neil+news@Example.co.uk", "Jane.O'Neil+news@Example.co.uk"],
    ["jörg@bücher.example", "jörg@bücher.example"],
  ])("%j is taken as %j", (text, address) => {
    expect(emailOf(text)).toBe(address);
  });

  it.each([
    "",
    "jane",
    "jane@",
    "@example.com",
    "jane@example",
    "jane doe@example.com",
    "Jane <jane@example.com>",
    "jane@example.com, sam@example.com",
    "jane@exam\u200bple.com",
    "jane@example.com\u0000",
    "a@b@example.com",
    "“jane@example.com”",
    "«jane@example.com»",
    `${"a".repeat(2_990)}@example.com`,
    `${"a".repeat(65)}@example.com`,
  ])("%j is none", (text) => {
    expect(emailOf(text)).toBeUndefined();
  });

  it("is refused at once, however long the text is", () => {
    expect(emailOf(`a@${"a.".repeat(500_000)}`)).toBeUndefined();
  });
});

describe("a phone number", () => {
  it.each([
    ["+33612345678", "+33612345678"],
    ["+33 6 12 34 56 78", "+33612345678"],
    [" +1 (202) 555-0123 ", "+12025550123"],
    ["+44.20.7946.0958", "+442079460958"],
    ["+49\u00a030\u2011901820", "+4930901820"],
  ])("%j is taken as %j", (text, number) => {
    expect(phoneOf(text)).toBe(number);
  });

  it.each([
    "",
    "0612345678",
    "0033612345678",
    "33612345678",
    "+44 (0) 20 7946 0958",
    "+44 (0)20 7946 0958",
    "+0123456789",
    "+123456",
    "+1234567890123456",
    "+1 202 555 0123 ext. 4",
    "+33 6 12 34 56 7O",
    "+３３612345678",
    "++33612345678",
  ])("%j is none", (text) => {
    expect(phoneOf(text)).toBeUndefined();
  });
});
