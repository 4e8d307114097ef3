import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeInvisible, foreignText, redact, visiblePart } from "../../src/lib/text.ts";

const chars = (...points: number[]) => String.fromCodePoint(...points);
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => chars(from + i));

/** Kinds of characters that hide, reorder or drive something. */
const hidden: [string, string[]][] = [
  ["C0 controls", range(0, 0x1f)],
  ["DEL and C1 controls", range(0x7f, 0x9f)],
  ["soft hyphen, combining grapheme joiner", ["\u00ad", "\u034f"]],
  ["Arabic letter mark, number signs", ["\u061c", ...range(0x600, 0x605)]],
  ["Hangul fillers", ["\u115f", "\u1160", "\u3164", "\uffa0"]],
  ["Khmer and Mongolian invisible signs", ["\u17b4", "\u17b5", ...range(0x180b, 0x180f)]],
  ["zero-width spaces and joiners, direction marks", range(0x200b, 0x200f)],
  ["line and paragraph separators, bidi embeddings", range(0x2028, 0x202e)],
  ["invisible operators, bidi isolates", range(0x2060, 0x206f)],
  ["Braille blank, note without a head", ["\u2800", "\u{1d159}"]],
  ["variation selectors", [...range(0xfe00, 0xfe0f), "\u{e0100}", "\u{e01ef}"]],
  ["byte order mark, annotations", ["\ufeff", ...range(0xfff9, 0xfffb)]],
  ["musical controls", range(0x1d173, 0x1d17a)],
  ["tags, which can spell a whole hidden text", range(0xe0000, 0xe007f)],
  ["private use", ["\ue000", "\uf8ff", "\u{f0000}", "\u{10fffd}"]],
  ["what is no character", ["\uffff", "\ufdd0", "\u{1fffe}"]],
  ["unassigned", ["\u0378", "\u{e0fff}"]],
  ["halves of characters", ["\ud800", "\udbff", "\udc00", "\udfff"]],
];

describe("escapeInvisible", () => {
  it.each(hidden)("writes %s as escapes", (_, list) => {
    for (const char of list) {
      expect(escapeInvisible(`a${char}b`)).toBe(`a\\u{${char.codePointAt(0)?.toString(16)}}b`);
    }
  });

  it.each(["Zoë", "日本語", "مرحبا", "नमस्ते", "👍", "e\u0301", "a-b_c.d", "\u00a0", "a\\b"])(
    "leaves %j alone",
    (text) => {
      expect(escapeInvisible(text)).toBe(text);
    },
  );
});

const key = 'sk/live+"4f9c"\\1d7e \u00e9';
const url = encodeURIComponent(key);

describe("redact", () => {
  it.each([
    ["as it is", key],
    ["inside a word", `x${key}y`],
    ["twice", key + key],
    ["in JSON", JSON.stringify(key)],
    ["in JSON of ASCII", JSON.stringify(key).replace("\u00e9", "\\u00e9")],
    ["in a URL", `https://a.example/?k=${url}`],
    ["in a URL in small letters", url.replace(/%../g, (code) => code.toLowerCase())],
    ["in a form", url.replaceAll("%20", "+")],
  ])("takes the key out: %s", (_, text) => {
    const left = redact(`before ${text} after`, [key]);
    expect(left).toMatch(/^before .*\[redacted\].* after$/s);
    expect(left).not.toContain("4f9c");
  });
});

const secret = "sk_live_51H9c04e7";

describe("foreign text", () => {
  it.each([
    ["line breaks and tabs become a blank", " a\r\n\tb \n", "a b"],
    ["terminal sequences lose their teeth", "a\u001b[31mb", "a\\u{1b}[31mb"],
    ["markup and quotes stay", '<b>"x"</b> 1 < 2', '<b>"x"</b> 1 < 2'],
    ["a secret goes", `key ${secret} here`, "key [redacted] here"],
    ["300 characters stay", "x".repeat(300), "x".repeat(300)],
    ["301 are cut", "x".repeat(301), `${"x".repeat(300)}…`],
    ["a character is not cut in two", `${"x".repeat(299)}👍`, `${"x".repeat(299)}…`],
    ["nor is an escape", `${"x".repeat(295)}\u200b`, `${"x".repeat(295)}…`],
    ["a secret across the cut goes", `${"x".repeat(298)}${secret}`, `${"x".repeat(298)}[r…`],
  ])("%s", (_, text, expected) => {
    expect(foreignText(text, [secret])).toBe(expected);
  });

  it.each([1, 5, secret.length - 1])(
    "shows no part of a secret of which %d characters are within the 4,000 that are looked at",
    (inside) => {
      const text = " ".repeat(4_000 - inside) + secret;
      expect(foreignText(text, [secret])).toBe("…");
      expect(visiblePart(text, [secret]).trimStart()).toBe("…");
    },
  );

  it("holds whatever comes in: one line, nothing invisible, no secret, no longer than it may be", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary", maxLength: 10 }),
      fc.constantFrom(...hidden.flatMap(([, list]) => list), secret, "sk_live_", "\\u{", "\n"),
      fc.string({ maxLength: 400, size: "max" }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        const shown = foreignText(parts.join(""), [secret]);
        expect(shown.length).toBeLessThanOrEqual(301);
        expect(escapeInvisible(shown)).toBe(shown);
        expect(shown).not.toContain(secret);
      }),
    );
  });
});
