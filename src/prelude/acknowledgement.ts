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

const failureWord = /^(?:error|fail|failed|failure|bad_request|unauthorized|forbidden|not_found)$/i;

const isFailureStatus = (status: unknown): boolean =>
  typeof status === "number" ? status >= 400 : failureWord.test(String(status));

/** An object in whose members an API says that it did not do what was asked. */
const objectShowsFailure = (object: Record<string, unknown>): boolean => {
  const members = Object.entries(object).map(([key, value]) => ({ key: key.toLowerCase(), value }));
  const of = (...keys: string[]): unknown[] =>
    members.filter(({ key }) => keys.includes(key)).map(({ value }) => value);
  if (of("error", "errors").some((value) => !isEmpty(value))) return true;
  if (of("success", "ok").some(saysNo)) return true;
  if (of("status").some(isFailureStatus)) return true;
  // All of the API's error bodies have a code; a number without a message may count something.
  const codes = of("code");
  return codes.some((code) => typeof code === "string" || of("message").length > 0);
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
