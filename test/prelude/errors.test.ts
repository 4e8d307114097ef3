import { describe, expect, test } from "vitest";
import { type Answer, failureOf, readingOf } from "../../src/prelude/answer.ts";
import { failureOfTransport } from "../../src/prelude/connect-errors.ts";
import type { PreludeCode, Reason, RequestFailure } from "../../src/prelude/errors.ts";
import { recovery } from "../../src/tools/messages.ts";

const secret = "test-key-7d21-9c04";
const api = (code: string, message = "Words.") => JSON.stringify({ code, status: "x", message });
const read = (status: number, body = "", more: Partial<Answer> = {}) =>
  failureOf({ status, headers: {}, body, complete: true, ...more }, [secret]);

describe("success", () => {
  const cases: [string, number, string, Partial<Answer>?][] = [
    ["204, as documented", 204, ""],
    ["204, whatever stands behind it", 204, "<h1>Hello</h1>", { complete: false }],
    ["200 without a body", 200, ""],
    ["200 with white space", 200, " \r\n"],
    ["200 with a byte order mark alone", 200, "\ufeff"],
    ["200 with JSON", 200, '{"status":"ok"}'],
    ["200 with JSON behind a byte order mark", 200, "\ufeff{}"],
    ["201", 201, "{}"],
    ["201 without a body", 201, ""],
  ];
  test.each(cases)("%s", (_, status, body, more) => {
    expect(read(status, body, more)).toBeUndefined();
  });

  const friendly = [
    ...["OK", "ok", " Ok\r\n", '"OK"', "'ok'", '""', "null", "true", "[]", "[{}]", "[true]"],
    ...[
      '{"success":true}',
      '{"ok":true,"id":7}',
      '{"error":null}',
      '{"errors":[]}',
      '{"error":{}}',
    ],
    ...['{"error":false,"errors":0}', '{"code":204}', '{"status":200}'],
    ...['{"message":"Profile updated."}', '{"message":"OK","status":"ok"}'],
    ...['{"status":"ok","message":"Profile patched"}', '{"status":200,"message":"Changed it"}'],
    ...['{"data":{"id":"u","code":"FR"}}', '{"id":"usr_1","error_count":2}'],
    ...['{"user":{"id":"usr_1"},"status":"rejected"}', '{"profile":{"code":"FR"},"code":"FR"}'],
    ...['{"message":"Saved.","success":true}', '{"message":"Saved.","user":{"id":"usr_1"}}'],
    ...['{"data":{"user":{"profile":{"error":"x","message":"y"}}}}', '{"status":"active"}'],
    // Members of members are the caller's own words, not the API's.
    ...['{"user":{"profile":{"error":"x","code":"y","message":"z","success":"false"}}}'],
  ];
  test.each(friendly)("200 with %j", (body) => {
    for (const status of [200, 201]) expect(read(status, body)).toBeUndefined();
  });
});

describe("a 2xx that is none", () => {
  const cases: [string, string, Partial<Answer>, PreludeCode, Reason][] = [
    ["HTML", "<!doctype html><h1>Sign in</h1>", {}, "unexpected_response", "no_acknowledgement"],
    ["plain text", "Accepted", {}, "unexpected_response", "no_acknowledgement"],
    [
      "an error in disguise",
      api("user_not_found"),
      {},
      "unexpected_response",
      "no_acknowledgement",
    ],
    [
      "a page that broke off",
      "<html>",
      { complete: false },
      "unexpected_response",
      "no_acknowledgement",
    ],
    ["JSON that broke off", '{"status":', { complete: false }, "connection_lost", "broke_off"],
    ["nothing, broken off", "", { complete: false }, "connection_lost", "broke_off"],
  ];
  test.each(cases)("%s", (_, body, more, code, reason) => {
    const expected = { code, reason, mayHaveWritten: true, httpStatus: 200 };
    expect(read(200, body, more)).toMatchObject(expected);
  });

  const unfriendly = [
    ...[
      "false",
      '"false"',
      "0",
      "1",
      "404",
      "1.5",
      '"not found"',
      "OK, but not now",
      "OK <b>",
      "'OK\"",
    ],
    ...[
      '{"error":"boom"}',
      '{"error":true}',
      '{"error":{"code":7}}',
      '{"errors":["a"]}',
      '{"errors":2}',
    ],
    ...[
      '{"Error":"boom"}',
      '{"success":false}',
      '{"ok":false}',
      '{"success":"false"}',
      '{"Success":0}',
    ],
    ...[
      '{"ok":null}',
      '{"code":"user_not_found"}',
      '{"code":7,"message":"No."}',
      '{"code":0,"message":""}',
    ],
    ...['{"status":"error"}', '{"status":"bad_request"}', '{"status":404}', '[{"error":"boom"}]'],
    ...['[{},{"success":false}]', "[[false]]", "[1]", '["no"]'],
    ...['{"message":"A profile can only be updated by an administrator"}', '{"status":40301}'],
    ...['{"message":"Nothing was updated"}', '{"status":5003,"reason":"x"}'],
    ...['{"message":"Not updated."}', '{"message":"Update failed"}', '{"message":"It isn\'t ok"}'],
    ...['{"message":"The user was not found."}', '{"type":"x","message":"No.","param":"y"}'],
    ...['{"statusCode":500,"message":"Internal server error"}', '{"status_code":"404"}'],
    ...['{"errorMessage":"Task timed out","errorType":"x"}', '{"status":"400","message":"bad"}'],
    ...['{"status":"rejected"}', '{"data":{"success":false}}', '{"result":{"error":"x"}}'],
    // The same member in two spellings: either can say no.
    ...['{"Error":"boom","error":null}', '{"error":"boom","ERROR":""}', '{"OK":false,"ok":true}'],
    ...['{"STATUS":"error","status":"ok"}', '{"Code":"x","code":1}'],
  ];
  test.each(unfriendly)("200 with %j", (body) => {
    for (const status of [200, 201]) {
      expect(read(status, body)).toMatchObject({
        code: "unexpected_response",
        reason: "no_acknowledgement",
        mayHaveWritten: true,
        httpStatus: status,
      });
    }
  });

  test.each([202, 203, 205, 206, 207, 208, 226, 299])("%d, whatever stands behind it", (status) => {
    for (const body of ["", "OK", "{}", '{"status":"ok"}']) {
      for (const complete of [true, false]) {
        expect(read(status, body, { complete })).toMatchObject({
          code: "unexpected_response",
          reason: "undocumented_status",
          mayHaveWritten: true,
          httpStatus: status,
        });
      }
    }
  });
});

describe("what a GET reads", () => {
  const user = { id: "usr_1", profile: { error: "x" } };
  const pick = ({ user: found }: Record<string, unknown>) => found;
  const readUser = (status: number, body: string, more: Partial<Answer> = {}) =>
    readingOf({ status, headers: {}, body, complete: true, ...more }, [secret], pick);

  test("is the wanted part of a 200", () => {
    for (const mark of ["", "\ufeff"]) {
      const body = `${mark}${JSON.stringify({ user, error: null, more: 1 })}`;
      expect(readUser(200, body)).toEqual({ content: user });
    }
  });

  const huge = `{"user":"${"x".repeat(2 * 1024 * 1024)}`;
  const cases: [number, string, Partial<Answer>, PreludeCode, Reason | undefined][] = [
    [200, "", {}, "unexpected_response", "unexpected_shape"],
    [200, "{}", {}, "unexpected_response", "unexpected_shape"],
    [200, "[]", {}, "unexpected_response", "unexpected_shape"],
    [200, "null", {}, "unexpected_response", "unexpected_shape"],
    [200, "OK", {}, "unexpected_response", "unexpected_shape"],
    [200, "<h1>Sign in</h1>", {}, "unexpected_response", "unexpected_shape"],
    [200, "<h1>Sign", { complete: false }, "unexpected_response", "unexpected_shape"],
    [200, '{"user":{"id"', { complete: false }, "connection_lost", "broke_off"],
    [200, '{"user":{}}', { complete: false }, "connection_lost", "broke_off"],
    [200, huge, { complete: false }, "unexpected_response", "too_large"],
    [204, "", {}, "unexpected_response", "undocumented_status"],
    [206, JSON.stringify({ user }), {}, "unexpected_response", "undocumented_status"],
    [302, JSON.stringify({ user }), {}, "unexpected_response", "redirect"],
    [404, api("user_not_found"), {}, "user_not_found", undefined],
    [401, "", {}, "unauthorized", undefined],
    [503, "", {}, "upstream_error", undefined],
  ];
  test.each(cases)("%d %.40s %j: %s", (status, body, more, code, reason) => {
    const reading = readUser(status, body, more);
    expect(reading).toMatchObject({ failure: { code, httpStatus: status } });
    expect("failure" in reading && reading.failure.reason).toBe(reason);
  });
});

test.each([300, 301, 302, 303, 304, 307, 308, 399])(
  "%d is never followed nor a success",
  (status) => {
    expect(read(status, "{}")).toMatchObject({ code: "unexpected_response", mayHaveWritten: true });
  },
);

describe("refusals", () => {
  const cases: [number, string, PreludeCode][] = [
    [400, api("invalid_request"), "invalid_request"],
    [400, api("reserved_profile_key"), "reserved_profile_key"],
    [403, api("session_disabled"), "session_disabled"],
    [404, api("app_not_found"), "app_not_found"],
    [404, api("user_not_found"), "user_not_found"],
    // The code says more than the number, which may be a proxy's idea.
    [422, api("reserved_profile_key"), "reserved_profile_key"],
    [400, api("missing_api_token"), "unauthorized"],
    [403, api("invalid_api_token"), "unauthorized"],
    [400, api("suspended_account"), "forbidden"],
    [401, "", "unauthorized"],
    [403, "<h1>Forbidden</h1>", "forbidden"],
    [404, "", "not_found"],
    [404, api("something_new"), "not_found"],
    [429, "", "rate_limited"],
    [400, api("something_new"), "api_error"],
    [400, JSON.stringify({ message: "Only words." }), "api_error"],
    [400, JSON.stringify({ code: 7, message: 7 }), "api_error"],
    [400, "null", "api_error"],
    [400, "[]", "api_error"],
    [400, "<h1>Bad Request</h1>", "api_error"],
    [400, api("constructor"), "api_error"],
    [400, api("__proto__"), "api_error"],
    [408, "", "api_error"],
    [409, "", "api_error"],
    [499, "", "api_error"],
  ];
  test.each(cases)("%d %s: %s", (status, body, code) => {
    const failure = read(status, body);
    expect(failure).toMatchObject({ code, httpStatus: status, mayHaveWritten: false });
  });

  test("408 may be repeated, although other refusals of its kind may not", () => {
    expect(read(408)).toMatchObject({ retryable: true, reason: "request_timeout" });
    expect(read(409)?.retryable).toBeUndefined();
  });

  test.each([500, 501, 502, 503, 504, 505, 599, 600, 999])("%d may have written", (status) => {
    for (const body of ["", "<h1>Bad gateway</h1>", api("internal"), api("app_not_found")]) {
      expect(read(status, body)).toMatchObject({ code: "upstream_error", mayHaveWritten: true });
    }
  });
});

describe("a code survives", () => {
  const whole = api("user_not_found", 'The "user" {was} [not] found, \\ or so.');
  const bodies: [string, string, boolean][] = [
    ["extra properties", '{"type":"e","code":"user_not_found","param":[{"a":1}]}', true],
    ["the lack of all others", '{"code":"user_not_found"}', true],
    ["a byte order mark", `\ufeff${whole}`, true],
    ["a body that broke off behind it", '{"code":"user_not_found","status":"not_fo', false],
    ["a body that broke off in a nested value", '{"code":"user_not_found","a":{"b":[1,{', false],
    ["a body that broke off inside an escape", '{"code":"user_not_found","message":"a\\', false],
    ["a body that broke off right behind it", '{"code":"user_not_found"', false],
    ["a body that broke off before its end", whole.slice(0, -1), false],
    ["commas and braces in strings", '{"m":"a,}\\",{","code":"user_not_found","x":"y', false],
  ];
  test.each(bodies)("%s", (_, body, complete) => {
    expect(read(404, body, { complete })?.code).toBe("user_not_found");
  });

  test("but half a code is none", () => {
    for (const body of [
      '{"code":"user_not_found',
      '{"code":"user_not',
      '{"a":1,"code":"user_not_fo',
    ]) {
      expect(read(404, body, { complete: false })?.code).toBe("not_found");
    }
  });
});

describe("words of the API", () => {
  test("are passed on as one harmless line", () => {
    const message = "Bad\u0000 \u202ekey\u200b\n<script>alert(1)</script> \u001b[31mred\u001b[0m";
    const words = read(400, JSON.stringify({ code: "invalid_request", message }))?.apiMessage;
    expect(words).toBe(
      "Bad\\u{0} \\u{202e}key\\u{200b} <script>alert(1)</script> \\u{1b}[31mred\\u{1b}[0m",
    );
    const long = read(400, api("invalid_request", "x".repeat(1_000)))?.apiMessage ?? "";
    expect(long).toBe(`${"x".repeat(300)}…`);
  });

  test("lose the key, in the message as in the code", () => {
    const failure = read(400, api(`bad-${secret}`, `Bearer ${secret} is not ${secret}`));
    expect(failure?.apiMessage).toBe("Bearer [redacted] is not [redacted]");
    expect(JSON.stringify(failure)).not.toContain(secret);
  });

  test("an unknown code is kept only if it is a plain token", () => {
    expect(read(400, api("profile.too_large"))?.apiCode).toBe("profile.too_large");
    for (const code of ["two words", "x".repeat(65), "", "<b>", "-x", "é", "a\nb"]) {
      expect(read(400, api(code))).not.toHaveProperty("apiCode");
    }
  });
});

describe("request id", () => {
  const cases: [Answer["headers"], string | undefined][] = [
    [{ "x-request-id": "req_1" }, "req_1"],
    [{ "cf-ray": "8f-FRA" }, "8f-FRA"],
    [{ "cf-ray": "8f-FRA", "request-id": "r" }, "r"],
    [{ "x-request-id": "two words", "cf-ray": "8f-FRA" }, "8f-FRA"],
    [{ "x-request-id": ["a", "b"] }, undefined],
    [{ "x-request-id": "x".repeat(129) }, undefined],
    [{ "x-request-id": "" }, undefined],
    [{}, undefined],
  ];
  test.each(cases)("of %j is %s", (headers, id) => {
    expect(read(400, "", { headers })?.requestId).toBe(id);
    expect(read(500, "", { headers })?.requestId).toBe(id);
  });

  test("is never the key, which an answer may echo in any header", () => {
    for (const id of [secret, `Bearer:${secret}`]) {
      const failure = read(400, "", { headers: { "x-request-id": id } });
      expect(JSON.stringify(failure)).not.toContain(secret);
    }
  });
});

describe("transport failures", () => {
  const error = (code: string, more: object = {}) =>
    Object.assign(new Error(`${code} ${secret}`), { code, ...more });

  const unsent: [string, unknown, Reason][] = [
    ["ENOTFOUND", error("ENOTFOUND"), "dns_unknown"],
    ["EAI_AGAIN", error("EAI_AGAIN"), "dns_no_answer"],
    ["ECONNREFUSED", error("ECONNREFUSED"), "connection_refused"],
    ["UND_ERR_CONNECT_TIMEOUT", error("UND_ERR_CONNECT_TIMEOUT"), "connect_timeout"],
    ["EHOSTUNREACH", error("EHOSTUNREACH"), "no_route"],
    [
      "an aggregate of addresses",
      error("", { errors: [error("ECONNREFUSED")] }),
      "connection_refused",
    ],
    ["a cause", new Error("outer", { cause: error("ENETUNREACH") }), "network_unreachable"],
    ["an unknown code", error("EWHATEVER"), "closed_before_sent"],
    ["no code", new Error(secret), "closed_before_sent"],
    ["no error", secret, "closed_before_sent"],
    ["nothing", undefined, "closed_before_sent"],
  ];
  test.each(unsent)("%s, before the request left", (_, thrown, reason) => {
    const failure = failureOfTransport(thrown, false);
    expect(failure).toMatchObject({ code: "unreachable", mayHaveWritten: false });
    expect(failure.reason).toBe(reason);
    expect(JSON.stringify(failure)).not.toContain(secret);
  });

  const tls: [string, Reason][] = [
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls_self_signed"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "tls_untrusted"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "tls_untrusted"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls_untrusted"],
    ["CERT_HAS_EXPIRED", "tls_expired"],
    ["CERT_NOT_YET_VALID", "tls_not_yet_valid"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls_other_host"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls_not_spoken"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "tls_failed"],
    ["EPROTO", "tls_no_common_version"],
  ];
  test.each(tls)("%s is named, and not repeated", (code, reason) => {
    const expected = { code: "unreachable", mayHaveWritten: false, retryable: false, reason };
    expect(failureOfTransport(error(code), false)).toEqual(expected);
  });

  test("a lost connection may have written, whatever broke it", () => {
    for (const code of ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "ECONNREFUSED", "ETIMEDOUT"]) {
      const expected: RequestFailure = { code: "connection_lost", mayHaveWritten: true };
      expect(failureOfTransport(error(code), true)).toEqual(expected);
    }
  });
});

test("every failure has a row in the recovery table", () => {
  const failures: (RequestFailure | undefined)[] = [
    ...Array.from({ length: 800 }, (_, i) => read(200 + i, "words")),
    failureOfTransport(new Error(), true),
    failureOfTransport(new Error(), false),
  ];
  const codes = new Set(failures.flatMap((failure) => failure?.code ?? []));
  for (const code of codes) expect(recovery).toHaveProperty(code);
  expect([...codes].sort()).toEqual([
    "api_error",
    "connection_lost",
    "forbidden",
    "not_found",
    "rate_limited",
    "unauthorized",
    "unexpected_response",
    "unreachable",
    "upstream_error",
  ]);
});
