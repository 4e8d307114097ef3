import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { openAudit, startTrace } from "../../src/guards/audit.ts";
import { confirmationOf } from "../../src/guards/confirmation.ts";
import { createKeyCheck } from "../../src/guards/key-policy.ts";
import { emailOf, phoneOf } from "../../src/lib/contact.ts";
import { createLog } from "../../src/lib/log.ts";
import { isPlainName, quoteList, shortName } from "../../src/lib/names.ts";
import {
  escapeInvisible,
  foldKey,
  foreignText,
  foreignValue,
  redact,
  shorten,
  visiblePart,
} from "../../src/lib/text.ts";
import { answerOf } from "../../src/mcp/elicitation.ts";
import { isAcknowledgement, pickFrom, readAnswer, requestIdOf } from "../../src/prelude/answer.ts";
import type { PreludeClient } from "../../src/prelude/client.ts";
import { askedDelayMs } from "../../src/prelude/send.ts";
import { viewProfile } from "../../src/tools/get-profile/view.ts";
import { createUpdateProfile } from "../../src/tools/update-profile/update-profile.ts";
import { callOf, dependenciesOf } from "../support/use-case.ts";

const mebi = 2 ** 20;

/** What has cost other programs more time than the text is long; each is repeated. */
const shapes: Record<string, string> = {
  "ESC and ;#": "\u001b;#",
  "ESC[": "\u001b[;",
  blanks: " ",
  "line breaks": "\n",
  "quotes and blanks": `"${" ".repeat(997)}"`,
  backslashes: "\\",
  "marks out of order": "\u0301\u0323",
  "letters with marks": "e\u0301\u0323",
  "zero-width spaces": "\u200b",
  "<": "<",
  "<a ": "<a ",
  "\\u": "\\u",
  "\\u{": "\\u{1",
  "beginnings of the key": "sk_test_4b7",
  keys: "sk_test_4b7e",
  "a@a.": "a@a.",
  "1.": "1.",
  brackets: "[{(",
  commas: '",',
  sigma: "\u03a3.",
  surrogates: "\ud83d",
};

const secrets = ["sk_test_4b7e", "sk_test_4b7e_old/+\u00e9"];
const [app, user] = ["54e9ujn", "usr_1"];
const log = createLog("silent", secrets);
const audit = openAudit("/dev/null", () => {});
const check = createKeyCheck({ allowedKeys: undefined, blockedKeys: ["role"] });
const asked = { userId: user, profile: { plan: "pro" } };
const answered = (text: string, status: number, method: "GET" | "PATCH" = "PATCH") => {
  const pick = pickFrom(() => ({ lacks: "anything" }));
  return readAnswer({ status, headers: {}, body: { text } }, secrets, method, pick);
};
const json = (of: object) => JSON.stringify(of);

const trace = (text: string): void => {
  const call = { tool: "t", clientName: text, clientVersion: text, sandbox: false, keys: [text] };
  const ids = { appId: app, askedAppId: text, userId: user, askedUserId: text };
  const end = { status: "s", code: null, httpStatus: 400, requestId: undefined, attempts: 0 };
  const options = { secrets, now: () => 0 };
  startTrace(audit, { ...call, ...ids }, options).end({ ...end, updatedKeys: [text] });
};

const write = (profile: Record<string, string>) => ({
  appId: app,
  userId: user,
  profile,
  keys: Object.keys(profile),
  onReservedKey: "fail" as const,
});

const client: PreludeClient = {
  patchProfile: async () => ({ attempts: 1 }),
  findUsers: async () => ({ attempts: 1 }),
  close: async () => {},
};
const { config } = readConfig({ PRELUDE_API_KEY: "k", PRELUDE_BLOCKED_KEYS: "role" });
if (!config) throw new Error("no configuration");
const update = createUpdateProfile(dependenciesOf(config, client));
const sound = { app_id: app, user_id: user, profile: { plan: "pro" } };
const call = (args: unknown) => update(callOf(args));

/** Every function that is given text from outside, by its room. */
const functions: Record<string, (text: string) => unknown> = {
  escapeInvisible,
  shorten: (text) => shorten(text, 1_000),
  redact: (text) => redact(text, secrets),
  visiblePart: (text) => visiblePart(text, secrets),
  foreignText: (text) => foreignText(text, secrets),
  foreignValue: (text) => foreignValue(text, secrets, 1_000),
  foldKey,
  isPlainName,
  shortName,
  quoteList: (text) => quoteList([text]),
  log: (text) => log.error(text),
  emailOf,
  phoneOf,
  "key check": (text) => check([text]),
  "audit line": trace,
  "question, new value": (text) => confirmationOf(write({ plan: text })),
  "question, old value": (text) =>
    confirmationOf(write({ plan: "" }), { shows: "values", profile: { plan: text } }, secrets),
  "answer to a question": (text) => answerOf({ action: "accept", content: { [text]: text } }),
  acknowledgement: (text) => isAcknowledgement(text, asked),
  "acknowledgement, a message": (text) => isAcknowledgement(json({ message: text }), asked),
  "error body": (text) => answered(text, 400),
  "refusal, perhaps a page": (text) => answered(text, 403),
  "error message": (text) => answered(json({ message: text, code: text }), 400),
  "success body": (text) => answered(text, 200),
  "read body": (text) => answered(text, 200, "GET"),
  "request id": (text) => requestIdOf({ "x-request-id": text }, secrets),
  "Retry-After": (text) => askedDelayMs({ "retry-after": text, "retry-after-ms": text }, 0),
  "stored value": (text) => viewProfile({ plan: text }, { values: true, refused: check, secrets }),
  "stored name": (text) => viewProfile({ [text]: "x" }, { values: true, refused: check, secrets }),
  "call, app_id": (text) => call({ ...sound, app_id: text }),
  "call, user_id": (text) => call({ ...sound, user_id: text }),
  "call, user_id of 999 characters": (text) => call({ ...sound, user_id: text.slice(0, 999) }),
  "call, value": (text) => call({ ...sound, profile: { plan: text } }),
  "call, key": (text) => call({ ...sound, profile: { [text]: "x" } }),
  "call, profile as text": (text) => call({ ...sound, profile: text }),
  "call, another argument": (text) => call({ ...sound, [text]: text }),
  "call, arguments as text": (text) => call(text),
};

const textOf = (shape: string, length: number): string =>
  shape.repeat(Math.ceil(length / shape.length)).slice(0, length);
/** The same texts for every function. */
const texts = Object.entries(shapes).map(([name, shape]) => ({
  name,
  sizes: [mebi / 16, mebi, 2 * mebi].map((length) => textOf(shape, length)),
}));

const timed = async (run: (text: string) => unknown, text: string): Promise<number> => {
  const from = performance.now();
  await run(text);
  return performance.now() - from;
};

/** The shortest of as many runs as it takes to be sure; a busy machine only ever adds time. */
const best = async (run: () => Promise<number>, isFine: (ms: number) => boolean) => {
  let ms = await run();
  for (let i = 0; i < 4 && !isFine(ms); i++) ms = Math.min(ms, await run());
  return ms;
};

describe("takes time in proportion to its text", () => {
  it.each(Object.entries(functions))("%s", async (_, run) => {
    for (const { name, sizes } of texts) {
      const [small = "", one = "", two = ""] = sizes;
      // What is quadratic shows here, before it takes minutes.
      const little = await best(
        () => timed(run, small),
        (ms) => ms < 100,
      );
      expect({ name, little: little < 100 || little }).toEqual({ name, little: true });
      const first = await timed(run, one);
      const most = 3 * Math.max(first, 10);
      const second = await best(
        () => timed(run, two),
        (ms) => ms < most,
      );
      expect({ name, first, second: second < most || second }).toMatchObject({ second: true });
    }
  });
});
