import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { certificates } from "../support/certificates.ts";
import { startFaultServer } from "../support/fault-server.ts";
import { startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app } from "../support/server-process.ts";

/** A call to an API with this certificate, which the operator's file of authorities holds. */
const over = async (name: keyof typeof certificates) => {
  const own = await startFaultServer(name);
  onTestFinished(own.close);
  const stage = own.stage("usr_tls");
  const authorities = join(temporaryFolder(), "authorities.pem");
  writeFileSync(authorities, certificates[name]);
  const env = { PRELUDE_BASE_URL: own.url, NODE_EXTRA_CA_CERTS: authorities };
  const { server } = await startGuarded({ env });
  const args = { app_id: app, user_id: "usr_tls", profile: { a: "1" } };
  return { stage, answer: (await server.callTool(args)).structured };
};

test("with a certificate that the operator added it works", async () => {
  const { answer, stage } = await over("valid");
  expect(answer.status).toBe("updated");
  expect(stage.applied).toHaveLength(1);
});

test.each([
  ["expired", "CERT_HAS_EXPIRED"],
  ["elsewhere", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["purpose", "INVALID_PURPOSE"],
] as const)("with a certificate that is wrong (%s) it fails in words", async (name, code) => {
  const { answer, stage } = await over(name);
  expect([answer.status, answer.attempts]).toEqual(["not_updated", undefined]);
  expect(answer.error).toMatchObject({ code: "unreachable", retryable: false });
  expect(answer.error?.message).toContain(`its TLS certificate is not accepted: ${code}`);
  expect(answer.error?.next_step).toMatch(/the operator.* must fix this/);
  expect(stage.received).toHaveLength(0);
});
