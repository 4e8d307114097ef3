import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, user } from "../support/server-process.ts";
import { apiError, noContent } from "../support/upstream.ts";

const reserved = apiError(400, "reserved_profile_key", "The key test is reserved, e.g. latest.");

describe.each(["e", "test", "reserved", "user", "updated"])("with %j as the API key", (key) => {
  it("ids, codes and key names of a result stay whole", async () => {
    const audit = join(temporaryFolder(), "audit.jsonl");
    const { server } = await startGuarded({
      env: { PRELUDE_API_KEY: key, PRELUDE_AUDIT_LOG: audit },
      answers: [
        noContent,
        apiError(404, "user_not_found", "No.", { "x-request-id": `req-${key}-1` }),
      ],
    });
    const profile = { [key]: "x", latest_test: "y" };
    const written = await server.callTool({ app_id: app, user_id: user, profile });
    expect(written.structured).toEqual({
      status: "updated",
      app_id: app,
      user_id: user,
      updated_keys: [key, "latest_test"],
    });
    const { structured } = await server.callTool({ app_id: app, user_id: user, profile });
    expect(structured).toMatchObject({
      app_id: app,
      user_id: user,
      error: { code: "user_not_found", request_id: `req-${key}-1` },
    });
    expect(JSON.stringify(structured)).not.toContain("[redacted]");
    expect(readFileSync(audit, "utf8")).toContain(`"keys":["${key}","latest_test"]`);
    expect(readFileSync(audit, "utf8")).not.toContain("[redacted]");
  });

  it("a reserved key is still skipped", async () => {
    const { server } = await startGuarded({
      env: { PRELUDE_API_KEY: key },
      answers: [reserved, reserved, noContent],
    });
    const { structured } = await server.callTool({
      app_id: app,
      user_id: user,
      profile: { sub: "x", plan: "y" },
      on_reserved_key: "skip",
    });
    expect(structured).toMatchObject({
      status: "partially_updated",
      updated_keys: ["plan"],
      error: { code: "reserved_profile_key" },
    });
  });
});

it("a short key that Prelude's words repeat goes from them, where it is a word", async () => {
  const { server } = await startGuarded({
    env: { PRELUDE_API_KEY: "test" },
    answers: [apiError(400, "invalid_request", 'The key "test" is not the latest.')],
  });
  const profile = { a: "b" };
  const { structured } = await server.callTool({ app_id: app, user_id: user, profile });
  expect(structured.error?.message).toContain("[redacted]");
  expect(structured.error?.message).toContain("is not the latest.");
  expect(structured.error?.message).not.toContain("test\\");
});
