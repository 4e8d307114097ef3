import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, builtServer, type ServerProcess, user } from "../support/server-process.ts";
import { apiError, type Handler, noContent } from "../support/upstream.ts";

const args = { app_id: app, user_id: user, profile: { first_name: "Jane" } };
const key = "sk_live_4f9c1d7e2b";

/** A file that is loaded before the server, with CommonJS code. */
const probe = (code: string): string[] => {
  const file = join(temporaryFolder(), "probe.cjs");
  writeFileSync(file, code);
  return [process.execPath, "--require", file, builtServer];
};

describe("after the start", () => {
  it.each<[what: string, code: string]>([
    ["an error with a cause", `throw new Error("outer", { cause: new Error(key) })`],
    ["a value that is no error", `throw key`],
    ["nothing at all", `throw null`],
    ["an error that quotes a value", `JSON.parse('{"profile": Jane}')`],
  ])("a crash by %s does not show the key, nor a value", async (_, code) => {
    const command = probe(`
      const key = process.env.PRELUDE_API_KEY;
      process.on("SIGUSR2", () => { ${code} });`);
    const { server } = await startGuarded({ env: { PRELUDE_API_KEY: key }, command });
    server.child.kill("SIGUSR2");
    await server.closed;
    expect((await server.exited).code).toBe(1);
    expect(server.stderr()).toContain("stopping after a defect");
    expect(server.stderr()).not.toContain(key);
    expect(server.stderr()).not.toContain("Jane");
  });
});

/** Where the secret left the process: the protocol, stderr, or the audit file. */
const leaks = (server: ServerProcess, audit: string, secret: string): string[] => {
  const output = {
    protocol: JSON.stringify(server.messages),
    stderr: server.stderr(),
    audit: readFileSync(audit, "utf8"),
  };
  expect(output.audit).not.toBe("");
  const bare = (text: string) => text.replace(/\\/g, "");
  return Object.entries(output).flatMap(([where, text]) =>
    bare(text).includes(bare(secret)) ? [where] : [],
  );
};

const startWatched = async (secret: string, answers: Handler[], more = {}) => {
  const audit = join(temporaryFolder(), "audit.jsonl");
  const env = {
    PRELUDE_API_KEY: secret,
    PRELUDE_AUDIT_LOG: audit,
    PRELUDE_LOG_LEVEL: "debug",
    ...more,
  };
  return { audit, ...(await startGuarded({ env, answers })) };
};

const body =
  (status: number, type: string, text: string): Handler =>
  (_, response) => {
    response.writeHead(status, { "content-type": type, "x-should-retry": "false" }).end(text);
  };

/** How an API, or a proxy before it, might give the key back. */
const echoes: ((secret: string) => Handler)[] = [
  (secret) => apiError(400, "invalid_request", `The key ${secret} is bad: ${secret}.`),
  (secret) => apiError(401, "invalid_api_token", secret),
  (secret) => apiError(403, "no", `authorization: Bearer ${secret}`),
  (secret) => apiError(400, "x", `${"y".repeat(290)}${secret}`),
  (secret) => apiError(400, "x", `${" ".repeat(3_990)}${secret}`),
  (secret) => apiError(400, "x", `got ${JSON.stringify({ key: secret })}`),
  (secret) => apiError(400, "x", `GET /?key=${encodeURIComponent(secret)}`),
  (secret) => apiError(400, secret),
  (secret) => apiError(422, `bad.${secret}`),
  (secret) => body(400, "application/json", JSON.stringify(secret)),
  (secret) => body(502, "text/html", `<html>${secret}</html>`),
  (secret) => body(200, "text/html", `<p>${secret}</p>`),
  (secret) => body(400, "text/json", `{"message":"${secret}`),
  (secret) => apiError(400, "x", "No.", { "x-request-id": encodeURIComponent(`req-${secret}`) }),
  (secret) => (_, __, socket) => socket.end(`authorization: Bearer ${secret}\r\n\r\n`),
];

describe("an API that echoes the key", () => {
  it.each([
    ["an ordinary key", key],
    ["a key with quotes and backslashes", 'sk"live\\4f"9c\\\\1d'],
    ["a key with Latin-1 letters", "cl\u00e9-\u00df-4f9c1d7e2b"],
  ])("is not repeated: %s", async (_, secret) => {
    const { audit, server, upstream } = await startWatched(secret, []);
    for (const answer of echoes) {
      upstream.play(answer(secret));
      const { structured, text } = await server.callTool(args);
      expect(structured.error).toBeDefined();
      expect(JSON.parse(text)).toEqual(structured);
    }
    expect(leaks(server, audit, secret)).toEqual([]);
  });
});

it("no value that an agent sends comes back in a result, a log line or the audit", async () => {
  const value = "the-value-nobody-may-see";
  const { audit, server } = await startWatched(key, [
    apiError(400, "invalid_request"),
    apiError(500, "internal", "No.", { "x-should-retry": "false" }),
    noContent,
  ]);
  const sent: unknown[] = [
    ...Array(3).fill({ ...args, profile: { first_name: value } }),
    { ...args, profile: { first_name: [value], last_name: { deep: value } } },
    { ...args, profile: value },
    { ...args, app_id: `${value} ` },
    { ...args, user_id: value },
    { ...args, on_reserved_key: value },
    { ...args, extra: value },
    value,
    JSON.stringify({ ...args, extra: value }),
  ];
  for (const call of sent) await server.callTool(call);
  server.send({ jsonrpc: "2.0", id: { value }, method: "tools/call", params: { value } });
  server.write(`${value}\n`);
  await server.request("ping");
  expect(leaks(server, audit, value)).toEqual([]);
});

const reserved = apiError(400, "reserved_profile_key", "The key test is reserved, e.g. latest.");

it.each(["e", "{", "user"])(
  "with %j as the key, ids, codes and names of keys stay whole",
  async (odd) => {
    const audit = join(temporaryFolder(), "audit.jsonl");
    const { server } = await startGuarded({
      env: { PRELUDE_API_KEY: odd, PRELUDE_AUDIT_LOG: audit },
      answers: [noContent, reserved, reserved, noContent],
    });
    const profile = { [odd]: "x", latest_test: "y" };
    const written = await server.callTool({ ...args, profile });
    expect(written.structured).toEqual({
      status: "updated",
      app_id: app,
      user_id: user,
      updated_keys: [odd, "latest_test"],
    });
    expect(readFileSync(audit, "utf8")).toContain(`"keys":["${odd}","latest_test"]`);
    const skipped = { ...args, profile: { sub: "x", plan: "y" }, on_reserved_key: "skip" };
    expect((await server.callTool(skipped)).structured).toMatchObject({
      status: "partially_updated",
      updated_keys: ["plan"],
      error: { code: "reserved_profile_key" },
    });
  },
);
