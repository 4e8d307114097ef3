import { describe, expect, test } from "vitest";
import type { ConnectReason, ProxyReason, Reason } from "../../src/prelude/errors.ts";
import { adviceOf, causeOf } from "../../src/tools/reasons.ts";
import { errorOf, refused } from "../../src/tools/result.ts";

const connect: Record<ConnectReason, RegExp> = {
  dns_failed: /DNS gave no address/,
  connection_refused: /was refused/,
  no_route: /no route/,
  forbidden_by_system: /operating system forbids/,
  connect_timeout: /took too long/,
  tls_failed: /TLS handshake failed/,
  certificate: /TLS certificate is not accepted: CERT_HAS_EXPIRED/,
  closed_before_sent: /broke before the request was sent/,
};

const proxy: Record<ProxyReason, RegExp> = {
  proxy_invalid: /^HTTPS_PROXY is not an address/,
  proxy_unreachable: /could not be reached/,
  proxy_refused: /refused the connection with HTTP 407: it wants a user name and a password/,
};

const answer: Record<Exclude<Reason, ConnectReason | ProxyReason>, RegExp> = {
  broke_off: /broke off/,
  redirect: /HTTP 302; redirects are never followed.*PRELUDE_BASE_URL/,
  undocumented_status: /HTTP 302, which Prelude does not document/,
  no_acknowledgement: /HTTP 302 with a body that is no acknowledgement/,
  web_page: /HTTP 302 with a web page.*firewall.*proxy.*sign-in page/,
  unexpected_shape: /HTTP 302 with a body that lacks the list users/,
  too_large: /HTTP 302 with a body larger/,
  not_decodable: /HTTP 302 with a body that cannot be unpacked/,
  not_http: /not valid HTTP/,
  request_timeout: /took too long/,
};

const detail = {
  variable: "HTTPS_PROXY",
  proxyStatus: 407,
  httpStatus: 302,
  certificate: "CERT_HAS_EXPIRED",
  lacks: "the list users",
};
const all = Object.entries({ ...connect, ...proxy, ...answer }) as [Reason, RegExp][];

test.each(all)(
  "%s has a cause that fits into a sentence, and advice where it needs its own",
  (reason, words) => {
    const cause = causeOf(reason, detail);
    expect(cause).toMatch(words);
    expect(cause).not.toMatch(/\.$|undefined/);
    // Also where no more is known than the reason.
    expect(`${causeOf(reason)} ${adviceOf(reason) ?? ""}`).not.toContain("undefined");
    const advice = adviceOf(reason, detail) ?? "None.";
    expect(advice).toMatch(/\.$/);
    expect(advice).not.toMatch(/undefined|whoever|mend/);
  },
);

describe("advice", () => {
  test.each(["tls_failed", "certificate"] as const)(
    "for %s sends the person to the operator, and ends the repeats",
    (reason) => {
      expect(adviceOf(reason)).toMatch(/the operator must fix this: .*will not help until then\.$/);
    },
  );

  const proxies = Object.keys(proxy) as ProxyReason[];
  test.each(proxies)("for %s names the variable of the proxy, and the operator", (reason) => {
    expect(adviceOf(reason, detail)).toMatch(/the operator .*must.*HTTPS_PROXY/);
    const words = causeOf(reason, { variable: "http_proxy" });
    expect(words).toContain("http_proxy");
  });

  test("for a proxy whose certificate is not trusted says both", () => {
    const about = { variable: "HTTPS_PROXY", cause: "certificate" } as const;
    const words = /HTTPS_PROXY could not be reached: its TLS certificate/;
    expect(causeOf("proxy_unreachable", about)).toMatch(words);
    expect(adviceOf("proxy_unreachable", about)).toMatch(/HTTPS_PROXY.*NODE_EXTRA_CA_CERTS/);
  });

  test("for a proxy that could not get through is to try again", () => {
    const about = { variable: "HTTPS_PROXY", proxyStatus: 502 };
    expect(causeOf("proxy_refused", about)).toMatch(
      /could not reach Prelude and answered HTTP 502/,
    );
    expect(adviceOf("proxy_refused", about)).toMatch(/^Repeat the identical call once in a minute/);
  });
});

test("a result says the cause, and gives its advice instead of the general one", () => {
  const said = (facts: object) => errorOf(refused("unreachable", facts), "; nothing was written.");
  const reason = { reason: "proxy_refused", reasonDetail: detail } as const;
  expect(said(reason).message).toBe(
    "Prelude could not be reached (the proxy of HTTPS_PROXY refused the connection with HTTP 407: it wants a user name and a password); nothing was written.",
  );
  expect(said(reason).next_step).toBe(adviceOf("proxy_refused", detail));
  expect(said({ reason: "dns_failed" }).next_step).toBe(said({}).next_step);
});
