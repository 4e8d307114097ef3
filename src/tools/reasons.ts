import type { ConnectReason, Reason, ReasonDetail } from "../prelude/errors.ts";
import { askOperator } from "./messages.ts";

type Words = {
  /** What happened, as part of a sentence. */
  cause: string;
  /** What the operator must do; without it, the general advice of the error code holds. */
  operator?: string;
  /** The whole advice, where no operator is needed. */
  advice?: string;
};

const privateAuthority = "a private certificate authority goes into NODE_EXTRA_CA_CERTS";

const tls = (cause: string, remedy?: string): Words => ({
  cause,
  operator: `fix this: ${remedy === undefined ? cause : `${cause}; ${remedy}`}`,
});

/** Why no connection came about; the thing that was not reached, "it", is named before. */
const connect: Readonly<Record<ConnectReason, Words>> = {
  dns_unknown: { cause: "DNS does not know its host name" },
  dns_no_answer: { cause: "DNS did not answer" },
  connection_refused: { cause: "the connection was refused" },
  no_route: { cause: "there is no route to the host" },
  network_unreachable: { cause: "the network is unreachable" },
  no_local_address: { cause: "there is no local address to connect from" },
  forbidden_by_system: { cause: "the operating system forbids the connection" },
  connect_timeout: { cause: "connecting took too long" },
  closed_before_sent: { cause: "the connection broke before the request was sent" },
  tls_not_spoken: tls("the server does not speak TLS on this port"),
  tls_no_common_version: tls(
    "the server does not speak TLS on this port, or no common version of it",
  ),
  tls_expired: tls("its TLS certificate has expired"),
  tls_not_yet_valid: tls("its TLS certificate is not valid yet (is the clock right?)"),
  tls_self_signed: tls("its TLS certificate is self-signed", privateAuthority),
  tls_untrusted: tls(
    "its TLS certificate is signed by an authority that this machine does not trust (a company proxy?)",
    privateAuthority,
  ),
  tls_other_host: tls("its TLS certificate is for another host name"),
  tls_failed: tls("the TLS handshake failed"),
};

/** What a sentence about a reason may need. */
type Detail = ReasonDetail & { httpStatus?: number };

const statusOf = ({ httpStatus }: Detail): string =>
  httpStatus === undefined ? "an answer" : `HTTP ${httpStatus}`;

const proxyName = ({ variable }: ReasonDetail): string =>
  variable === undefined ? "the proxy" : `the proxy of ${variable}`;

const proxyAnswer = ({ proxyStatus }: ReasonDetail): string =>
  proxyStatus === undefined ? "an error" : `HTTP ${proxyStatus}`;

const proxySettings = ({ variable }: ReasonDetail): string =>
  variable === undefined ? "HTTPS_PROXY, HTTP_PROXY and NO_PROXY" : `${variable} and NO_PROXY`;

const checkProxy = (detail: ReasonDetail): string =>
  `Repeat the identical call once in a minute; if you cannot wait or it fails again, tell the person that the operator must check the proxy (${proxySettings(detail)}).`;

type WordsFor = (detail: Detail) => Words;

const others: Readonly<Record<Exclude<Reason, ConnectReason>, WordsFor>> = {
  proxy_invalid: (d) => ({
    cause: `${d.variable ?? "the proxy variable"} is not an address of a proxy that can be used`,
    operator: `correct or remove ${d.variable ?? "HTTPS_PROXY"} (such as http://proxy.example.com:8080; http:// and https:// proxies work) and restart the server`,
  }),
  proxy_unreachable: (d) => {
    const why = d.cause && connect[d.cause];
    const cause = `${proxyName(d)} could not be reached${why ? `: ${why.cause}` : ""}`;
    return why?.operator
      ? { cause, operator: `check the proxy (${proxySettings(d)}) and ${why.operator}` }
      : { cause, advice: checkProxy(d) };
  },
  proxy_hung_up: (d) => ({
    cause: `${proxyName(d)} hung up without an answer`,
    advice: checkProxy(d),
  }),
  proxy_no_answer: (d) => ({ cause: `${proxyName(d)} did not answer`, advice: checkProxy(d) }),
  proxy_not_http: (d) => ({
    cause: `${proxyName(d)} does not speak HTTP`,
    advice: checkProxy(d),
  }),
  proxy_wants_credentials: (d) => ({
    cause: `${proxyName(d)} refused the connection with ${proxyAnswer(d)}: it wants a user name and a password`,
    operator: `check ${proxySettings(d)}`,
  }),
  proxy_refused: (d) => ({
    cause: `${proxyName(d)} refused the connection with ${proxyAnswer(d)}`,
    operator: `check ${proxySettings(d)}`,
  }),
  proxy_failed: (d) => ({
    cause: `${proxyName(d)} could not reach Prelude and answered ${proxyAnswer(d)}`,
    advice: checkProxy(d),
  }),
  broke_off: () => ({ cause: "the answer broke off" }),
  redirect: (d) => ({
    cause: `${statusOf(d)}; redirects are never followed, so that the API key stays with PRELUDE_BASE_URL`,
  }),
  undocumented_status: (d) => ({
    cause: `${statusOf(d)}, which Prelude does not document for this request`,
  }),
  no_acknowledgement: (d) => ({ cause: `${statusOf(d)} with a body that is no acknowledgement` }),
  unexpected_shape: (d) => ({ cause: `${statusOf(d)} with a body that lacks what was asked for` }),
  too_large: (d) => ({ cause: `${statusOf(d)} with a body larger than this server reads` }),
  not_http: () => ({ cause: "it is not valid HTTP" }),
  request_timeout: () => ({
    cause: "the request took too long to arrive",
    advice: "Repeat the identical call; if it fails again, tell the person that Prelude is slow.",
  }),
};

const isConnect = (reason: Reason): reason is ConnectReason => Object.hasOwn(connect, reason);

const wordsFor = (reason: Reason, detail: Detail): Words =>
  isConnect(reason) ? connect[reason] : others[reason](detail);

/** What is known about the cause of a failure, as part of a sentence: no capital, no full stop. */
export const causeOf = (reason: Reason, detail: Detail = {}): string =>
  wordsFor(reason, detail).cause;

/** What to do about this cause; undefined where the general advice of the error code is right. */
export const adviceOf = (reason: Reason, detail: Detail = {}): string | undefined => {
  const { operator, advice } = wordsFor(reason, detail);
  return operator === undefined ? advice : askOperator(operator);
};
