import { isObject } from "../lib/json.ts";
import { foreignText, redact, type Secrets } from "../lib/text.ts";
import { isAcknowledgement } from "./acknowledgement.ts";
import { maxBodyRead, maxContentRead } from "./body.ts";
import type { PreludeCode, Reason, RequestFailure } from "./errors.ts";

/** An answer of the API, or of whatever stands in its place, read as far as it matters. */
export type Answer = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body, decoded, as far as it was read. */
  body: string;
  /** False: the body was longer, broke off or could not be decoded. */
  complete: boolean;
};

/** The API document's five codes, and the global ones of Prelude's V2 API, whose HTTP status is not stated. */
const apiCodes: ReadonlyMap<string, PreludeCode> = new Map([
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
const requestIdHeaders = [
  "x-request-id",
  "request-id",
  "x-correlation-id",
  "x-amzn-requestid",
  "cf-ray",
];

const parseJson = (text: string): { value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};

/** What a JSON object that broke off may be, closed at its end or after its last whole property. */
const salvage = (text: string): string[] => {
  let depth = 0;
  let inString = false;
  let end = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (inString) {
      if (char === "\\") i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else if (char === "," && depth === 1) end = i;
  }
  return [`${text}}`, `${text.slice(0, end)}}`];
};

const parseError = (text: string, complete: boolean): Record<string, unknown> => {
  const candidates = complete ? [text] : [text, ...salvage(text)];
  const value = candidates.map(parseJson).find((json) => json !== undefined)?.value;
  return isObject(value) ? value : {};
};

/** What an answer's headers call the request, if that is a plain token and none of the secrets. */
export const requestIdOf = (headers: Answer["headers"], secrets: Secrets): string | undefined => {
  for (const name of requestIdHeaders) {
    const value = headers[name];
    if (typeof value === "string" && requestIdForm.test(value) && redact(value, secrets) === value)
      return value;
  }
  return undefined;
};

const failureAt = (
  { status, headers }: Answer,
  secrets: Secrets,
  what: Pick<RequestFailure, "code" | "mayHaveWritten"> & { reason?: Reason },
): RequestFailure => {
  const failure: RequestFailure = { ...what, httpStatus: status };
  const requestId = requestIdOf(headers, secrets);
  if (requestId !== undefined) failure.requestId = requestId;
  return failure;
};

/** A refusal or an error: any status from 400. */
const refusalOf = (answer: Answer, secrets: Secrets): RequestFailure => {
  const { status, complete } = answer;
  const { code, message } = parseError(withoutMark(answer.body), complete);
  const known = typeof code === "string" ? apiCodes.get(code) : undefined;
  const failure = failureAt(answer, secrets, {
    code: status >= 500 ? "upstream_error" : (known ?? statusCodes.get(status) ?? "api_error"),
    mayHaveWritten: status >= 500,
  });
  const words = typeof message === "string" ? foreignText(message, secrets) : "";
  if (words !== "") failure.apiMessage = words;
  const isToken = typeof code === "string" && plainToken.test(code);
  if (!known && isToken && redact(code, secrets) === code) failure.apiCode = code;
  if (status === 408) Object.assign(failure, { retryable: true, reason: "request_timeout" });
  return failure;
};

const withoutMark = (body: string): string => body.replace(/^\ufeff/, "");

/** Why an incomplete answer is so: it was cut at the limit, which is no defect of the connection. */
const brokeOff = ({ body, complete }: Answer, limit: number): boolean =>
  !complete && Buffer.byteLength(body) < limit && !/^\ufeff?\s*</.test(body);

/**
 * Reads the answer to a write: undefined for a success, else the failure. A success is 204 as
 * documented, or 200 or 201 with a body that acknowledges it. Every other 2xx leaves open what
 * became of the write (202 accepted it, 207 is about parts of it), and a redirect is not followed.
 *
 * @param secrets removed from the API's words, should it echo them
 */
export const failureOf = (answer: Answer, secrets: Secrets): RequestFailure | undefined => {
  const { status, complete } = answer;
  if (status >= 400) return refusalOf(answer, secrets);
  if (status === 204) return undefined;
  const unexpected = (reason: Reason) =>
    failureAt(answer, secrets, { code: "unexpected_response", mayHaveWritten: true, reason });
  if (status >= 300) return unexpected("redirect");
  if (status > 201) return unexpected("undocumented_status");
  if (complete && isAcknowledgement(withoutMark(answer.body))) return undefined;
  if (!brokeOff(answer, maxBodyRead)) return unexpected("no_acknowledgement");
  const lost = { code: "connection_lost", mayHaveWritten: true, reason: "broke_off" } as const;
  return failureAt(answer, secrets, lost);
};

export type Reading<T> = { content: T } | { failure: RequestFailure };

/**
 * Reads the answer to a GET: the wanted part of a 200, else the failure.
 *
 * @param pick takes the wanted part out of the parsed body; undefined where it is not there
 */
export const readingOf = <T>(
  answer: Answer,
  secrets: Secrets,
  pick: (body: Record<string, unknown>) => T | undefined,
): Reading<T> => {
  const { status, complete } = answer;
  if (status >= 400) return { failure: refusalOf(answer, secrets) };
  const failed = (code: PreludeCode, reason: Reason): Reading<T> => ({
    failure: failureAt(answer, secrets, { code, mayHaveWritten: false, reason }),
  });
  if (status >= 300) return failed("unexpected_response", "redirect");
  if (status !== 200) return failed("unexpected_response", "undocumented_status");
  if (brokeOff(answer, maxContentRead)) return failed("connection_lost", "broke_off");
  if (!complete && Buffer.byteLength(answer.body) >= maxContentRead)
    return failed("unexpected_response", "too_large");
  const body = complete ? parseJson(withoutMark(answer.body))?.value : undefined;
  const content = isObject(body) ? pick(body) : undefined;
  return content === undefined ? failed("unexpected_response", "unexpected_shape") : { content };
};
