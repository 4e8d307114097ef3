import { describe, expect, test } from "vitest";
import type { ConnectReason, ProxyReason, Reason } from "../../src/prelude/errors.ts";
import { adviceOf, causeOf } from "../../src/tools/reasons.ts";
import { errorOf, refused } from "../../src/tools/result.ts";

const connect: Record<ConnectReason, RegExp> = {
  dns_unknown: /DNS does not know/,
  dns_no_answer: /DNS did not answer/,
  connection_refused: /was refused/,
  no_route: /no route/,
  network_unreachable: /network is unreachable/,
  no_local_address: /no local address/,
  forbidden_by_system: /operating system forbids/,
  connect_timeout: /took too long/,
  tls_not_spoken: /does not speak TLS/,
  tls_no_common_version: /does not speak TLS.*no common version/,
  tls_expired: /expired/,
  tls_not_yet_valid: /not valid yet/,
  tls_self_signed: /self-signed/,
  tls_untrusted: /does not trust/,
  tls_other_host: /another host name/,
  tls_failed: /handshake failed/,
  closed_before_sent: /broke before the request was sent/,
};

const proxy: Record<ProxyReason, RegExp> = {
  proxy_invalid: /^HTTPS_PROXY is not an address/,
  proxy_unreachable: /could not be reached/,
  proxy_hung_up: /hung up/,
  proxy_no_answer: /did not answer/,
  proxy_not_http: /does not speak HTTP/,
  proxy_wants_credentials: /HTTP 407.*user name and a password/,
  proxy_refused: /refused the connection with HTTP 407/,
  proxy_failed: /could not reach Prelude.*HTTP 407/,
};

const answer: Record<Exclude<Reason, ConnectReason | ProxyReason>, RegExp> = {
  broke_off: /broke off/,
  redirect: /HTTP 302; redirects are never followed.*PRELUDE_BASE_URL/,
  undocumented_status: /HTTP 302, which Prelude does not document/,
  no_acknowledgement: /HTTP 302 with a body that is no acknowledgement/,
  unexpected_shape: /HTTP 302 with a body that lacks/,
  too_large: /HTTP 302 with a body larger/,
  not_http: /not valid HTTP/,
  request_timeout: /took too long/,
};

const detail = { variable: "HTTPS_PROXY", proxyStatus: 407, httpStatus: 302 };
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
  const tls = Object.keys(connect).filter((name) => name.startsWith("tls_")) as ConnectReason[];
  test.each(tls)("for %s sends the person to the operator, and ends the repeats", (reason) => {
    expect(adviceOf(reason)).toMatch(/the operator must fix this: .*will not help until then\.$/);
  });

  test.each(["tls_self_signed", "tls_untrusted"] as const)("for %s names the remedy", (reason) => {
    expect(adviceOf(reason)).toMatch(/NODE_EXTRA_CA_CERTS/);
  });

  const proxies = Object.keys(proxy) as ProxyReason[];
  test.each(proxies)("for %s names the variable of the proxy, and the operator", (reason) => {
    expect(adviceOf(reason, detail)).toMatch(/the operator .*must.*HTTPS_PROXY/);
    const words = causeOf(reason, { variable: "http_proxy" });
    expect(words).toContain("http_proxy");
  });

  test("for a proxy whose certificate is not trusted says both", () => {
    const about = { variable: "HTTPS_PROXY", cause: "tls_untrusted" } as const;
    expect(causeOf("proxy_unreachable", about)).toMatch(
      /HTTPS_PROXY could not be reached: .*trust/,
    );
    expect(adviceOf("proxy_unreachable", about)).toMatch(/HTTPS_PROXY.*NODE_EXTRA_CA_CERTS/);
  });
});

test("a result says the cause, and gives its advice instead of the general one", () => {
  const said = (facts: object) => errorOf(refused("unreachable", facts), "; nothing was written.");
  const reason = { reason: "proxy_refused", reasonDetail: detail } as const;
  expect(said(reason).message).toBe(
    "Prelude could not be reached (the proxy of HTTPS_PROXY refused the connection with HTTP 407); nothing was written.",
  );
  expect(said(reason).next_step).toBe(adviceOf("proxy_refused", detail));
  expect(said({ reason: "dns_unknown" }).next_step).toBe(said({}).next_step);
});
