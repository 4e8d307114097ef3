import { describe, expect, test } from "vitest";
import { type Answer, type Body, pickFrom, readAnswer } from "../../src/prelude/answer.ts";
import type { RequestFailure } from "../../src/prelude/errors.ts";
import { failureOfTransport } from "../../src/prelude/errors.ts";
import { recovery } from "../../src/tools/messages.ts";
import { compressed, type Encoding, reply, truncated } from "../support/fault-server.ts";
import { setTheScene } from "./scene.ts";

const { scene } = setTheScene();

const secret = "test-key-7d21-9c04";
const api = (code: string, message = "Words.") => JSON.stringify({ code, status: "x", message });
const answerOf = (
  status: number,
  body: string | Body,
  headers: Answer["headers"] = {},
): Answer => ({
  status,
  headers,
  body: typeof body === "string" ? { text: body } : body,
});

/** What an answer to a GET for `user` says. */
const pick = pickFrom(({ user }) => (user === undefined ? { lacks: "a user" } : { users: [user] }));
const read = (...answer: Parameters<typeof answerOf>) =>
  readAnswer(answerOf(...answer), [secret], "GET", pick);
const refusal = (...answer: Parameters<typeof answerOf>): RequestFailure => {
  const reading = read(...answer);
  if (!("failure" in reading)) throw new Error("it was no failure");
  return reading.failure;
};

describe("a write is acknowledged by", () => {
  const profile = { name: "Ada", "": "é" };
  const good: [string, (user: string) => unknown][] = [
    ...[
      "",
      " \r\n",
      "OK",
      "ok",
      '"OK"',
      '"ok"',
      "true",
      "{}",
      '{"success":true}',
      '{"ok":true}',
    ].map((body): [string, () => string] => [JSON.stringify(body), () => body]),
    ["a good word", () => ({ status: "OK" })],
    ["good words of every kind", () => ({ state: "Saved", result: "done", message: "succeeded" })],
    ["flags and words", () => ({ updated: true, status: "success", message: "UPDATED" })],
    ["the user", (id) => ({ user: { id, status: "rejected" } })],
    ["the user with the values", (id) => ({ user: { id, profile: { ...profile, more: 1 } } })],
    ["the user itself", (id) => ({ id, status: "blocked", profile, created_at: "x" })],
    ["the profile with every value", () => ({ profile: { ...profile, code: "x", error: "y" } })],
    ["the profile beside good news", () => ({ profile, success: true, request_id: "r" })],
  ];
  test.concurrent.each(good)("200 and 201 with %s", async (_, body) => {
    for (const status of [200, 201]) {
      const { user, patch, stage } = scene([]);
      stage.steps = [reply(status, body(user) as object)];
      expect(await patch({ profile })).toMatchObject({ attempts: 1, httpStatus: status });
    }
  });

  const other = "usr_somebody_else";
  const bad: [string, (user: string) => unknown][] = [
    ...["false", "null", "0", "1", "[]", "[true]", '""', '"done"', "'ok'", "OK.", "Accepted"].map(
      (body): [string, () => string] => [body, () => body],
    ),
    ["HTML", () => "<h1>Saved</h1>"],
    ["half a JSON", () => '{"status":"ok"'],
    ["a failed state", () => ({ state: "FAILED" })],
    ["not updated", () => ({ updated: false })],
    ["no success", () => ({ success: "no" })],
    ["a flag as text", () => ({ success: "true" })],
    ["pending", () => ({ status: "pending" })],
    ["a number", () => ({ status: 200 })],
    ["a reason", () => ({ detail: "Not authenticated" })],
    ["rejected keys", () => ({ rejected_keys: ["bio"] })],
    ["good news beside an unknown member", () => ({ status: "ok", rejected_keys: ["bio"] })],
    ["an error that is null", () => ({ error: null })],
    ["good news in another spelling", () => ({ Success: true })],
    ["a good sentence", () => ({ message: "Profile updated." })],
    ["good news further inside", () => ({ data: { success: true } })],
    ["another user", () => ({ user: { id: other, profile } })],
    ["another user itself", () => ({ id: other, profile })],
    ["the user, and a profile without a value", (id) => ({ id, profile: { name: "Ada" } })],
    ["a profile with another value", () => ({ profile: { ...profile, name: "Eve" } })],
    ["a profile that is a list", () => ({ profile: [profile] })],
    ["a code beside the profile", () => ({ profile, code: "rejected" })],
    ["an error beside the user", (id) => ({ user: { id }, error: {} })],
    ["bad news beside the user", (id) => ({ user: { id }, status: "failed" })],
    ["bad news beside the user itself", (id) => ({ id, profile, message: "Quota reached" })],
  ];
  test.concurrent.each(bad)("but not 200 with %s", async (_, body) => {
    const { user, patch, stage } = scene([]);
    stage.steps = [reply(200, body(user) as object)];
    expect(await patch({ profile })).toMatchObject({
      attempts: 1,
      failure: {
        code: "unexpected_response",
        reason: "no_acknowledgement",
        mayHaveWritten: true,
        httpStatus: 200,
      },
    });
  });

  test.concurrent.each([202, 203, 205, 206, 207, 226])(
    "nor %d, whatever is in it",
    async (status) => {
      const { patch } = scene([reply(status, status === 205 ? "" : "OK")]);
      expect(await patch()).toMatchObject({
        attempts: 1,
        failure: {
          code: "unexpected_response",
          reason: "undocumented_status",
          mayHaveWritten: true,
        },
      });
    },
  );
});

describe("a refusal", () => {
  const cases: [number, string, RequestFailure["code"]][] = [
    [400, api("invalid_request"), "invalid_request"],
    [400, `\ufeff ${api("reserved_profile_key")}`.trim(), "reserved_profile_key"],
    [403, api("session_disabled"), "session_disabled"],
    [404, api("app_not_found"), "app_not_found"],
    [404, '{"code":"user_not_found"}', "user_not_found"],
    // The code says more than the number, which may be a proxy's idea.
    [422, api("reserved_profile_key"), "reserved_profile_key"],
    [403, api("invalid_api_token"), "unauthorized"],
    [400, api("missing_api_token"), "unauthorized"],
    [400, api("suspended_account"), "forbidden"],
    [401, "", "unauthorized"],
    [403, "No.", "forbidden"],
    [404, "<h1>Not found</h1>", "not_found"],
    [404, api("something_new"), "not_found"],
    [429, "", "rate_limited"],
    [400, api("__proto__"), "api_error"],
    [400, '{"code":7,"message":7}', "api_error"],
    [400, "null", "api_error"],
    [409, "", "api_error"],
    [500, api("user_not_found"), "upstream_error"],
    [999, "", "upstream_error"],
  ];
  test.each(cases)("%d %s is %s", (status, body, code) => {
    const failure = refusal(status, body.replace(/^\ufeff/, ""));
    expect(failure).toMatchObject({ code, httpStatus: status, mayHaveWritten: status >= 500 });
    expect(recovery).toHaveProperty(failure.code);
  });

  test.each([
    [401, "<!doctype html><h1>Sign in</h1>", {}],
    [403, "\n <html>Just a moment…</html>", {}],
    [403, "Blocked.", { "content-type": "text/html; charset=utf-8" }],
  ])("%d with the web page %j is not Prelude's", (status, body, headers) => {
    const failure = refusal(status, body, headers);
    const expected = { code: "unexpected_response", reason: "web_page", httpStatus: status };
    expect(failure).toMatchObject({ ...expected, mayHaveWritten: false });
  });

  test("whose body cannot be read whole is what its status says", async () => {
    const body = api("user_not_found");
    const bodies: Body[] = [
      { unread: "broke_off" },
      { unread: "too_large" },
      { text: body.slice(1) },
    ];
    for (const each of bodies) expect(refusal(404, each).code).toBe("not_found");
    const { patch } = scene([truncated(404, body)]);
    expect(await patch()).toMatchObject({ attempts: 1, failure: { code: "not_found" } });
  });

  test.concurrent.each(["gzip", "x-gzip", "deflate", "br"] as Encoding[])(
    "is understood in %s too",
    async (encoding) => {
      const { patch } = scene([compressed(encoding, 400, `\ufeff${api("invalid_request")}`)]);
      expect((await patch()).failure?.code).toBe("invalid_request");
    },
  );

  test("may be repeated later if it is 408, although others of its kind may not", () => {
    expect(refusal(408, "")).toMatchObject({ retryable: true, reason: "request_timeout" });
    expect(refusal(409, "").retryable).toBeUndefined();
  });
});

describe("words of an answer", () => {
  test("are passed on as one harmless line, without the key", () => {
    const words = refusal(400, api("x", `Bad\n\u202ekey\u200b ${secret}`)).apiMessage;
    expect(words).toBe("Bad \\u{202e}key\\u{200b} [redacted]");
  });

  test("are a code only if they are a plain token without the key", () => {
    expect(refusal(400, api("profile.too_large")).apiCode).toBe("profile.too_large");
    for (const code of ["two words", "x".repeat(65), "", "<b>", "-x", "é", `bad-${secret}`]) {
      expect(refusal(400, api(code))).not.toHaveProperty("apiCode");
    }
  });

  const ids: [Answer["headers"], string | undefined][] = [
    [{ "x-request-id": "req_1" }, "req_1"],
    [{ "cf-ray": "8f-FRA", "request-id": "r" }, "r"],
    [{ "x-request-id": "two words", "cf-ray": "8f-FRA" }, "8f-FRA"],
    [{ "x-request-id": ["a", "b"] }, undefined],
    [{ "x-request-id": "x".repeat(129) }, undefined],
    [{ "x-request-id": `Bearer:${secret}` }, undefined],
  ];
  test.each(ids)("in %j give the request id %s", (headers, id) => {
    expect(refusal(500, "", headers).requestId).toBe(id);
  });
});

describe("the answer to a look", () => {
  const cases: [number, string | Body, Partial<RequestFailure>][] = [
    [200, "", { reason: "unexpected_shape", reasonDetail: { lacks: "a JSON object" } }],
    [200, "<h1>Sign in</h1>", { reasonDetail: { lacks: "a JSON object" } }],
    [200, "{}", { code: "unexpected_response", reasonDetail: { lacks: "a user" } }],
    [200, { unread: "broke_off" }, { code: "connection_lost", reason: "broke_off" }],
    [200, { unread: "too_large" }, { code: "unexpected_response", reason: "too_large" }],
    [204, "", { code: "unexpected_response", reason: "undocumented_status" }],
    [201, '{"user":1}', { code: "unexpected_response", reason: "undocumented_status" }],
    [302, '{"user":1}', { code: "unexpected_response", reason: "redirect" }],
    [404, api("user_not_found"), { code: "user_not_found" }],
    [401, "", { code: "unauthorized" }],
  ];
  test.each(cases)("%d %j says why it holds nothing", (status, body, expected) => {
    expect(refusal(status, body)).toMatchObject({ ...expected, mayHaveWritten: false });
  });

  test("is the wanted part of a 200", () => {
    expect(read(200, '{"user":{"error":"x"},"error":null}')).toEqual({ users: [{ error: "x" }] });
  });
});

describe("a failure of the network", () => {
  const error = (code: string, more: object = {}) =>
    Object.assign(new Error(`${code} ${secret}`), { code, ...more });

  const unsent: [unknown, RequestFailure["reason"]][] = [
    [error("ENOTFOUND"), "dns_failed"],
    [error("EAI_AGAIN"), "dns_failed"],
    [error("ECONNREFUSED"), "connection_refused"],
    [new Error("outer", { cause: error("ENETUNREACH") }), "no_route"],
    [error("UND_ERR_CONNECT_TIMEOUT"), "connect_timeout"],
    [error("EPERM"), "forbidden_by_system"],
    [error("EWHATEVER"), "closed_before_sent"],
    [error("ECONNRESET"), "closed_before_sent"],
    [secret, "closed_before_sent"],
    [undefined, "closed_before_sent"],
  ];
  test.each(unsent)("%s before the request left is %s", (thrown, reason) => {
    const failure = failureOfTransport(thrown, false);
    expect(failure).toMatchObject({ code: "unreachable", mayHaveWritten: false, reason });
    expect(failure.retryable).toBeUndefined();
    expect(JSON.stringify(failure)).not.toContain(secret);
  });

  const certificates = [
    ...["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_GET_ISSUER_CERT"],
    ...["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID", "CERT_REVOKED", "CERT_UNTRUSTED", "INVALID_CA"],
    ...["INVALID_PURPOSE", "CERT_SIGNATURE_FAILURE", "UNSPECIFIED", "PATH_LENGTH_EXCEEDED"],
    ...["HOSTNAME_MISMATCH", "ERR_TLS_CERT_ALTNAME_INVALID", "UNABLE_TO_GET_CRL"],
  ];
  test.each(certificates)("%s is named as the certificate's, and lasts", (certificate) => {
    const expected = { code: "unreachable", mayHaveWritten: false, retryable: false };
    const reason = { reason: "certificate", reasonDetail: { certificate } };
    expect(failureOfTransport(error(certificate), false)).toEqual({ ...expected, ...reason });
  });

  test.each(["ERR_SSL_WRONG_VERSION_NUMBER", "EPROTO"])("%s is named as TLS, and lasts", (code) => {
    const expected = { reason: "tls_failed", retryable: false, mayHaveWritten: false };
    expect(failureOfTransport(error(code), false)).toMatchObject(expected);
  });

  test("after the request left may have written, whatever broke it", () => {
    for (const code of ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "ECONNREFUSED", "ETIMEDOUT"]) {
      const expected: RequestFailure = { code: "connection_lost", mayHaveWritten: true };
      expect(failureOfTransport(error(code), true)).toEqual(expected);
    }
  });
});
