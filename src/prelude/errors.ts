import { isObject } from "../lib/json.ts";
import { foreignText } from "../lib/text.ts";
import { maxBodyRead } from "./body.ts";

/** An answer of the API, or of whatever stands in its place, read as far as it matters. */
export type Answer = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body, decoded, at most 64 kB of it. */
  body: string;
  /** False: the body was longer, broke off or could not be decoded. */
  complete: boolean;
};

export type PreludeCode =
  | "invalid_request"
  | "reserved_profile_key"
  | "session_disabled"
  | "app_not_found"
  | "user_not_found"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "rate_limited"
  | "api_error"
  | "upstream_error"
  | "unexpected_response"
  | "unreachable"
  | "timeout"
  | "connection_lost";

/** Why one request did not succeed. Everything that came from outside is safe to show. */
export type RequestFailure = {
  code: PreludeCode;
  /** True: the request may have taken effect all the same. */
  mayHaveWritten: boolean;
  /** Overrides the recovery table's general judgement. */
  retryable?: boolean;
  cause?: string;
  advice?: string;
  httpStatus?: number;
  requestId?: string;
  apiCode?: string;
  apiMessage?: string;
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

const requestId = (headers: Answer["headers"], secret: string): string | undefined =>
  requestIdHeaders
    .map((name) => headers[name])
    .find(
      (value): value is string =>
        typeof value === "string" && requestIdForm.test(value) && !value.includes(secret),
    );

/** An empty body or JSON, save an error in disguise: JSON with a `code`. */
const isAcknowledgement = (body: string): boolean => {
  if (body.trim() === "") return true;
  const json = parseJson(body);
  return json !== undefined && !(isObject(json.value) && typeof json.value.code === "string");
};

/**
 * Reads an answer: undefined for a success (204 as documented, or another 2xx with an empty or a
 * JSON body; a 2xx with anything else is a sign-in page or a wrong address), else the failure.
 *
 * @param secret removed from the API's words, should it echo them
 */
export const failureOf = (answer: Answer, secret: string): RequestFailure | undefined => {
  const { status, headers, complete } = answer;
  const body = answer.body.replace(/^\ufeff/, "");
  const id = requestId(headers, secret);
  const common = { httpStatus: status, ...(id && { requestId: id }) };
  if (status === 204) return undefined;
  if (status >= 200 && status < 300) {
    if (complete && isAcknowledgement(body)) return undefined;
    const brokeOff = !complete && Buffer.byteLength(body) < maxBodyRead && !/^\s*</.test(body);
    return brokeOff
      ? { ...common, code: "connection_lost", mayHaveWritten: true, cause: "the answer broke off" }
      : {
          ...common,
          code: "unexpected_response",
          mayHaveWritten: true,
          cause: `HTTP ${status} with a body that is no acknowledgement`,
        };
  }
  if (status < 400) {
    const cause = `HTTP ${status}; redirects are never followed, so that the API key stays with PRELUDE_BASE_URL`;
    return { ...common, code: "unexpected_response", mayHaveWritten: true, cause };
  }

  const json = parseError(body, complete);
  const apiMessage = typeof json.message === "string" ? foreignText(json.message, secret) : "";
  const token =
    typeof json.code === "string" && plainToken.test(json.code) && !json.code.includes(secret)
      ? json.code
      : undefined;
  const words = { ...common, ...(apiMessage && { apiMessage }) };
  const unknownCode = token !== undefined && !apiCodes.has(token) && { apiCode: token };
  if (status >= 500)
    return { ...words, ...unknownCode, code: "upstream_error", mayHaveWritten: true };
  const code = apiCodes.get(token ?? "") ?? statusCodes.get(status) ?? "api_error";
  return {
    ...words,
    ...unknownCode,
    code,
    mayHaveWritten: false,
    ...(status === 408 && {
      retryable: true,
      advice: "Repeat the identical call; if it fails again, tell the person that Prelude is slow.",
    }),
  };
};

type Cause = Pick<RequestFailure, "cause" | "advice" | "retryable">;

const askOperator = (what: string): string =>
  `Tell the person that whoever runs this server must ${what}. Repeating the call will not help until then.`;

const tls = (cause: string, remedy = ""): Cause => ({
  cause,
  retryable: false,
  advice: askOperator(`mend this: ${cause}${remedy}`),
});

const privateAuthority = "; a private certificate authority goes into NODE_EXTRA_CA_CERTS";
const untrusted =
  "its TLS certificate is signed by an authority that this machine does not trust (a company proxy?)";

/** Codes of Node and undici for a connection that did not come about -> the cause in words. */
const connectErrors: Readonly<Record<string, Cause>> = {
  ENOTFOUND: { cause: "DNS does not know its host name" },
  EAI_AGAIN: { cause: "DNS did not answer" },
  ECONNREFUSED: { cause: "the connection was refused" },
  EHOSTUNREACH: { cause: "there is no route to the host" },
  ENETUNREACH: { cause: "the network is unreachable" },
  EADDRNOTAVAIL: { cause: "there is no local address to connect from" },
  EACCES: { cause: "the operating system forbids the connection" },
  EPERM: { cause: "the operating system forbids the connection" },
  UND_ERR_CONNECT_TIMEOUT: { cause: "connecting took too long" },
  EPROTO: tls("the server does not speak TLS on this port, or no common version of it"),
  ERR_SSL_WRONG_VERSION_NUMBER: tls("the server does not speak TLS on this port"),
  ERR_SSL_PACKET_LENGTH_TOO_LONG: tls("the server does not speak TLS on this port"),
  CERT_HAS_EXPIRED: tls("its TLS certificate has expired"),
  CERT_NOT_YET_VALID: tls("its TLS certificate is not valid yet (is the clock right?)"),
  DEPTH_ZERO_SELF_SIGNED_CERT: tls("its TLS certificate is self-signed", privateAuthority),
  SELF_SIGNED_CERT_IN_CHAIN: tls(untrusted, privateAuthority),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: tls(untrusted, privateAuthority),
  UNABLE_TO_GET_ISSUER_CERT: tls(untrusted, privateAuthority),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: tls(untrusted, privateAuthority),
  ERR_TLS_CERT_ALTNAME_INVALID: tls("its TLS certificate is for another host name"),
};

const codesOf = (error: unknown): string[] => {
  if (typeof error !== "object" || error === null) return [];
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  return [
    ...(typeof code === "string" ? [code] : []),
    ...(Array.isArray(errors) ? errors.flatMap(codesOf) : []),
    ...(cause ? codesOf(cause) : []),
  ];
};

/**
 * Classifies what undici threw. Its message is never passed on: it can contain header values.
 *
 * @param sent whether the request had been handed to a connection
 */
export const failureOfTransport = (error: unknown, sent: boolean): RequestFailure => {
  const codes = codesOf(error);
  if (sent) {
    const { name } = error as { name?: unknown };
    if (name === "HTTPParserError" || codes.includes("UND_ERR_HEADERS_OVERFLOW")) {
      return { code: "unexpected_response", mayHaveWritten: true, cause: "it is not valid HTTP" };
    }
    return { code: "connection_lost", mayHaveWritten: true };
  }
  const proxyStatus = /Proxy response \((\d{3})\)/.exec(
    error instanceof Error ? error.message : "",
  )?.[1];
  if (proxyStatus) {
    const refusal = {
      retryable: false,
      advice: askOperator("check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"),
    };
    return {
      code: "unreachable",
      mayHaveWritten: false,
      cause: `the proxy refused the connection with HTTP ${proxyStatus}`,
      // A 5xx means that the proxy itself could not get through.
      ...(!proxyStatus.startsWith("5") && refusal),
    };
  }
  const known = codes.map((code) => connectErrors[code]).find((row) => row !== undefined);
  const handshake = codes.some((code) => /^ERR_(?:SSL|TLS)_/.test(code));
  return {
    code: "unreachable",
    mayHaveWritten: false,
    ...(known ??
      (handshake
        ? tls("the TLS handshake failed")
        : { cause: "the connection broke before the request was sent" })),
  };
};
