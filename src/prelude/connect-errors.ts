import type { ConnectReason, ProxyReason, ReasonDetail, RequestFailure } from "./errors.ts";

/** Codes of Node and undici for a connection that did not come about. */
const connectReasons: Readonly<Record<string, ConnectReason>> = {
  ENOTFOUND: "dns_unknown",
  EAI_AGAIN: "dns_no_answer",
  ECONNREFUSED: "connection_refused",
  EHOSTUNREACH: "no_route",
  ENETUNREACH: "network_unreachable",
  EADDRNOTAVAIL: "no_local_address",
  EACCES: "forbidden_by_system",
  EPERM: "forbidden_by_system",
  UND_ERR_CONNECT_TIMEOUT: "connect_timeout",
  ETIMEDOUT: "connect_timeout",
  EPROTO: "tls_no_common_version",
  ERR_SSL_WRONG_VERSION_NUMBER: "tls_not_spoken",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "tls_not_spoken",
  CERT_HAS_EXPIRED: "tls_expired",
  CERT_NOT_YET_VALID: "tls_not_yet_valid",
  DEPTH_ZERO_SELF_SIGNED_CERT: "tls_self_signed",
  SELF_SIGNED_CERT_IN_CHAIN: "tls_untrusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls_untrusted",
  UNABLE_TO_GET_ISSUER_CERT: "tls_untrusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "tls_untrusted",
  ERR_TLS_CERT_ALTNAME_INVALID: "tls_other_host",
};

const codesOf = (error: unknown): string[] => {
  if (typeof error !== "object" || error === null) return [];
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  const own = typeof code === "string" ? [code] : [];
  const inner = Array.isArray(errors) ? errors.flatMap(codesOf) : [];
  return [...own, ...inner, ...codesOf(cause)];
};

const connectReasonOf = (error: unknown): ConnectReason | undefined => {
  const codes = codesOf(error);
  for (const code of codes) {
    const reason = connectReasons[code];
    if (reason !== undefined) return reason;
  }
  return codes.some((code) => /^ERR_(?:SSL|TLS)_/.test(code)) ? "tls_failed" : undefined;
};

/** Codes of undici for an answer that breaks HTTP's rules. */
const malformed: ReadonlySet<string> = new Set([
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);

const isParserError = (error: unknown): boolean =>
  error instanceof Error && error.name === "HTTPParserError";

type ProxyFault = { reason: ProxyReason; detail: ReasonDetail };
type ProxyError = Error & { proxyFault: ProxyFault };

const isProxyError = (error: unknown): error is ProxyError =>
  error instanceof Error && "proxyFault" in error;

const proxyError = (reason: ProxyReason, detail: ReasonDetail): ProxyError =>
  Object.assign(new Error("the proxy failed"), { proxyFault: { reason, detail } });

/** The error for a proxy that answered CONNECT with something else than 200. */
export const proxyRefusal = (proxyStatus: number, variable: string): Error => {
  const detail = { proxyStatus, variable };
  if (proxyStatus === 407) return proxyError("proxy_wants_credentials", detail);
  // A 5xx means that the proxy itself could not get through.
  return proxyError(proxyStatus >= 500 ? "proxy_failed" : "proxy_refused", detail);
};

/** The error for a proxy that could not be asked, or did not answer, from what undici threw. */
export const proxyFailure = (error: unknown, variable: string): Error => {
  const cause = connectReasonOf(error);
  if (cause !== undefined) return proxyError("proxy_unreachable", { variable, cause });
  if (isParserError(error)) return proxyError("proxy_not_http", { variable });
  const late = error instanceof Error && error.name === "TimeoutError";
  return proxyError(late ? "proxy_no_answer" : "proxy_hung_up", { variable });
};

const neverSent = { code: "unreachable", mayHaveWritten: false } as const;

/** The failure of every request where the proxy's address cannot be used. */
export const proxyInvalid = (variable: string): RequestFailure => ({
  ...neverSent,
  retryable: false,
  reason: "proxy_invalid",
  reasonDetail: { variable },
});

/** What an operator must set right first, so that a repeat cannot help. */
const lasting: ReadonlySet<ProxyReason> = new Set([
  "proxy_invalid",
  "proxy_wants_credentials",
  "proxy_refused",
]);

const isTls = (reason: ConnectReason | undefined): boolean => reason?.startsWith("tls_") ?? false;

const failureOfProxy = ({ reason, detail }: ProxyFault): RequestFailure => {
  const failure: RequestFailure = { ...neverSent, reason, reasonDetail: detail };
  if (lasting.has(reason) || isTls(detail.cause)) failure.retryable = false;
  return failure;
};

/**
 * Classifies what undici threw. Its message is never passed on: it can contain header values.
 *
 * @param sent whether the request had been handed to a connection
 */
export const failureOfTransport = (error: unknown, sent: boolean): RequestFailure => {
  if (sent) {
    return isParserError(error) || codesOf(error).some((code) => malformed.has(code))
      ? { code: "unexpected_response", mayHaveWritten: true, reason: "not_http" }
      : { code: "connection_lost", mayHaveWritten: true };
  }
  if (isProxyError(error)) return failureOfProxy(error.proxyFault);
  const reason = connectReasonOf(error) ?? "closed_before_sent";
  return isTls(reason) ? { ...neverSent, retryable: false, reason } : { ...neverSent, reason };
};
