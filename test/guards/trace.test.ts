import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { openAudit } from "../../src/guards/audit.ts";
import { auditName, startTrace } from "../../src/guards/trace.ts";
import { stripInvisible } from "../../src/lib/text.ts";

const secret = "sk_live_4f9c1d7e2b";

describe("a name", () => {
  it.each([
    ["an ordinary one", "first_name", "first_name"],
    ["another script", "имя 名前 🙂", "имя 名前 🙂"],
    ["quotes and backslashes", 'a"b\\c', 'a"b\\c'],
    ["nothing", "", ""],
    ["line breaks", "a\nb\r\nc\u2028d", "a\\u{a}b\\u{d}\\u{a}c\\u{2028}d"],
    ["a terminal sequence", "ro\u001b[31mle", "ro\\u{1b}[31mle"],
    ["zero-width characters", "ro\u200ble\ufeff", "ro\\u{200b}le\\u{feff}"],
    ["a reversal of direction", "\u202erole", "\\u{202e}role"],
    ["half a pair", "a\ud800", "a\\u{d800}"],
    ["256 characters", "x".repeat(256), "x".repeat(256)],
    ["257 characters", "x".repeat(257), `${"x".repeat(256)}…`],
    ["256 invisible ones", "\u200b".repeat(256), "\\u{200b}".repeat(256)],
  ])("of %s is complete and visible", (_, name, shown) => {
    expect(auditName(name, [secret])).toBe(shown);
  });

  it("loses the secret alone where it stands as it is", () => {
    expect(auditName(`my ${secret}!`, [secret])).toBe("my [redacted]!");
    expect(auditName(`${"y".repeat(250)}${secret}`, [secret])).toBe(`${"y".repeat(250)}[redac…`);
    expect(auditName(secret, [])).toBe(secret);
  });

  const split = (between: string) => `a${[...secret].join(between)}b`;

  it.each([
    ["zero-width spaces", "\u200b"],
    ["soft hyphens", "\u00ad"],
    ["a word joiner and a mark", "\u2060\ufe0f"],
    ["nulls", "\u0000"],
    ["tags", "\u{e0041}"],
    ["line breaks", "\n"],
    ["blanks", " "],
    ["no-break spaces", "\u00a0"],
    ["colours", "\u001b[31m"],
    ["colours with a C1 control", "\u009b31m"],
    ["a link", "\u001b]8;;http://x\u0007"],
    ["colours broken up", "\u001b\u200b[31m"],
    ["colours and blanks", " \u001b[0m\t"],
  ])("that splits the secret by %s is taken out as a whole", (_, between) => {
    expect(auditName(split(between), [secret])).toBe("[redacted]");
    expect(auditName(`${secret} ${split(between)}`, [secret])).toBe("[redacted]");
  });

  it("never shows the secret, however it is taken apart", () => {
    const between = fc.constantFrom(
      "",
      "",
      "\u200b",
      "\u001b[31m",
      " ",
      "\u00ad",
      "\n",
      "\u001b[0m",
    );
    const any = fc
      .array(between, { minLength: secret.length, maxLength: secret.length })
      .map((gaps) => [...secret].map((char, i) => char + (gaps[i] ?? "")).join(""));
    fc.assert(
      fc.property(fc.string(), any, fc.string(), (before, hidden, after) => {
        const shown = auditName(`${before}${hidden}${after}`, [secret]);
        // As a reader sees it who undoes the escapes and runs the terminal sequences.
        const read = shown.replace(/\\u\{([\da-f]+)\}/g, (_, hex) =>
          String.fromCodePoint(Number.parseInt(hex, 16)),
        );
        expect(stripInvisible(read).replace(/\s/g, "")).not.toContain(secret);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the lines of a call", () => {
  const start = () => {
    const folder = mkdtempSync(join(tmpdir(), "trace-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "audit.jsonl");
    const clock = { now: 5 };
    const call = {
      tool: "update_user_profile",
      clientName: "client",
      clientVersion: undefined,
      sandbox: false,
      appId: "54e9ujn",
      userId: "usr_1",
      keys: Array.from({ length: 2_000 }, (_, i) => (i === 1_999 ? "role" : `k${i}`)),
    };
    const trace = startTrace(
      openAudit(file, () => {}),
      call,
      { secrets: [secret], now: () => clock.now },
    );
    const lines = () =>
      readFileSync(file, "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    return { trace, lines, clock, keys: call.keys };
  };
  const end = {
    status: "updated",
    code: null,
    updatedKeys: ["role"],
    httpStatus: 204,
    requestId: "req_1",
    attempts: 2,
  };

  it("that looks before it writes begin twice, since the file may be another one by then", () => {
    const { trace, lines } = start();
    trace.attempt();
    trace.attempt();
    const [first, second] = lines();
    expect([first.event, second.event]).toEqual(["attempt", "attempt"]);
    expect(second.call_id).toBe(first.call_id);
  });

  it("that sends something are two, joined by an id, with all of its keys", () => {
    const { trace, lines, clock, keys } = start();
    trace.attempt();
    expect(lines()).toMatchObject([{ event: "attempt", keys, client_version: null }]);
    expect(lines()[0]).not.toHaveProperty("status");
    clock.now = 12;
    trace.end(end);
    const [attempt, outcome] = lines();
    expect(outcome).toMatchObject({
      event: "outcome",
      call_id: attempt.call_id,
      keys,
      updated_keys: ["role"],
      status: "updated",
      code: null,
      http_status: 204,
      request_id: "req_1",
      attempts: 2,
      ms: 7,
    });
  });

  it("that sends nothing are one", () => {
    const { trace, lines } = start();
    trace.end({ ...end, status: "not_updated", httpStatus: undefined, requestId: undefined });
    expect(lines()).toMatchObject([{ event: "refused", http_status: null, request_id: null }]);
  });

  it("are none without a file", () => {
    const { keys } = start();
    const call = { tool: "t", clientName: undefined, clientVersion: undefined, sandbox: true };
    const ids = { appId: undefined, userId: undefined };
    const trace = startTrace(
      undefined,
      { ...call, ...ids, keys },
      { secrets: [secret], now: () => 0 },
    );
    expect(trace.attempt()).toBeUndefined();
    expect(trace.end(end)).toBeUndefined();
  });
});
