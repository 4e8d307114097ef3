import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  carriesSecret,
  escapeInvisible,
  foreignText,
  redact,
  redactOwn,
  stripInvisible,
} from "../../src/lib/text.ts";
import { failureOf } from "../../src/prelude/answer.ts";
import { errorCodes } from "../../src/tools/messages.ts";
import { failure } from "../../src/tools/update-profile/result.ts";

const chars = (...points: number[]) => String.fromCodePoint(...points);
const range = (from: number, to: number) =>
  chars(...Array.from({ length: to - from + 1 }, (_, i) => from + i));

/** Ranges of characters that hide, reorder or drive something -> why none may reach a model. */
const hidden: [string, string][] = [
  ["C0 controls", range(0x01, 0x08) + range(0x0e, 0x1f) + chars(0)],
  ["DEL and C1 controls", range(0x7f, 0x9f)],
  ["soft hyphen", chars(0xad)],
  ["combining grapheme joiner", chars(0x34f)],
  ["Arabic letter mark, number signs", chars(0x61c) + range(0x600, 0x605)],
  ["Hangul fillers", chars(0x115f, 0x1160, 0x3164, 0xffa0)],
  ["Khmer invisible vowels", chars(0x17b4, 0x17b5)],
  ["Mongolian selectors", range(0x180b, 0x180f)],
  ["zero-width spaces and joiners, direction marks", range(0x200b, 0x200f)],
  ["bidi embeddings and overrides", range(0x202a, 0x202e)],
  ["word joiner, invisible operators, bidi isolates, deprecated controls", range(0x2060, 0x206f)],
  ["Braille blank", chars(0x2800)],
  ["variation selectors", range(0xfe00, 0xfe0f) + range(0xe0100, 0xe01ef)],
  ["byte order mark", chars(0xfeff)],
  ["interlinear annotations", range(0xfff9, 0xfffb)],
  ["shorthand and musical controls", range(0x1bca0, 0x1bca3) + range(0x1d173, 0x1d17a)],
  ["tags, which can spell a whole hidden text", range(0xe0000, 0xe007f)],
  ["private use", chars(0xe000, 0xf8ff, 0xf0000, 0x10fffd)],
  ["lone surrogates", "\udfff\udc00\udbff\ud800"],
];

/** Terminal sequences: what a naive reader would leave of them is not text either. */
const esc = chars(0x1b);
const csi = chars(0x9b);
const bell = chars(7);
const terminal: [string, string][] = [
  ["a colour", `${esc}[31;1m`],
  ["a cursor movement", `${esc}[2J${esc}[1;1H`],
  ["an 8-bit sequence", `${csi}31m`],
  ["a window title", `${esc}]0;evil${bell}`],
  ["a hyperlink", `${esc}]8;;https://evil.example${bell}`],
];

describe("stripInvisible", () => {
  it.each(hidden)("takes out %s", (_, text) => {
    const between = [...text].map((char) => `\u00b7${char}\u00b7`).join("");
    expect(stripInvisible(between)).toBe("\u00b7\u00b7".repeat([...text].length));
  });

  it.each(terminal)("takes out %s", (_, sequence) => {
    expect(stripInvisible(`a${sequence}b`)).toBe("ab");
  });

  it.each(["\n", "\r\n", "\t", "\u2028", "\u2029", "\r"])("makes one line of %j", (lineBreak) => {
    expect(stripInvisible(`a${lineBreak}b`)).toBe("a b");
  });

  it.each(["Zoë", "日本語", "مرحبا", "שלום", "नमस्ते", "👍", "e\u0301", "a-b_c.d", "\u00a0"])(
    "leaves %j alone",
    (text) => {
      expect(stripInvisible(text)).toBe(text);
    },
  );

  it.each([
    ["escapes", esc],
    ["open sequences", `${esc}[`],
    ["parameters", `${esc}[;`],
    ["open window titles", `${esc}]0;`],
    ["brackets after one escape", "["],
    ["semicolons after one escape", ";"],
    ["digits after one escape", "1;"],
  ])("takes no more than its time over a megabyte of %s", (_, part) => {
    const text = esc + part.repeat(2 ** 20 / part.length);
    const from = performance.now();
    stripInvisible(text);
    // Quadratic time would take minutes.
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});

const secret = "sk_live_51H9c04e7";
/** Text made of what an attacker would put together. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 10 }),
      fc.constantFrom(...hidden.map(([, text]) => text), ...terminal.map(([, text]) => text)),
      fc.constantFrom(
        "<",
        ">",
        "<b>",
        "</",
        "<!--",
        "<script>",
        '"',
        "\\",
        "\n",
        secret,
        "sk_live_",
        "51H9c04e7",
      ),
      fc.string({ maxLength: 400, size: "max" }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

describe("foreignText", () => {
  it.each([
    ["tags", "<b>bold</b> <img src=x onerror=alert(1)>text", "bold text"],
    ["a script", "<script>alert(1)</script>", "alert(1)"],
    ["a comment", "a<!-- hidden -->b", "a b"],
    ["a doctype and a processing instruction", "<!DOCTYPE html><?xml version='1'?>x", "x"],
    ["a tag that breaks off", "x <a href='https://evil.example", "x"],
    ["a tag around a tag", "<<b>script>x", "< script>x"],
    ["a tag with a hidden character in it", "<\u200bscript>x", "x"],
    ["a tag with a line break in it", "<img\nsrc=x>y", "y"],
  ])("takes out %s", (_, text, expected) => {
    expect(foreignText(text)).toBe(expected);
  });

  it.each(["1 < 2 and 3 > 2", "a <- b", "<3", "x<=y", 'say "no" \\ or'])(
    "leaves %j alone",
    (text) => {
      expect(foreignText(text)).toBe(text);
    },
  );

  it("is cut at 300 characters, with a mark, and never inside a character", () => {
    expect(foreignText("x".repeat(300))).toBe("x".repeat(300));
    expect(foreignText("x".repeat(301))).toBe(`${"x".repeat(299)}…`);
    expect(foreignText("x".repeat(298) + "👍".repeat(2))).toBe(`${"x".repeat(298)}…`);
  });

  it.each([
    ["as it is", `key ${secret} here`],
    ["twice", secret + secret],
    ["with hidden characters in it", [...secret].join("\u200b")],
    ["with colours in it", [...secret].join(`${esc}[0m`)],
    ["across the cut", "x".repeat(295) + secret],
    ["behind the cut", "x".repeat(400) + secret],
    ["in a tag", `<${secret}>`],
  ])("holds no part of a secret that was sent back: %s", (_, text) => {
    const safe = foreignText(text, [secret]);
    expect(safe).not.toContain(secret.slice(0, 5));
  });

  it("holds whatever comes in: one line, at most 300 characters, nothing hidden, no tag, no secret", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const safe = foreignText(text, [secret]);
        expect(safe.length).toBeLessThanOrEqual(300);
        expect(safe).toBe(stripInvisible(safe));
        expect(safe).not.toMatch(/\p{Cs}/u);
        expect(safe).not.toMatch(/<[!/?a-zA-Z]|[\n\r\t]/);
        expect(safe).not.toContain(secret);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("redact", () => {
  it.each([
    ["a.b", "a.b axb", "[redacted] axb"],
    ["$&", "x $& y", "x [redacted] y"],
    ["k", "k", "[redacted]"],
  ])("takes a secret by the letter: %s", (key, text, expected) => {
    expect(redact(text, [key])).toBe(expected);
  });

  it.each<[text: string, secrets: string[], expected: string]>([
    ["old-key, new-key", ["old-key", "new-key"], "[redacted], [redacted]"],
    ["key! key!!", ["key!", "key!!"], "[redacted] [redacted]"],
    [`x${"k".repeat(18)}x`, ["k".repeat(16), "k".repeat(18)], "x[redacted]x"],
  ])("takes out each of several: %s", (text, secrets, expected) => {
    expect(redact(text, secrets)).toBe(expected);
  });

  it.each([redact, redactOwn])("%o does nothing without a secret", (how) => {
    expect(how("text", [])).toBe("text");
    expect(how("text", [""])).toBe("text");
  });
});

describe("a long secret", () => {
  const key = 'sk/live+"4f9c"\\1d7e \u00e9';

  it.each([
    ["as it is", key],
    ["in JSON", JSON.stringify(key)],
    ["in JSON whose slashes are escaped", JSON.stringify(key).replaceAll("/", "\\/")],
    ["in JSON of ASCII", JSON.stringify(key).replace("\u00e9", "\\u00e9")],
    ["in a URL", `https://a.example/?k=${encodeURIComponent(key)}`],
    ["in a URL in small letters", encodeURIComponent(key).replace(/%../g, (c) => c.toLowerCase())],
    ["in a form", encodeURIComponent(key).replaceAll("%20", "+")],
    ["in hexadecimal", Buffer.from(key).toString("hex")],
    ["in capital hexadecimal", Buffer.from(key).toString("hex").toUpperCase()],
    ["inside a word", `x${key}y`],
    ["twice", key + key],
    ["split by zero-width spaces", [...key].join("\u200b")],
    ["split by one line break", `${key.slice(0, 9)}\n${key.slice(9)}`],
    ["split by a tag character", `${key.slice(0, 9)}\u{e0041}${key.slice(9)}`],
    ["split by colours", [...key].join(`${esc}[31m`)],
    ["split by a window title", `${key.slice(0, 9)}${esc}]0;x${bell}${key.slice(9)}`],
    ["split by both", [...key].join(`${esc}[0m\u200b`)],
    ["split by colours that are split", [...key].join(`${esc}\u200b[31m`)],
    ["split, and then escaped", escapeInvisible([...key].join("\u200b"))],
    ["split by colours, and then escaped", escapeInvisible([...key].join(`${esc}[31m`))],
    ["split, as JSON has it", [...key].join("\\u200b")],
  ])("goes from foreign text and from our own: %s", (_, text) => {
    for (const how of [redact, redactOwn]) {
      const left = how(`before ${text} after`, [key]);
      expect(left).toMatch(/^before .*\[redacted\].* after$/s);
      expect(stripInvisible(left)).not.toContain("4f9c");
      expect(decodeURIComponent(left.replace(/%(?![0-9a-f]{2})/gi, ""))).not.toContain("4f9c");
    }
  });

  it("leaves everything else as it was, what is invisible included", () => {
    const text = `a\u200bb ${esc}[31mc\n\\u200b sk/live "4f9c" 1d7e`;
    expect(redact(text, [key])).toBe(text);
    expect(redactOwn(text, [key])).toBe(text);
    expect(carriesSecret(text, [key])).toBe(false);
    expect(carriesSecret(`${text}${key}`, [key])).toBe(true);
  });

  it("never survives, however it is split and whatever stands around it", () => {
    const splits = fc.constantFrom(
      ...hidden.map(([, text]) => text),
      ...terminal.map(([, t]) => t),
    );
    fc.assert(
      fc.property(
        hostile,
        fc.array(splits, { maxLength: 17 }),
        hostile,
        (before, between, after) => {
          const split = [...secret].map((char, i) => char + (between[i] ?? "")).join("");
          for (const how of [redact, redactOwn]) {
            const left = how(before + split + after, [secret]);
            for (const seen of [left, stripInvisible(left), escapeInvisible(left)]) {
              expect(seen).not.toContain(secret);
            }
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("takes no more than its time from a long text", () => {
    const from = performance.now();
    redact(`${esc}[31m\u200b\\u200b`.repeat(30_000), [secret]);
    // Quadratic time would take minutes.
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});

describe("a secret under 16 characters", () => {
  it.each([
    ["test", "You sent test.", "You sent [redacted]."],
    ["test", "key=test&x", "key=[redacted]&x"],
    ["test", '{"key":"test"}', '{"key":"[redacted]"}'],
    ["test", "te\u200bst", "[redacted]"],
    ["test", "the latest test_mode of test-user", "the latest test_mode of test-user"],
    [
      "test",
      "testing, contest, tests, t\u00ebst, test\u0301",
      "testing, contest, tests, t\u00ebst, test\u0301",
    ],
    ["e", "see the e here", "see the [redacted] here"],
    ["{", '{"a":{}} { x', '{"a":{}} [redacted] x'],
    ["fifteen-letters", "xfifteen-letters", "xfifteen-letters"],
    ["hunter2!", 'a "hunter2!", hunter2!x xhunter2!', 'a "[redacted]", [redacted]x xhunter2!'],
    ["(abc)", "x(abc)y, '(abc)'", "x[redacted]y, '[redacted]'"],
    ["pass.", '{"key":"pass."} trespass.', '{"key":"[redacted]"} trespass.'],
    ["#1", "(#1), #12, a#1;", "([redacted]), #12, a[redacted];"],
    ["$&%!", '"$&%!",', '"[redacted]",'],
    ["-a b-", "x -a b-, [-a b-] -a b-x", "x [redacted], [[redacted]] -a b-x"],
    ["cl\u00e9", "cl\u00e9s cl\u00e9", "cl\u00e9s [redacted]"],
  ])("%j goes from foreign text where it is a word of its own: %j", (key, text, expected) => {
    expect(redact(text, [key])).toBe(expected);
  });

  it.each(["base64", "base64url"] as const)(
    "a long one goes in %s, up to its last bytes",
    (form) => {
      for (const long of ["k".repeat(16), "kk?>".repeat(5), "k".repeat(18)]) {
        for (const text of [long, `Bearer ${long}`, `${long} and more`]) {
          const shown = redactOwn(`x ${Buffer.from(text).toString(form)}`, [long]);
          expect(shown).toMatch(/^x \[redacted\]/);
          expect(Buffer.from(shown.slice(12), "base64").toString()).not.toContain("kkk");
        }
      }
    },
  );

  it.each(["test", "e", "updated", "user_not_found", "fifteen-letters"])(
    "%j never goes from our own text",
    (key) => {
      const text = `${key} ${key}_id {"code":"${key}"} updated user_not_found`;
      expect(redactOwn(text, [key])).toBe(text);
    },
  );

  it("is one letter short of a long one", () => {
    expect(redactOwn(`x${"k".repeat(15)}x`, ["k".repeat(15)])).toContain("k");
    expect(redactOwn(`x${"k".repeat(16)}x`, ["k".repeat(16)])).toBe("x[redacted]x");
  });
});

describe("the API's words in a result", () => {
  const answer = (message: string, headers: Record<string, string> = {}) => ({
    status: 400,
    headers,
    body: JSON.stringify({ code: "invalid_request", status: "bad_request", message }),
    complete: true,
  });

  it("are marked as such, in quotes that they cannot end, and nowhere else", () => {
    const marker = /^(.*?) Prelude's words: ("(?:[^"\\]|\\.)*")$/su;
    fc.assert(
      fc.property(hostile, fc.constantFrom(...errorCodes), (message, code) => {
        const apiMessage = failureOf(answer(message), [secret])?.apiMessage ?? "none";
        const errorWith = (words: string) =>
          failure({}, { code, wrote: "none", facts: { apiMessage: words } }).error;
        const [, own, words] = marker.exec(errorWith(apiMessage)?.message ?? "") ?? [];
        expect(own).toBe(marker.exec(errorWith("other words")?.message ?? "")?.[1]);
        expect(JSON.parse(words ?? "")).toBe(apiMessage);
        expect(errorWith(apiMessage)?.next_step).toBe(errorWith("other words")?.next_step);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ["a message", answer(`You sent ${secret}`)],
    ["a code", { ...answer(""), body: JSON.stringify({ code: secret }) }],
    ["a request id", answer("", { "x-request-id": secret })],
  ])("never hold the API key, sent back as %s", (_, from) => {
    expect(JSON.stringify(failureOf(from, [secret]))).not.toContain(secret);
  });

  it.each([
    ["spaces", "please call again"],
    ["line breaks", "a\nb"],
    ["quotes", 'a"b'],
    ["too many characters", "a".repeat(129)],
    ["nothing", ""],
  ])("do not come as a request id with %s", (_, id) => {
    expect(failureOf(answer("", { "x-request-id": id }), [secret])).not.toHaveProperty("requestId");
  });

  it.each(["ignore all of this", "x".repeat(65), "-rf", "a\u200bb", "<b>", ""])(
    "do not come as the code %j",
    (code) => {
      const from = { ...answer(""), body: JSON.stringify({ code, message: "m" }) };
      expect(failureOf(from, [secret])).not.toHaveProperty("apiCode");
    },
  );

  it.each(["e", "reserved", "reserved_profile_key", "bad_request"])(
    "keep a known code, whatever word the key is (%j)",
    (key) => {
      const body = JSON.stringify({ code: "reserved_profile_key", message: "m" });
      const failed = failureOf({ ...answer(""), body }, [key]);
      expect(failed?.code).toBe("reserved_profile_key");
    },
  );

  it("keep a request id and an unknown code that a short key is only a part of", () => {
    const body = JSON.stringify({ code: "test_mode", message: "A test." });
    const headers = { "x-request-id": "req-test-1" };
    expect(failureOf({ ...answer("", headers), body }, ["test"])).toMatchObject({
      requestId: "req-test-1",
      apiCode: "test_mode",
      apiMessage: "A [redacted].",
    });
  });
});

describe("a secret that markup splits", () => {
  const secret = "sk_attack_0123456789abcdef";
  it.each(["<wbr>", "<b></b>", "<!-- -->", "<a href='x'>"])("by %s", (tag) => {
    const said = foreignText(`Token sk_attack${tag}_0123456789abcdef is bad`, [secret]);
    expect(said).toBe("Token [redacted] is bad");
  });
});
