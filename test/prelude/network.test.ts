import { expect, test } from "vitest";
import { failureOfTransport, type RequestFailure } from "../../src/prelude/errors.ts";

const secret = "test-key-7d21-9c04";
const error = (code: string, more: object = {}) =>
  Object.assign(new Error(`${code} ${secret}`), { code, ...more });

const unsent: [unknown, RequestFailure["reason"]][] = [
  [error("ENOTFOUND"), "dns_failed"],
  [error("ECONNREFUSED"), "connection_refused"],
  [new Error("outer", { cause: error("ENETUNREACH") }), "no_route"],
  [error("UND_ERR_CONNECT_TIMEOUT"), "connect_timeout"],
  [error("EPERM"), "forbidden_by_system"],
  [error("ECONNRESET"), "closed_before_sent"],
  [undefined, "closed_before_sent"],
];

test.each(unsent)(
  "%s before the request left: nothing was written, for it is %s",
  (thrown, reason) => {
    const failure = failureOfTransport(thrown, false);
    expect(failure).toMatchObject({ code: "unreachable", mayHaveWritten: false, reason });
    expect(failure.retryable).toBeUndefined();
    expect(JSON.stringify(failure)).not.toContain(secret);
  },
);

test.each(["CERT_REVOKED", "INVALID_CA", "CERT_SIGNATURE_FAILURE", "SELF_SIGNED_CERT_IN_CHAIN"])(
  "%s is named as the certificate's, and repeats do not help",
  (certificate) => {
    const expected = { code: "unreachable", mayHaveWritten: false, retryable: false };
    const reason = { reason: "certificate", reasonDetail: { certificate } };
    expect(failureOfTransport(error(certificate), false)).toEqual({ ...expected, ...reason });
  },
);

test.each(["ECONNRESET", "EPIPE", "ECONNREFUSED", "ETIMEDOUT"])(
  "%s after the request left: it may have written",
  (code) => {
    const expected: RequestFailure = { code: "connection_lost", mayHaveWritten: true };
    expect(failureOfTransport(error(code), true)).toEqual(expected);
  },
);
