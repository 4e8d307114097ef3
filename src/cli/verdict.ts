import { isObject } from "../lib/json.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import { type ErrorCode, type FailureFacts, recovery } from "../tools/messages.ts";
import { causeOf } from "../tools/reasons.ts";

/** What was really tried; the rest is not known to be right. */
export type Tested = { key: boolean; network: boolean; app: boolean; user: boolean };

export type Verdict = {
  ok: boolean;
  code: string;
  text: string;
  httpStatus?: number | undefined;
  tested: Tested;
};

const nothing: Tested = { key: false, network: false, app: false, user: false };

const sentence = (words: string): string => `${words[0]?.toUpperCase()}${words.slice(1)}.`;

export const notConfigured: Verdict = {
  ok: false,
  code: "not_configured",
  text: sentence(recovery.not_configured.fix),
  tested: nothing,
};

/** Codes that Prelude gives with words of its own; without these somebody else gave them. */
const inPreludesForm: ReadonlySet<ErrorCode> = new Set([
  "forbidden",
  "not_found",
  "rate_limited",
  "upstream_error",
  "api_error",
]);

const isForeign = ({ code, reason, apiCode, apiMessage }: RequestFailure): boolean =>
  reason === "web_page" ||
  (inPreludesForm.has(code) && apiCode === undefined && apiMessage === undefined);

const inBetween = ({ httpStatus }: RequestFailure, baseUrl: string): string =>
  `HTTP ${httpStatus} did not come in the form of Prelude's answers, so it was probably given by what stands between here and ${baseUrl}: a firewall, a proxy, a gateway or a sign-in page. Ask its operator; or PRELUDE_BASE_URL is wrong. It says nothing about the key.`;

const causeIn = ({ reason, reasonDetail, httpStatus }: RequestFailure): string => {
  if (reason === undefined) return "";
  const status = httpStatus === undefined ? {} : { httpStatus };
  return ` (${causeOf(reason, { ...reasonDetail, ...status })})`;
};

/** What the operator does about it; where nobody knows, what happened. */
const advice = (failure: RequestFailure): string => {
  const known: { fix?: string; what: (facts: FailureFacts) => string } = recovery[failure.code];
  return known.fix ?? known.what(pick(failure));
};

const pick = ({ apiCode, httpStatus }: RequestFailure): FailureFacts => {
  const facts: FailureFacts = {};
  if (apiCode !== undefined) facts.apiCode = apiCode;
  if (httpStatus !== undefined) facts.httpStatus = httpStatus;
  return facts;
};

const refusal = (failure: RequestFailure, baseUrl: string): string => {
  if (isForeign(failure)) return inBetween(failure, baseUrl);
  const { apiMessage } = failure;
  const words = apiMessage === undefined ? "" : ` Prelude's words: ${JSON.stringify(apiMessage)}`;
  return `${sentence(`${advice(failure)}${causeIn(failure)}`)}${words}`;
};

/** What the answer to the test's PATCH says about key, app and network. */
export const judge = (
  failure: RequestFailure | undefined,
  appId: string | undefined,
  baseUrl: string,
): Verdict => {
  if (!failure) {
    const text =
      "A write for a user that cannot exist was accepted, so this is not Prelude: check PRELUDE_BASE_URL.";
    return { ok: false, code: "updated", text, tested: nothing };
  }
  const { code, httpStatus } = failure;
  const reached = { ...nothing, key: true, network: true };
  if (code === "user_not_found" && appId !== undefined) {
    const text = `Prelude accepts the key and knows the app ${appId}.`;
    return { ok: true, code, text, httpStatus, tested: { ...reached, app: true } };
  }
  if (code === "app_not_found" && appId === undefined) {
    const text = `Prelude accepts the key. No app was tested, because PRELUDE_APP_ID is not set.`;
    return { ok: true, code, text, httpStatus, tested: reached };
  }
  const text = refusal(failure, baseUrl);
  return { ok: false, code, text, httpStatus, tested: nothing };
};

/** The same for the sandbox, which has no key to be wrong and no network to fail. */
export const judgeSandbox = (failure: RequestFailure | undefined, appId: string): Verdict => {
  if (failure?.code === "user_not_found") {
    return {
      ok: true,
      code: failure.code,
      text: "The settings can be read and the sandbox answers. Neither a key nor the network was tested.",
      httpStatus: failure.httpStatus,
      tested: nothing,
    };
  }
  return { ...judge(failure, appId, "the sandbox"), tested: nothing };
};

type Looked = { failure?: RequestFailure; user?: unknown };

const isUser = (user: unknown, userId: string): boolean => isObject(user) && user.id === userId;

/**
 * The verdict with what is known of the fixed user.
 *
 * @param looked what a read of this user gave; undefined: reading is off, and a write would change it
 */
export const withUser = (verdict: Verdict, userId: string, looked: Looked | undefined): Verdict => {
  const { text, tested } = verdict;
  if (looked?.failure?.code === "user_not_found") {
    const wrong = `${text} It knows no user ${userId}: correct PRELUDE_USER_ID.`;
    return { ...verdict, ok: false, text: wrong, tested: { ...tested, user: true } };
  }
  if (looked && isUser(looked.user, userId)) {
    const known = `${text} It knows the user ${userId}.`;
    return { ...verdict, text: known, tested: { ...tested, user: true } };
  }
  const why = looked ? "looking it up failed" : "that would take a write";
  return { ...verdict, text: `${text} Whether there is a user ${userId} was not tested: ${why}.` };
};
