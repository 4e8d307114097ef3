import { isObject } from "../lib/json.ts";

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === 0 ||
  value === "" ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0);

const saysNo = (value: unknown): boolean =>
  value === false || value === null || value === 0 || value === "false";

const failureWord =
  /^(?:error|errored|fail|failed|failure|rejected|denied|invalid|bad_request|unauthorized|forbidden|not_found)$/i;

const isFailureStatus = (status: unknown): boolean =>
  (/^\d{3}$/.test(String(status)) && Number(status) >= 400) || failureWord.test(String(status));

/** Members under which some servers put the whole answer. */
const wrappers = ["data", "result", "response"] as const;

const goodNews = /\b(?:ok|success(?:ful(?:ly)?)?|saved|updated|done)\b/i;
const badNews = /\b(?:not?|fail\w*|error\w*|denied|invalid|unable|cannot|reject\w*)\b|n['’]t\b/i;

/** Whether a message can only be about a success. */
const isGoodNews = (message: unknown): boolean =>
  typeof message === "string" && goodNews.test(message) && !badNews.test(message);

/** What may stand beside a `message` that is all an error has to say. */
const besideMessage: ReadonlySet<string> = new Set([
  ...["message", "type", "param", "status", "timestamp", "path", "requestid", "request_id"],
]);

/** An object in whose members an API says that it did not do what was asked. */
const objectShowsFailure = (object: Record<string, unknown>): boolean => {
  const members = Object.entries(object).map(([key, value]) => ({ key: key.toLowerCase(), value }));
  const of = (...keys: string[]): unknown[] =>
    members.filter(({ key }) => keys.includes(key)).map(({ value }) => value);
  // `error`, `errors`, `errorMessage`, `error_code`
  if (members.some(({ key, value }) => key.startsWith("error") && !isEmpty(value))) return true;
  if (of("success", "ok").some(saysNo)) return true;
  if (of("status", "statuscode", "status_code").some(isFailureStatus)) return true;
  if (of(...wrappers).some((value) => isObject(value) && objectShowsFailure(value))) return true;
  const messages = of("message");
  const hasMessage = messages.length > 0;
  // Some pages of Prelude's documentation show errors that are a message and nothing else.
  const isAll = hasMessage && members.every(({ key }) => besideMessage.has(key));
  if (isAll && !messages.every(isGoodNews)) return true;
  // All of the API's error bodies have a code; a number without a message may count something.
  return of("code").some((code) => typeof code === "string" || hasMessage);
};

/** JSON that claims nothing to the contrary. A bare number or a text but `OK` claims nothing at all. */
const isFriendly = (value: unknown): boolean => {
  if (value === null || value === true) return true;
  if (Array.isArray(value)) return value.every(isFriendly);
  return isObject(value) && !objectShowsFailure(value);
};

/**
 * Whether the complete body of a 200 or 201 acknowledges a write: it is empty, `OK` (in any case, in
 * quotes or not), or JSON that shows no failure. An older page of the API's documentation shows 200
 * with `OK` where the API document has 204.
 */
export const isAcknowledgement = (body: string): boolean => {
  const text = body.trim();
  if (/^(?:(["']?)(?:ok)?\1)$/i.test(text)) return true;
  try {
    return isFriendly(JSON.parse(text));
  } catch {
    return false;
  }
};
