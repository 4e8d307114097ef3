import { isObject } from "../lib/json.ts";
import { foreignText, redact, type Secrets } from "../lib/text.ts";
import {
  apiCodes,
  type PreludeCode,
  type Reason,
  type ReasonDetail,
  type RequestFailure,
} from "./errors.ts";

/** An answer of the API, or of whatever stands in its place; its body as text, or why there is none. */
export type Answer = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text?: string;
  unread?: "broke_off" | "too_large" | "not_decodable";
};

export type Asked = { userId: string; profile: Readonly<Record<string, string>> };

const objectIn = (text: string) => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

// Good news is a closed list. A list of bad words could never be finished.
const flag = /^(?:success|ok|updated)$/;
const state = /^(?:status|state|result|message)$/;
const goodWord = /^(?:ok|success|succeeded|updated|saved|done)$/i;

const isGood = ([name, value]: [string, unknown]): boolean =>
  flag.test(name)
    ? value === true
    : state.test(name) && typeof value === "string" && goodWord.test(value);

/** Whether a profile holds every value that was asked for. */
export const holdsValues = (profile: unknown, asked: Asked["profile"]): boolean =>
  isObject(profile) &&
  Object.entries(asked).every(
    ([key, value]) => Object.hasOwn(profile, key) && profile[key] === value,
  );

/** Whether nothing in a user, or in a body beside its user, speaks against the write. */
const isSound = (part: Record<string, unknown>, asked: Asked): boolean =>
  Object.entries(part).every(([name, value]) => {
    if (name === "id") return value === asked.userId;
    if (name === "profile") return holdsValues(value, asked.profile);
    // Of a user inside a user nobody knows what it says.
    if (/^(?:error|errors|code|user)$/.test(name)) return false;
    // What a user's status says is about the user.
    if (name === "status" && Object.hasOwn(part, "id")) return true;
    return !(flag.test(name) || state.test(name)) || isGood([name, value]);
  });

/** Whether a body shows the profile as it must be after the write, its own or that of its user. */
const showsWrite = (body: Record<string, unknown>, asked: Asked): boolean => {
  const { user, ...own } = body;
  if (!isSound(own, asked)) return false;
  if (user === undefined) return "profile" in own;
  const isTheirs = isObject(user) && "id" in user && isSound(user, asked);
  return isTheirs && ("profile" in own || "profile" in user);
};

export const isAcknowledgement = (text: string, asked: Asked): boolean => {
  if (/^(?:|ok|"ok"|true)$/i.test(text.trim())) return true;
  const body = objectIn(text);
  return body !== undefined && (Object.entries(body).every(isGood) || showsWrite(body, asked));
};

const codes = new Map<unknown, PreludeCode>(Object.entries(apiCodes));

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

export const requestIdOf = (headers: Answer["headers"], secrets: Secrets): string | undefined => {
  const name = idHeaders.find((each) => tokenOf(headers[each], requestIdForm, secrets));
  return name && String(headers[name]);
};

/** A page for people: a proxy, a firewall or a sign-in page gives one, Prelude's API does not. */
const isPage = ({ headers, text = "" }: Answer): boolean =>
  /^\s*text\/html\b/i.test(String(headers["content-type"])) || text.trimStart().startsWith("<");

const refusalOf = (answer: Answer, secrets: Secrets): Omit<RequestFailure, "requestId"> => {
  const { status: httpStatus, text = "" } = answer;
  if ((httpStatus === 401 || httpStatus === 403) && isPage(answer)) {
    const reason = "web_page";
    return { code: "unexpected_response", mayHaveWritten: false, reason, httpStatus };
  }
  const { code, message } = objectIn(text) ?? {};
  const known = codes.get(code) ?? statusCodes.get(httpStatus) ?? "api_error";
  const isError = httpStatus >= 500;
  const words = typeof message === "string" ? foreignText(message, secrets) : "";
  return {
    code: isError ? "upstream_error" : known,
    mayHaveWritten: isError,
    httpStatus,
    apiCode: codes.has(code) ? undefined : tokenOf(code, plainToken, secrets),
    apiMessage: words || undefined,
    ...(httpStatus === 408 && { retryable: true, reason: "request_timeout" }),
  };
};

type Success = {
  httpStatus: number;
  requestId: string | undefined;
  body?: Record<string, unknown>;
};

/**
 * Reads an answer. A success is 204 to a write, as documented, 200 or 201 that acknowledges it, or,
 * to a look, 200 with an object. Every other 2xx leaves open what became of a write (202 accepted
 * it, 207 is about parts of it).
 *
 * @param asked what a write asked for; undefined: it was a look
 */
export const readAnswer = (
  answer: Answer,
  secrets: Secrets,
  asked?: Asked,
): { success: Success } | { failure: RequestFailure } => {
  const { status: httpStatus, text = "", unread, headers } = answer;
  const isWrite = asked !== undefined;
  const requestId = requestIdOf(headers, secrets);
  const failed = (code: PreludeCode, reason: Reason, reasonDetail: ReasonDetail = {}) => ({
    failure: { code, mayHaveWritten: isWrite, reason, reasonDetail, httpStatus, requestId },
  });
  if (httpStatus >= 400) return { failure: { ...refusalOf(answer, secrets), requestId } };
  if (httpStatus >= 300) return failed("unexpected_response", "redirect");
  if (httpStatus !== 200 && !(isWrite && (httpStatus === 201 || httpStatus === 204))) {
    return failed("unexpected_response", "undocumented_status");
  }
  if (unread === "broke_off") return failed("connection_lost", unread);
  if (isWrite) {
    return unread === undefined && isAcknowledgement(text, asked)
      ? { success: { httpStatus, requestId } }
      : failed("unexpected_response", "no_acknowledgement");
  }
  const body = objectIn(text);
  if (body) return { success: { httpStatus, requestId, body } };
  return failed("unexpected_response", unread ?? "unexpected_shape", { lacks: "a JSON object" });
};
