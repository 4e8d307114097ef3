import type { Reason, ReasonDetail } from "../prelude/errors.ts";
import { askOperator } from "./messages.ts";

type Words = {
  /** What happened, as part of a sentence. */
  cause: string;
  /** What the operator must do; without it, the general advice of the error code holds. */
  operator?: string;
  /** The whole advice, where no operator is needed. */
  advice?: string;
};

/** What a sentence about a reason may need. */
type Detail = ReasonDetail & { httpStatus?: number | undefined };

/** What the operator must do, where a name is in the way. */
const fixed = (cause: string, remedy: string): Words => ({
  cause,
  operator: `fix this: ${cause}; ${remedy}`,
});

const statusOf = ({ httpStatus }: Detail): string =>
  httpStatus === undefined ? "an answer" : `HTTP ${httpStatus}`;

const proxyName = ({ variable }: Detail): string =>
  variable === undefined ? "the proxy" : `the proxy of ${variable}`;

const proxySettings = ({ variable }: Detail): string =>
  variable === undefined ? "HTTPS_PROXY, HTTP_PROXY and NO_PROXY" : `${variable} and NO_PROXY`;

const checkProxy = (detail: Detail): string =>
  `Repeat the identical call once in a minute; if you cannot wait or it fails again, tell the person that the operator must check the proxy (${proxySettings(detail)}).`;

const proxyUnreachable = (d: Detail): Words => {
  const why = d.cause && words[d.cause](d);
  const cause = `${proxyName(d)} could not be reached${why ? `: ${why.cause}` : ""}`;
  return why?.operator
    ? { cause, operator: `check the proxy (${proxySettings(d)}) and ${why.operator}` }
    : { cause, advice: checkProxy(d) };
};

const proxyRefused = (d: Detail): Words => {
  const { proxyStatus = 0 } = d;
  if (proxyStatus >= 500) {
    const cause = `${proxyName(d)} could not reach Prelude and answered HTTP ${proxyStatus}`;
    return { cause, advice: checkProxy(d) };
  }
  const wish = proxyStatus === 407 ? ": it wants a user name and a password" : "";
  const cause = `${proxyName(d)} refused the connection with HTTP ${proxyStatus}${wish}`;
  return { cause, operator: `check ${proxySettings(d)}` };
};

/** Of a failed connection, the thing that was not reached, "it", is named before. */
const words: Readonly<Record<Reason, (detail: Detail) => Words>> = {
  dns_failed: () => ({ cause: "DNS gave no address for its host name" }),
  connection_refused: () => ({ cause: "the connection was refused" }),
  no_route: () => ({ cause: "there is no route to the host" }),
  forbidden_by_system: () => ({ cause: "the operating system forbids the connection" }),
  connect_timeout: () => ({ cause: "connecting took too long" }),
  closed_before_sent: () => ({ cause: "the connection broke before the request was sent" }),
  tls_failed: () =>
    fixed("the TLS handshake failed", "the port must speak TLS, in a version that both sides know"),
  certificate: ({ certificate = "no details" }) =>
    fixed(
      `its TLS certificate is not accepted: ${certificate}`,
      "it must be valid now (is the clock right?), for this host name, for servers, signed with SHA-256 or better, and of an authority that this machine trusts (a private one, such as a company proxy's, goes into NODE_EXTRA_CA_CERTS)",
    ),
  proxy_invalid: ({ variable = "HTTPS_PROXY" }) => ({
    cause: `${variable} is not an address of a proxy that can be used`,
    operator: `correct or remove ${variable} (such as http://proxy.example.com:8080; http:// and https:// proxies work) and restart the server`,
  }),
  proxy_unreachable: proxyUnreachable,
  proxy_refused: proxyRefused,
  broke_off: () => ({ cause: "the answer broke off" }),
  redirect: (d) => ({
    cause: `${statusOf(d)}; redirects are never followed, so that the API key stays with PRELUDE_BASE_URL`,
  }),
  undocumented_status: (d) => ({
    cause: `${statusOf(d)}, which Prelude does not document for this request`,
  }),
  no_acknowledgement: (d) => ({ cause: `${statusOf(d)} with a body that is no acknowledgement` }),
  web_page: (d) => ({
    cause: `${statusOf(d)} with a web page, as a firewall, a proxy, a gateway or a sign-in page gives one; it says nothing about the key`,
  }),
  unexpected_shape: (d) => ({
    cause: `${statusOf(d)} with a body that lacks ${d.lacks ?? "what was asked for"}`,
  }),
  too_large: (d) => ({ cause: `${statusOf(d)} with a body larger than this server reads` }),
  not_decodable: (d) => ({ cause: `${statusOf(d)} with a body that cannot be unpacked` }),
  not_http: () => ({ cause: "it is not valid HTTP" }),
  request_timeout: () => ({
    cause: "the request took too long to arrive",
    advice: "Repeat the identical call; if it fails again, tell the person that Prelude is slow.",
  }),
};

/** What is known about the cause of a failure, as part of a sentence: no capital, no full stop. */
export const causeOf = (reason: Reason, detail: Detail = {}): string => words[reason](detail).cause;

/** What to do about this cause; undefined where the general advice of the error code is right. */
export const adviceOf = (reason: Reason, detail: Detail = {}): string | undefined => {
  const { operator, advice } = words[reason](detail);
  return operator === undefined ? advice : askOperator(operator);
};
