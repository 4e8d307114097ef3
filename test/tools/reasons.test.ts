import { expect, test } from "vitest";
import type { ConnectReason, Reason } from "../../src/prelude/errors.ts";
import { refused } from "../../src/tools/messages.ts";
import { explain } from "../../src/tools/reasons.ts";
import { errorOf } from "../../src/tools/result.ts";

/** What a person reads of each way in which a network fails. */
const words: Partial<Record<Reason, RegExp>> = {
  dns_failed: /DNS gave no address/,
  connection_refused: /was refused/,
  no_route: /no route/,
  forbidden_by_system: /operating system forbids/,
  connect_timeout: /took too long/,
  tls_failed: /TLS handshake failed/,
  certificate: /TLS certificate is not accepted: CERT_HAS_EXPIRED/,
  closed_before_sent: /broke before the request was sent/,
  proxy_invalid: /^HTTPS_PROXY is not an address/,
  proxy_unreachable: /could not be reached/,
  proxy_refused: /refused the connection with HTTP 407: it wants a user name and a password/,
  not_decodable: /HTTP 302 with a body that cannot be unpacked/,
  web_page: /HTTP 302 with a web page.*firewall.*proxy.*sign-in page/,
} satisfies Partial<Record<Reason, RegExp>> &
  Record<ConnectReason | Extract<Reason, `proxy_${string}`>, RegExp>;

const detail = {
  variable: "HTTPS_PROXY",
  proxyStatus: 407,
  httpStatus: 302,
  certificate: "CERT_HAS_EXPIRED",
};

test.each(Object.entries(words) as [Reason, RegExp][])(
  "of %s the cause is told, and who can help where the agent cannot",
  (reason, told) => {
    const { cause, advice = "None." } = explain(reason, detail);
    expect(cause).toMatch(told);
    expect(cause).not.toMatch(/\.$/);
    expect(advice).toMatch(/\.$/);
    expect(`${cause} ${advice}`).not.toMatch(/whoever|mend/);
    if (/^(tls|certificate)/.test(reason)) expect(advice).toMatch(/the operator must fix this/);
    if (/^proxy/.test(reason)) expect(advice).toMatch(/the operator .*must.*HTTPS_PROXY/);
  },
);

test("a result says the cause, and gives its advice instead of the general one", () => {
  const facts = { reason: "proxy_refused", reasonDetail: detail } as const;
  const said = errorOf(refused("unreachable", facts), "; nothing was written.");
  expect(said.message).toBe(
    "Prelude could not be reached (the proxy of HTTPS_PROXY refused the connection with HTTP 407: it wants a user name and a password); nothing was written.",
  );
  expect(said.next_step).toBe(explain("proxy_refused", detail).advice);
});
