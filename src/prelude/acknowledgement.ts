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
  const members = new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
  if (!isEmpty(members.get("error")) || !isEmpty(members.get("errors"))) return true;
  if (["success", "ok"].some((key) => members.has(key) && saysNo(members.get(key)))) return true;
  if (isFailureStatus(members.get("status"))) return true;
  // All of the API's error bodies have a code; a number without a message may count something.
  return members.has("code") && (members.has("message") || typeof members.get("code") === "string");
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
