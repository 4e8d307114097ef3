import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startGuarded, temporaryFolder } from "../support/guarded.ts";
import {
  app,
  builtServer,
  type ServerProcess,
  startServer,
  user,
} from "../support/server-process.ts";
import { apiError, type Handler, noContent, startUpstream } from "../support/upstream.ts";

const args = { app_id: app, user_id: user, profile: { first_name: "Jane" } };
const key = "sk_live_4f9c1d7e2b";

/** A file that is loaded before the server, with CommonJS code. */
const probe = (code: string): string[] => {
  const file = join(temporaryFolder(), "probe.cjs");
  writeFileSync(file, code);
  return [process.execPath, "--require", file, builtServer];
};

/** Runs a server that must not start, and returns what it said. */
const refusedStart = async (env: Record<string, string>, argv: string[] = []) => {
  const server = startServer({ env, args: argv });
  // One that starts all the same ends at once and fails below.
  server.stdin.end();
  await server.closed;
  expect(await server.exited).toEqual({ code: 2, signal: null });
  expect(server.messages).toEqual([]);
  return server.stderr();
};

describe("a start that is refused does not repeat the key", () => {
  it.each<[what: string, env: Record<string, string>]>([
    ["a line break in it", { PRELUDE_API_KEY: `${key}\nx` }],
    ["the key as the name of its file", { PRELUDE_API_KEY_FILE: key }],
    ["the key twice", { PRELUDE_API_KEY: key, PRELUDE_API_KEY_FILE: "/etc/hostname" }],
    [
      "other bad settings",
      {
        PRELUDE_API_KEY: key,
        PRELUDE_TIMEOUT_MS: "soon",
        PRELUDE_BASE_URL: `https://${key}:x@api.prelude.dev`,
        PRELUDE_APIKEY: key,
      },
    ],
  ])("with %s", async (_, env) => {
    expect(await refusedStart(env)).not.toContain(key);
  });

  it.each([
    [[key]],
    [["--api-key", key]],
    [[`--api-key=${key}`]],
    [[`--${key}`]],
    [["--print-config", key]],
    [["--help", key]],
  ])("with the arguments %j", async (argv) => {
    expect(await refusedStart({ PRELUDE_API_KEY: "" }, argv)).not.toContain(key);
  });
});

describe("after the start", () => {
  it("the key is in no environment that the process, its children or a crash report see", async () => {
    const file = join(temporaryFolder(), "seen.json");
    const command = probe(`
      process.on("exit", () => {
        const { execFileSync } = require("node:child_process");
        const child = execFileSync("env").toString();
        const report = process.report.getReport();
        const seen = { env: process.env, child, report };
        require("node:fs").writeFileSync(${JSON.stringify(file)}, JSON.stringify(seen));
      });`);
    const env = { PRELUDE_API_KEY: key, PRELUDE_APP_ID: app };
    const { server } = await startGuarded({ env, command });
    await server.callTool({ user_id: user, profile: { first_name: "Jane" } });
    await server.close();
    const seen = readFileSync(file, "utf8");
    expect(JSON.parse(seen)).toMatchObject({
      env: { PRELUDE_APP_ID: app },
      child: expect.stringContaining(`PRELUDE_APP_ID=${app}`),
      report: { environmentVariables: { PRELUDE_APP_ID: app } },
    });
    expect(seen).not.toContain("PRELUDE_API_KEY");
    expect(seen).not.toContain(key);
  });

  it.each<[what: string, code: string]>([
    ["an error", `throw new Error("about " + key)`],
    ["an error with a cause", `throw new Error("outer", { cause: new Error(key) })`],
    ["a rejection without an error", `void Promise.reject(key)`],
    ["a value that is no error", `throw key`],
  ])("a crash by %s does not show the key", async (_, code) => {
    const command = probe(`
      const key = process.env.PRELUDE_API_KEY;
      process.on("SIGUSR2", () => { ${code} });`);
    const { server } = await startGuarded({ env: { PRELUDE_API_KEY: key }, command });
    server.child.kill("SIGUSR2");
    await server.closed;
    expect((await server.exited).code).toBe(1);
    expect(server.stderr()).toContain("stopping after a defect");
    expect(server.stderr()).not.toContain(key);
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
    ["a key with blanks", "sk  live  4f9c1d7e"],
    ["a key with Latin-1 letters", "cl\u00e9-\u00df-4f9c1d7e2b"],
    ["a short key", "Qz7"],
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

  it("is not followed: a redirect gets no second request", async () => {
    const elsewhere = await startUpstream();
    onTestFinished(elsewhere.close);
    const { audit, server } = await startWatched(key, [
      (_, response) => {
        response.writeHead(307, { location: `${elsewhere.url}/${key}` }).end();
      },
    ]);
    const { structured } = await server.callTool(args);
    expect(structured.error?.code).toBe("unexpected_response");
    expect(elsewhere.received).toEqual([]);
    expect(leaks(server, audit, key)).toEqual([]);
  });

  it.each([
    [["--check"], "set (hidden)"],
    [["--check", "--json"], '"api_key":true'],
  ])("%j does not show the key", async (argv, shown) => {
    const upstream = await startUpstream(apiError(400, `bad.${key}`, `The key ${key} is bad.`));
    onTestFinished(upstream.close);
    const server = startServer({
      env: { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url, PRELUDE_LOG_LEVEL: "debug" },
      args: argv,
    });
    let said = "";
    server.stdout.on("data", (text) => {
      said += text;
    });
    await server.closed;
    expect(upstream.received[0]?.headers.authorization).toBe(`Bearer ${key}`);
    expect(said).toContain(shown);
    expect(said).toContain("The key [redacted] is bad.");
    expect(said + server.stderr()).not.toContain(key);
  });
});

it("a key that was replaced in its file stays a secret like the new one", async () => {
  const rotated = "sk_live_rotated_77aa";
  const file = join(temporaryFolder(), "key");
  writeFileSync(file, key);
  const more = { PRELUDE_API_KEY_FILE: file, PRELUDE_READ: "values" };
  const { audit, server, upstream } = await startWatched("", [], more);
  upstream.play(apiError(401, "invalid_api_token"), noContent);
  writeFileSync(file, rotated);
  expect((await server.callTool(args)).structured.status).toBe("updated");
  const profile = { first_name: `is ${key}`, city: `is ${rotated}`, [key]: "x" };
  upstream.play(
    body(200, "application/json", JSON.stringify({ user: { id: user, profile } })),
    apiError(400, "invalid_request", `${key} ${rotated}`),
  );
  const target = { app_id: app, user_id: user };
  const { result } = await server.request("tools/call", {
    name: "get_user_profile",
    arguments: target,
  });
  expect(result).toMatchObject({
    structuredContent: {
      profile: { first_name: "is [redacted]", city: "is [redacted]" },
      hidden_keys: 1,
    },
  });
  await server.callTool(args);
  for (const secret of [key, rotated]) expect(leaks(server, audit, secret)).toEqual([]);
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

it("a network that fails does not bring the key to light", async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const settings = [
    { PRELUDE_BASE_URL: `https://127.0.0.1:${port}` },
    { PRELUDE_BASE_URL: "https://prelude.example", HTTPS_PROXY: `http://127.0.0.1:${port}` },
  ];
  const servers = await Promise.all(settings.map((more) => startWatched(key, [], more)));
  for (const { audit, server } of servers) {
    expect((await server.callTool(args)).structured.error?.code).toBe("unreachable");
    expect(leaks(server, audit, key)).toEqual([]);
  }
});

const reserved = apiError(400, "reserved_profile_key", "The key test is reserved, e.g. latest.");

it.each(["e", "{", "test", "reserved", "user", "updated"])(
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
