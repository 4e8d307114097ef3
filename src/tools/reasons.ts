import type { Reason, ReasonDetail } from "../prelude/errors.ts";
import { askOperator } from "./messages.ts";

type Words = {
  /** Part of a sentence: no capital, no full stop. */
  cause: string;
  operator?: string;
  /** The whole advice, where no operator is needed. */
  advice?: string;
};

type Detail = ReasonDetail & { httpStatus?: number | undefined };

const fixed = (cause: string, remedy: string): Words => ({
  cause,
  operator: `fix this: ${cause}; ${remedy}`,
});

const checkProxy = (variable: string | undefined) =>
  `Repeat the identical call once in a minute; if you cannot wait or it fails again, tell the person that the operator must check the proxy (${variable} and NO_PROXY).`;

const proxyUnreachable = (detail: Detail): Words => {
  const { variable, cause: why = "closed_before_sent" } = detail;
  const { cause: whyNot, operator } = words[why](detail);
  const cause = `the proxy of ${variable} could not be reached: ${whyNot}`;
  return operator
    ? { cause, operator: `check the proxy (${variable} and NO_PROXY) and ${operator}` }
    : { cause, advice: checkProxy(variable) };
};

const proxyRefused = ({ variable, proxyStatus = 0 }: Detail): Words => {
  const proxy = `the proxy of ${variable}`;
  if (proxyStatus >= 500) {
    const cause = `${proxy} could not reach Prelude and answered HTTP ${proxyStatus}`;
    return { cause, advice: checkProxy(variable) };
  }
  const wish = proxyStatus === 407 ? ": it wants a user name and a password" : "";
  const cause = `${proxy} refused the connection with HTTP ${proxyStatus}${wish}`;
  return { cause, operator: `check ${variable} and NO_PROXY` };
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
  certificate: ({ certificate }) =>
    fixed(
      `its TLS certificate is not accepted: ${certificate}`,
      "it must be valid now (is the clock right?), for this host name, for servers, signed with SHA-256 or better, and of an authority that this machine trusts (a private one, such as a company proxy's, goes into NODE_EXTRA_CA_CERTS)",
    ),
  proxy_invalid: ({ variable }) => ({
    cause: `${variable} is not an address of a proxy that can be used`,
    operator: `correct or remove ${variable} (such as http://proxy.example.com:8080; http:// and https:// proxies work) and restart the server`,
  }),
  proxy_unreachable: proxyUnreachable,
  proxy_refused: proxyRefused,
  broke_off: () => ({ cause: "the answer broke off" }),
  redirect: (d) => ({
    cause: `HTTP ${d.httpStatus}; redirects are never followed, so that the API key stays with PRELUDE_BASE_URL`,
  }),
  undocumented_status: (d) => ({
    cause: `HTTP ${d.httpStatus}, which Prelude does not document for this request`,
  }),
  no_acknowledgement: (d) => ({
    cause: `HTTP ${d.httpStatus} with a body that is no acknowledgement`,
  }),
  web_page: (d) => ({
    cause: `HTTP ${d.httpStatus} with a web page, as a firewall, a proxy, a gateway or a sign-in page gives one; it says nothing about the key`,
  }),
  unexpected_shape: (d) => ({
    cause: `HTTP ${d.httpStatus} with a body that lacks ${d.lacks}`,
  }),
  too_large: (d) => ({ cause: `HTTP ${d.httpStatus} with a body larger than this server reads` }),
  not_decodable: (d) => ({ cause: `HTTP ${d.httpStatus} with a body that cannot be unpacked` }),
  not_http: () => ({ cause: "it is not valid HTTP" }),
  request_timeout: () => ({
    cause: "the request took too long to arrive",
    advice: "Repeat the identical call; if it fails again, tell the person that Prelude is slow.",
  }),
};

/** What happened, and what to do about it where the error code's general advice would be wrong. */
export const explain = (reason: Reason, detail: Detail) => {
  const { cause, operator, advice } = words[reason](detail);
  return { cause, advice: operator === undefined ? advice : askOperator(operator) };
};
