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

/** Why no connection came about. */
export type ConnectReason =
  | "dns_unknown"
  | "dns_no_answer"
  | "connection_refused"
  | "no_route"
  | "network_unreachable"
  | "no_local_address"
  | "forbidden_by_system"
  | "connect_timeout"
  | "tls_not_spoken"
  | "tls_no_common_version"
  | "tls_expired"
  | "tls_not_yet_valid"
  | "tls_self_signed"
  | "tls_untrusted"
  | "tls_other_host"
  | "tls_failed"
  | "closed_before_sent";

/** What is wrong with the proxy that the environment names. */
export type ProxyReason =
  | "proxy_invalid"
  | "proxy_unreachable"
  | "proxy_hung_up"
  | "proxy_no_answer"
  | "proxy_not_http"
  | "proxy_wants_credentials"
  | "proxy_refused"
  | "proxy_failed";

/** What is wrong with an answer. */
type AnswerReason =
  | "broke_off"
  | "redirect"
  | "undocumented_status"
  | "no_acknowledgement"
  | "unexpected_shape"
  | "too_large"
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
  requestId?: string;
  /**
   * The API's own code where this product does not know it: 1 to 64 characters of `A-Za-z0-9_.-`.
   * It is foreign text, so whoever puts it into a sentence must quote it.
   */
  apiCode?: string;
  /** The API's message, safe to show (`foreignText`), and to be quoted like the code. */
  apiMessage?: string;
};
