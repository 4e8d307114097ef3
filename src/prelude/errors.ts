/** What went wrong with a request, as a code. The first five are the API document's own. */
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

/** Codes of Node and undici for a connection that did not come about. */
const connectReasons = {
  ENOTFOUND: "dns_failed",
  EAI_AGAIN: "dns_failed",
  ECONNREFUSED: "connection_refused",
  EHOSTUNREACH: "no_route",
  ENETUNREACH: "no_route",
  EADDRNOTAVAIL: "no_route",
  EACCES: "forbidden_by_system",
  EPERM: "forbidden_by_system",
  UND_ERR_CONNECT_TIMEOUT: "connect_timeout",
  ETIMEDOUT: "connect_timeout",
  EPROTO: "tls_failed",
} as const;

type KnownCode = keyof typeof connectReasons;

/** Why no connection came about. */
export type ConnectReason =
  | (typeof connectReasons)[KnownCode]
  | "certificate"
  | "closed_before_sent";

/** What is wrong with the proxy that the environment names. */
export type ProxyReason =
  | "proxy_invalid"
  | "proxy_unreachable"
  | "proxy_no_answer"
  | "proxy_refused";

/** What is wrong with an answer. */
type AnswerReason =
  | "broke_off"
  | "redirect"
  | "undocumented_status"
  | "no_acknowledgement"
  | "web_page"
  | "unexpected_shape"
  | "too_large"
  | "not_decodable"
  | "not_http"
  | "request_timeout";

/** What is known about a cause beyond the code. The words for it are the tools' business. */
export type Reason = ConnectReason | ProxyReason | AnswerReason;

export type ReasonDetail = {
  /** HTTP status with which the proxy answered. */
  proxyStatus?: number;
  /** Environment variable that names the proxy. */
  variable?: string;
  /** Why the proxy could not be reached. */
  cause?: ConnectReason;
  /** What Node reports of the certificate, such as CERT_HAS_EXPIRED. */
  certificate?: string;
  /** What is not in the answer. */
  lacks?: string;
};

/** Why one request did not succeed. */
export type RequestFailure = {
  code: PreludeCode;
  /** True: the request may have taken effect all the same. */
  mayHaveWritten: boolean;
  /** Overrides the general judgement of the code: whether a later repeat can help. */
  retryable?: boolean;
  reason?: Reason;
  reasonDetail?: ReasonDetail;
  httpStatus?: number;
  requestId?: string | undefined;
  /**
   * The API's own code where this product does not know it: 1 to 64 characters of `A-Za-z0-9_.-`.
   * It is foreign text, so whoever puts it into a sentence must quote it.
   */
  apiCode?: string;
  /** The API's message, safe to show (`foreignText`), and to be quoted like the code. */
  apiMessage?: string;
};

/**
 * Node names what is wrong with a certificate as OpenSSL does (or `UNSPECIFIED`), so its code has
 * none of the prefixes that the codes of the system, of Node and of undici have.
 */
const certificateCode =
  /^ERR_TLS_CERT_|^(?!E[A-Z0-9]+$|EAI_|ERR_|UND_ERR_|HPE_|ABORT_ERR$)[A-Z0-9_]+$/;

/** The codes of an error and of what is behind it, and the names, which some have instead. */
const codesOf = (error: unknown): string[] => {
  if (typeof error !== "object" || error === null) return [];
  const { code, name, cause, errors = [] } = error as Record<string, unknown>;
  const own = [code, name].filter((word) => typeof word === "string");
  return [...own, ...[errors].flat().flatMap(codesOf), ...codesOf(cause)];
};

type Unconnected = { reason: ConnectReason; certificate?: string };

const unconnectedOf = (error: unknown): Unconnected | undefined => {
  const codes = codesOf(error);
  const certificate = codes.find((code) => certificateCode.test(code));
  if (certificate !== undefined) return { reason: "certificate", certificate };
  const known = codes.find((code): code is KnownCode => Object.hasOwn(connectReasons, code));
  if (known !== undefined) return { reason: connectReasons[known] };
  return codes.some((code) => /^ERR_(?:SSL|TLS)_/.test(code))
    ? { reason: "tls_failed" }
    : undefined;
};

/** Codes of undici for an answer that breaks HTTP's rules. */
const malformed =
  /^(?:HTTPParserError|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/;

/** @param lasts whether the operator must set something right first, so that no repeat can help */
const unreachable = (
  reason: ConnectReason | ProxyReason,
  reasonDetail: ReasonDetail,
  lasts: boolean,
): RequestFailure => {
  const failure = { code: "unreachable", mayHaveWritten: false, reason, reasonDetail } as const;
  return lasts ? { ...failure, retryable: false } : failure;
};

const isTls = (reason: ConnectReason): boolean =>
  reason === "tls_failed" || reason === "certificate";

/** An error of the proxy's, which undici passes on to the request that needed it. */
class ProxyError extends Error {
  readonly failure: RequestFailure;
  constructor(...failure: Parameters<typeof unreachable>) {
    super("the proxy failed");
    this.failure = unreachable(...failure);
  }
}

/** The failure of every request where the proxy's address cannot be used. */
export const proxyInvalid = (variable: string): RequestFailure =>
  unreachable("proxy_invalid", { variable }, true);

/** The error for a proxy that answered CONNECT with something else than 200. */
export const proxyRefusal = (proxyStatus: number, variable: string): Error =>
  // A 5xx means that the proxy itself could not get through.
  new ProxyError("proxy_refused", { proxyStatus, variable }, proxyStatus < 500);

/** The error for a proxy that could not be asked, or gave no answer, from what undici threw. */
export const proxyFailure = (error: unknown, variable: string): Error => {
  const unconnected = unconnectedOf(error);
  if (!unconnected) return new ProxyError("proxy_no_answer", { variable }, false);
  const { reason: cause, ...certificate } = unconnected;
  return new ProxyError("proxy_unreachable", { variable, cause, ...certificate }, isTls(cause));
};

/**
 * Classifies what undici threw. Its message is never passed on: it can contain header values.
 *
 * @param sent whether the request had been handed to a connection
 */
export const failureOfTransport = (error: unknown, sent: boolean): RequestFailure => {
  if (sent) {
    return codesOf(error).some((code) => malformed.test(code))
      ? { code: "unexpected_response", mayHaveWritten: true, reason: "not_http" }
      : { code: "connection_lost", mayHaveWritten: true };
  }
  if (error instanceof ProxyError) return error.failure;
  const { reason, ...certificate } = unconnectedOf(error) ?? { reason: "closed_before_sent" };
  return unreachable(reason, certificate, isTls(reason));
};
