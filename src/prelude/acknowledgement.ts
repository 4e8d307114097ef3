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

const numberOf = (status: unknown): number =>
  typeof status === "string" && /^\d{3}$/.test(status) ? Number(status) : (status as number);

const isFailureStatus = (status: unknown): boolean =>
  numberOf(status) >= 400 || failureWord.test(String(status));

const isSuccessStatus = (status: unknown): boolean => {
  const number = numberOf(status);
  return (
    (number >= 200 && number < 300) || /^(?:ok|success|succeeded|updated)$/i.test(String(status))
  );
};

/** `error`, `errors`, `errorMessage`, `error_code`, but not `error_count`. */
const errorName = /^errors?(?:_?(?:message|msg|text|type|code|descriptions?|details?))?$/;

/** A message that is about a success from its first word to its last. */
const goodNews =
  /^(?:ok|done|success|(?:the )?(?:user )?(?:profile )?(?:was |has been )?(?:successfully )?(?:updated|saved|changed|patched)(?: successfully)?)[.!]?$/i;

/** What may stand beside a `message` that is all an error has to say. */
const besideMessage: ReadonlySet<string> = new Set([
  ...["message", "type", "param", "status", "timestamp", "path", "requestid", "request_id"],
]);

/** Members under which some servers put the whole answer. */
const wrappers = ["data", "result", "response"] as const;

type Members = readonly { key: string; value: unknown }[];

const membersOf = (object: Record<string, unknown>): Members =>
  Object.entries(object).map(([key, value]) => ({ key: key.toLowerCase(), value }));

const valuesOf = (members: Members, ...keys: string[]): unknown[] =>
  members.filter(({ key }) => keys.includes(key)).map(({ value }) => value);

/** Members that say no wherever an answer has them. */
const sayNo = (members: Members): boolean =>
  members.some(({ key, value }) => errorName.test(key) && !isEmpty(value)) ||
  valuesOf(members, "success", "ok").some(saysNo) ||
  valuesOf(members, "statuscode", "status_code").some(isFailureStatus);

/** An object that is a message and nothing else, as some pages of Prelude's documentation show errors. */
const isBadNews = (members: Members): boolean => {
  const messages = valuesOf(members, "message");
  if (messages.length === 0 || !members.every(({ key }) => besideMessage.has(key))) return false;
  const isGood = (message: unknown) => typeof message === "string" && goodNews.test(message);
  return !messages.every(isGood) && !valuesOf(members, "status").some(isSuccessStatus);
};

/** An object in whose members an API says that it did not do what was asked. */
const objectShowsFailure = (object: Record<string, unknown>): boolean => {
  const members = membersOf(object);
  const inner = valuesOf(members, ...wrappers).filter(isObject);
  if ([members, ...inner.map(membersOf)].some(sayNo)) return true;
  // What a user is called and holds is not the API's own word.
  if (valuesOf(members, "user", "profile").some(isObject)) return false;
  if (valuesOf(members, "status").some(isFailureStatus) || isBadNews(members)) return true;
  // All of the API's error bodies have a code; a number without a message may count something.
  const hasMessage = valuesOf(members, "message").length > 0;
  return valuesOf(members, "code").some((code) => typeof code === "string" || hasMessage);
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
