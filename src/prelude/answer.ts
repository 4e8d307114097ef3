import { isObject } from "../lib/json.ts";
import { foreignText, redact, type Secrets } from "../lib/text.ts";
import type { PreludeCode, Reason, ReasonDetail, RequestFailure } from "./errors.ts";

/** A body as text, or why it could not be read. */
export type Body = { text: string } | { unread: "broke_off" | "too_large" | "not_decodable" };

/** An answer of the API, or of whatever stands in its place, read as far as it matters. */
export type Answer = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Body;
};

/** What a write asked for. */
export type Asked = { userId: string; profile: Readonly<Record<string, string>> };

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

// Good news is a closed list. A list of bad words could never be finished.
const goodFlags: ReadonlySet<string> = new Set(["success", "ok", "updated"]);
const goodNames: ReadonlySet<string> = new Set(["status", "state", "result", "message"]);
const goodWord = /^(?:ok|success|succeeded|updated|saved|done)$/i;
const badNames = ["error", "errors", "code"];

const isJudged = (name: string): boolean => goodFlags.has(name) || goodNames.has(name);

const isGood = ([name, value]: [string, unknown]): boolean =>
  goodFlags.has(name)
    ? value === true
    : goodNames.has(name) && typeof value === "string" && goodWord.test(value);

const holdsValues = (profile: unknown, asked: Asked["profile"]): boolean =>
  isObject(profile) &&
  Object.entries(asked).every(
    ([key, value]) => Object.hasOwn(profile, key) && profile[key] === value,
  );

const isUser = (user: unknown, { userId, profile }: Asked): boolean =>
  isObject(user) &&
  user.id === userId &&
  (user.profile === undefined || holdsValues(user.profile, profile));

/** Whether the object holds the user or the profile as they must be after the write. */
const showsWrite = (body: Record<string, unknown>, asked: Asked): boolean => {
  const { id, user, profile } = body;
  const shown: boolean[] = [];
  if (id !== undefined) shown.push(isUser(body, asked));
  if (user !== undefined) shown.push(isUser(user, asked));
  if (profile !== undefined) shown.push(holdsValues(profile, asked.profile));
  if (shown.length === 0 || shown.includes(false)) return false;
  if (badNames.some((name) => Object.hasOwn(body, name))) return false;
  // What a user's status says is about the user.
  const judged = Object.entries(body).filter(
    ([name]) => isJudged(name) && !(name === "status" && id !== undefined),
  );
  return judged.every(isGood);
};

/** Whether the whole body of an answer acknowledges a write. */
export const isAcknowledgement = (text: string, asked: Asked): boolean => {
  if (/^(?:|ok|"ok"|true)$/i.test(text.trim())) return true;
  const body = parseJson(text);
  return isObject(body) && (Object.entries(body).every(isGood) || showsWrite(body, asked));
};

/** The API document's five codes, and the global ones of Prelude's V2 API, whose HTTP status is not stated. */
const apiCodes: ReadonlyMap<unknown, PreludeCode> = new Map([
  ["invalid_request", "invalid_request"],
  ["reserved_profile_key", "reserved_profile_key"],
  ["session_disabled", "session_disabled"],
  ["app_not_found", "app_not_found"],
  ["user_not_found", "user_not_found"],
  ["missing_api_token", "unauthorized"],
  ["invalid_api_token", "unauthorized"],
  ["suspended_account", "forbidden"],
]);

const statusCodes: ReadonlyMap<number, PreludeCode> = new Map([
  [401, "unauthorized"],
  [403, "forbidden"],
  [404, "not_found"],
  [429, "rate_limited"],
]);

const plainToken = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const requestIdForm = /^[\w.:/+=-]{1,128}$/;
const idHeaders = ["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray"];

/** A foreign text, if it is of this form and holds no secret. */
const tokenOf = (text: unknown, form: RegExp, secrets: Secrets): string | undefined =>
  typeof text === "string" && form.test(text) && redact(text, secrets) === text ? text : undefined;

/** What an answer's headers call the request. */
export const requestIdOf = (headers: Answer["headers"], secrets: Secrets): string | undefined =>
  idHeaders
    .map((name) => tokenOf(headers[name], requestIdForm, secrets))
    .find((id) => id !== undefined);

const failureAt = (
  { status, headers }: Answer,
  secrets: Secrets,
  what: RequestFailure,
): RequestFailure => ({ ...what, httpStatus: status, requestId: requestIdOf(headers, secrets) });

/** A page for people: a proxy, a firewall or a sign-in page gives one, Prelude's API does not. */
const isPage = ({ headers, body }: Answer): boolean =>
  /^\s*text\/html\b/i.test(String(headers["content-type"])) ||
  ("text" in body && body.text.trimStart().startsWith("<"));

/** A refusal or an error: any status from 400. */
const refusalOf = (answer: Answer, secrets: Secrets): RequestFailure => {
  const { status } = answer;
  if ((status === 401 || status === 403) && isPage(answer)) {
    const page = {
      code: "unexpected_response",
      reason: "web_page",
      mayHaveWritten: false,
    } as const;
    return failureAt(answer, secrets, page);
  }
  const json = "text" in answer.body ? parseJson(answer.body.text) : undefined;
  const { code, message } = isObject(json) ? json : {};
  const known = apiCodes.get(code);
  const failure = failureAt(answer, secrets, {
    code: status >= 500 ? "upstream_error" : (known ?? statusCodes.get(status) ?? "api_error"),
    mayHaveWritten: status >= 500,
  });
  const words = typeof message === "string" ? foreignText(message, secrets) : "";
  if (words !== "") failure.apiMessage = words;
  const apiCode = known ? undefined : tokenOf(code, plainToken, secrets);
  if (apiCode !== undefined) failure.apiCode = apiCode;
  if (status === 408) Object.assign(failure, { retryable: true, reason: "request_timeout" });
  return failure;
};

/** The wanted part of a body, or what of it is not there. */
export type Picked<T> = { content: T } | { lacks: string };

/** Finds the wanted part of a body that is an object. */
export const pickFrom =
  <T>(pick: (body: Record<string, unknown>) => Picked<T>) =>
  (text: string): Picked<T> => {
    const body = parseJson(text);
    return isObject(body) ? pick(body) : { lacks: "a JSON object" };
  };

/**
 * Reads an answer. A success is 204 to a write, as documented, or 200 (to a write also 201) with the
 * wanted body. Every other 2xx leaves open what became of a write (202 accepted it, 207 is about
 * parts of it), and a redirect is not followed.
 *
 * @param secrets removed from the API's words, should it echo them
 */
export const readAnswer = <T>(
  answer: Answer,
  secrets: Secrets,
  method: "GET" | "PATCH",
  pick: (text: string) => Picked<T>,
): { content: T } | { failure: RequestFailure } => {
  const { status, body } = answer;
  const isWrite = method === "PATCH";
  if (status >= 400) return { failure: refusalOf(answer, secrets) };
  const failed = (code: PreludeCode, reason: Reason, reasonDetail: ReasonDetail = {}) => ({
    failure: failureAt(answer, secrets, { code, mayHaveWritten: isWrite, reason, reasonDetail }),
  });
  if (status >= 300) return failed("unexpected_response", "redirect");
  if (status !== 200 && !(isWrite && (status === 201 || status === 204))) {
    return failed("unexpected_response", "undocumented_status");
  }
  const unread = "unread" in body ? body.unread : undefined;
  if (unread === "broke_off") return failed("connection_lost", unread);
  const picked = "text" in body ? pick(body.text) : { lacks: "text" };
  if ("content" in picked) return picked;
  if (isWrite) return failed("unexpected_response", "no_acknowledgement");
  return failed("unexpected_response", unread ?? "unexpected_shape", picked);
};
