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
  redact,
  shorten,
  visiblePart,
} from "../../src/lib/text.ts";
import { answerOf } from "../../src/mcp/elicitation.ts";
import { isAcknowledgement, readAnswer, requestIdOf } from "../../src/prelude/answer.ts";
import type { PreludeClient } from "../../src/prelude/client.ts";
import { askedDelayMs } from "../../src/prelude/send.ts";
import { viewProfile } from "../../src/tools/get-profile/view.ts";
import { callOf, createUpdateProfile, dependenciesOf } from "../support/use-case.ts";

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
const answered = (text: string, status: number) =>
  readAnswer({ status, headers: {}, text }, secrets, asked);
const json = (of: object) => JSON.stringify(of);

const trace = (text: string): void => {
  const call = { id: "1", client: { name: text, version: text }, meta: { [text]: text } };
  const options = { tool: "t", sandbox: false, auditMeta: [text], secrets };
  const traced = startTrace(audit, call, options);
  traced.about({ appId: app, askedAppId: text, userId: user, askedUserId: text, keys: [text] });
  traced.about({ httpStatus: 400, updatedKeys: [text] });
  traced.end("s", null);
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
    confirmationOf(write({ plan: "" }), { read: "values", profile: { plan: text } }, secrets),
  "answer to a question": (text) => answerOf({ action: "accept", content: { [text]: text } }),
  acknowledgement: (text) => isAcknowledgement(text, asked),
  "acknowledgement, a message": (text) => isAcknowledgement(json({ message: text }), asked),
  "error body": (text) => answered(text, 400),
  "refusal, perhaps a page": (text) => answered(text, 403),
  "error message": (text) => answered(json({ message: text, code: text }), 400),
  "success body": (text) => answered(text, 200),
  "read body": (text) => readAnswer({ status: 200, headers: {}, text }, secrets),
  "request id": (text) => requestIdOf({ "x-request-id": text }, secrets),
  "Retry-After": (text) => askedDelayMs({ "retry-after": text, "retry-after-ms": text }, 0),
  "stored value": (text) => viewProfile({ plan: text }, { values: true, refused: check, secrets }),
  "stored name": (text) => viewProfile({ [text]: "x" }, { values: true, refused: check, secrets }),
  "call, app_id": (text) => call({ ...sound, app_id: text }),
  "call, user_id": (text) => call({ ...sound, user_id: text }),
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
  little: textOf(shape, mebi / 16),
  whole: textOf(shape, mebi),
}));

/** Milliseconds of this process's own work, so that a busy machine adds none. */
const timed = async (run: (text: string) => unknown, text: string): Promise<number> => {
  const from = process.cpuUsage();
  await run(text);
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
};

/** The shortest of as many runs as it takes to be sure: collecting garbage only ever adds time. */
const best = async (run: (text: string) => unknown, text: string, mostMs: number) => {
  let ms = await timed(run, text);
  for (let i = 0; i < 4 && ms >= mostMs; i++) ms = Math.min(ms, await timed(run, text));
  return ms;
};

describe("takes time in proportion to its text, up to a megabyte of anything", () => {
  it.each(Object.entries(functions))("%s", async (_, run) => {
    for (const { name, little, whole } of texts) {
      // What is quadratic shows here, before it takes minutes.
      const first = await best(run, little, 100);
      expect({ name, first, isQuick: first < 100 }).toMatchObject({ isQuick: true });
      const most = 3 * 16 * Math.max(first, 5);
      const second = await best(run, whole, most);
      expect({ name, first, second, isLinear: second < most }).toMatchObject({ isLinear: true });
    }
  });
});
