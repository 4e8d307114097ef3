/** Prelude's own codes, and what they are here: the API document's five, and the global ones of its V2 API. */
export const apiCodes = {
  invalid_request: "invalid_request",
  reserved_profile_key: "reserved_profile_key",
  session_disabled: "session_disabled",
  app_not_found: "app_not_found",
  user_not_found: "user_not_found",
  missing_api_token: "unauthorized",
  invalid_api_token: "unauthorized",
  suspended_account: "forbidden",
} as const;

export type PreludeCode =
  | (typeof apiCodes)[keyof typeof apiCodes]
  | "not_found"
  | "rate_limited"
  | "api_error"
  | "upstream_error"
  | "unexpected_response"
  | "unreachable"
  | "timeout"
  | "connection_lost";

/**
 * Why no connection came about, by the codes of Node and undici. What is wrong with a certificate is
 * named as OpenSSL does (or `UNSPECIFIED`), with none of the prefixes that other codes have.
 */
const connectReasons = [
  ["certificate", /^ERR_TLS_CERT_|^(?!E[A-Z0-9]+$|EAI_|ERR_|UND_ERR_|HPE_|ABORT_ERR$)[A-Z0-9_]+$/],
  ["dns_failed", /^(?:ENOTFOUND|EAI_AGAIN)$/],
  ["connection_refused", /^ECONNREFUSED$/],
  ["no_route", /^(?:EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/],
  ["forbidden_by_system", /^(?:EACCES|EPERM)$/],
  ["connect_timeout", /^(?:UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/],
  ["tls_failed", /^(?:EPROTO$|ERR_SSL_|ERR_TLS_)/],
] as const;

export type ConnectReason = (typeof connectReasons)[number][0] | "closed_before_sent";

/** What is known about a cause beyond the code; the last ten are about an answer. */
export type Reason =
  | ConnectReason
  | "proxy_invalid"
  | "proxy_unreachable"
  | "proxy_refused"
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

export type ReasonDetail = {
  proxyStatus?: number;
  /** Names the proxy. */
  variable?: string | undefined;
  /** Why the proxy could not be reached. */
  cause?: ConnectReason;
  /** What Node reports of the certificate, such as CERT_HAS_EXPIRED. */
  certificate?: string;
  lacks?: string;
};

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
  /** The API's own code where it is not one of ours: a plain token, foreign, so to be quoted. */
  apiCode?: string | undefined;
  /** The API's message, safe to show (`foreignText`), and to be quoted like the code. */
  apiMessage?: string | undefined;
};

/** The codes of an error and of what is behind it, and the names, which some have instead. */
const codesOf = (error: unknown): string[] => {
  if (typeof error !== "object" || error === null) return [];
  const { code, name, cause } = error as Record<string, unknown>;
  return [...[code, name].filter((word) => typeof word === "string"), ...codesOf(cause)];
};

/** Why a connection did not come about, as far as the error's codes tell. */
export const unconnectedOf = (error: unknown): { reason: ConnectReason; certificate?: string } => {
  const codes = codesOf(error);
  for (const [reason, form] of connectReasons) {
    const code = codes.find((each) => form.test(each));
    if (code !== undefined)
      return reason === "certificate" ? { reason, certificate: code } : { reason };
  }
  return { reason: "closed_before_sent" };
};

/** What lasts until the operator has set something right, so that no repeat can help. */
const lasting: ReadonlySet<Reason> = new Set(["tls_failed", "certificate", "proxy_invalid"]);

/** The failure of a request that did not leave; `lasts` where a repeat cannot help. */
export const unreachable = (
  reason: Reason,
  reasonDetail: ReasonDetail,
  lasts = lasting.has(reasonDetail.cause ?? reason),
): RequestFailure => {
  const failure = { code: "unreachable", mayHaveWritten: false, reason, reasonDetail } as const;
  return lasts ? { ...failure, retryable: false } : failure;
};

/** An error of the proxy's, which undici passes on to the request that needed it. */
export class ProxyError extends Error {
  readonly failure: RequestFailure;
  constructor(failure: RequestFailure) {
    super("the proxy failed");
    this.failure = failure;
  }
}

/** Codes of undici for an answer that breaks HTTP's rules. */
const malformed =
  /^(?:HTTPParserError|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/;

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
  const { reason, ...certificate } = unconnectedOf(error);
  return unreachable(reason, certificate);
};
