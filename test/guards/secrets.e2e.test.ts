import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startGuarded, temporaryFolder } from "../support/guarded.ts";
import {
  app,
  builtServer,
  type Json,
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

describe("the key comes from", () => {
  it.each<[what: string, given: string, sent: string]>([
    ["the environment", key, key],
    ["behind the word Bearer", `Bearer ${key}`, key],
    ["with Latin-1 letters", "cl\u00e9_\u00df", "cl\u00e9_\u00df"],
    ["with quotes and backslashes", "a\"b\\c'd", "a\"b\\c'd"],
  ])("%s", async (_, given, sent) => {
    const { server, upstream } = await startGuarded({ env: { PRELUDE_API_KEY: given } });
    await server.callTool(args);
    const [request] = upstream.received;
    expect(request?.headers.authorization).toBe(`Bearer ${sent}`);
  });

  it.each<[what: string, text: string]>([
    ["a file", key],
    ["a file with a byte order mark and a line break", `\ufeff${key}\r\n`],
  ])("%s", async (_, text) => {
    const file = join(temporaryFolder(), "key");
    writeFileSync(file, text);
    const env = { PRELUDE_API_KEY: "", PRELUDE_API_KEY_FILE: file };
    const { server, upstream } = await startGuarded({ env });
    await server.callTool(args);
    expect(upstream.received[0]?.headers.authorization).toBe(`Bearer ${key}`);
  });
});

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

describe("a key that cannot be one", () => {
  it.each<[what: string, character: string]>([
    ["a line break", "\n"],
    ["a C1 control", "\u0085"],
    ["a zero-width space", "\u200b"],
    ["an emoji", "\u{1f511}"],
  ])("with %s stops the start, without a word of it", async (_, character) => {
    const parts = ["sk_live_4f9c", "1d7e2b"];
    const folder = temporaryFolder();
    writeFileSync(join(folder, "key"), parts.join(character));
    const said = [
      await refusedStart({ PRELUDE_API_KEY: parts.join(character) }),
      await refusedStart({ PRELUDE_API_KEY_FILE: join(folder, "key") }),
    ];
    for (const text of said) {
      expect(text).toContain("holds a character that cannot be part of a key");
      for (const part of parts) expect(text).not.toContain(part);
    }
  });

  it.each<[what: string, env: (folder: string) => Record<string, string>, problem: string]>([
    [
      "given twice",
      (folder) => {
        writeFileSync(join(folder, "key"), "sk_other_key");
        return { PRELUDE_API_KEY: key, PRELUDE_API_KEY_FILE: join(folder, "key") };
      },
      "PRELUDE_API_KEY and PRELUDE_API_KEY_FILE are both set",
    ],
    [
      "in a file that is not there",
      (folder) => ({ PRELUDE_API_KEY_FILE: join(folder, "key") }),
      "PRELUDE_API_KEY_FILE must be a path to a readable file (ENOENT)",
    ],
    [
      "in a folder",
      (folder) => {
        mkdirSync(join(folder, "key"));
        return { PRELUDE_API_KEY_FILE: join(folder, "key") };
      },
      "PRELUDE_API_KEY_FILE must be a path to a readable file (EISDIR)",
    ],
    [
      "in an empty file",
      (folder) => {
        writeFileSync(join(folder, "key"), " \n");
        return { PRELUDE_API_KEY_FILE: join(folder, "key") };
      },
      "PRELUDE_API_KEY_FILE holds no key",
    ],
    [
      "that is only the word Bearer",
      () => ({ PRELUDE_API_KEY: "Bearer " }),
      "PRELUDE_API_KEY holds no key",
    ],
  ])("%s stops the start", async (_, env, problem) => {
    const said = await refusedStart(env(temporaryFolder()));
    expect(said).toContain(problem);
    expect(said).not.toContain(key);
    expect(said).not.toContain("sk_other_key");
  });

  it("given as the name of its file is not repeated", async () => {
    expect(await refusedStart({ PRELUDE_API_KEY_FILE: key })).not.toContain(key);
  });

  it("given beside other bad settings is not repeated", async () => {
    const said = await refusedStart({
      PRELUDE_API_KEY: key,
      PRELUDE_TIMEOUT_MS: "soon",
      PRELUDE_BASE_URL: `https://${key}:x@api.prelude.dev`,
      PRELUDE_APIKEY: key,
    });
    expect(said).toContain("PRELUDE_TIMEOUT_MS must be a whole number");
    expect(said).not.toContain(key);
  });
});

describe("the key as an argument", () => {
  it.each([
    [[key]],
    [["--api-key", key]],
    [[`--api-key=${key}`]],
    [[`-k${key}`]],
    [[`--${key}`]],
    [["--print-config", key]],
    [[`--print-config=${key}`]],
    [["--help", key]],
  ])("%j is refused and not repeated", async (argv) => {
    const said = await refusedStart({ PRELUDE_API_KEY: "" }, argv);
    expect(said).not.toContain(key);
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
    ["a rejection", `void Promise.reject(new Error("about " + key))`],
    ["a rejection without an error", `void Promise.reject(key)`],
    ["a value that is no error", `throw key`],
    ["an error in an error", `throw Object.assign(new Error(key), { headers: { key } })`],
  ])("a crash by %s does not show the key", async (_, code) => {
    const command = probe(`
      const key = process.env.PRELUDE_API_KEY;
      process.on("SIGUSR2", () => { ${code} });`);
    const { server } = await startGuarded({ env: { PRELUDE_API_KEY: key }, command });
    server.child.kill("SIGUSR2");
    await server.closed;
    const { code: exitCode } = await server.exited;
    expect(exitCode).toBe(1);
    expect(server.stderr()).toContain("stopping after a defect");
    expect(server.stderr()).not.toContain(key);
  });
});

/** Without what escaping adds and what a display would not show. */
const bare = (text: string) => text.replace(/[\\\s\u00a0\u00ad]/g, "");

/** Where the secret left the process: the protocol, stderr, or the audit file. */
const leaks = (server: ServerProcess, audit: string, secret: string): string[] => {
  const output = {
    protocol: JSON.stringify(server.messages),
    stderr: server.stderr(),
    audit: readFileSync(audit, "utf8"),
  };
  expect(output.audit).not.toBe("");
  return Object.entries(output).flatMap(([where, text]) =>
    bare(text).includes(bare(secret)) ? [where] : [],
  );
};

const startWatched = async (
  secret: string,
  answers: Handler[],
  more: Record<string, string> = {},
) => {
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
  (status: number, type: string, text: (secret: string) => string, secret: string): Handler =>
  (_, response) => {
    response.writeHead(status, { "content-type": type, "x-should-retry": "false" });
    response.end(text(secret));
  };

/** How an API, or a proxy before it, might give the key back. */
const echoes: [where: string, answer: (secret: string) => Handler][] = [
  ["the message", (secret) => apiError(400, "invalid_request", `The key ${secret} is bad.`)],
  ["the message alone", (secret) => apiError(401, "invalid_api_token", secret)],
  ["an Authorization header", (secret) => apiError(403, "no", `authorization: Bearer ${secret}`)],
  ["the message twice", (secret) => apiError(400, "invalid_request", `${secret} ${secret}`)],
  ["behind 290 characters", (secret) => apiError(400, "x", `${"y".repeat(290)}${secret}`)],
  ["markup", (secret) => apiError(400, "x", `<b>${secret}</b><i title="${secret}">`)],
  ["its JSON form", (secret) => apiError(400, "x", `got ${JSON.stringify({ key: secret })}`)],
  ["the code", (secret) => apiError(400, secret)],
  ["inside the code", (secret) => apiError(422, `bad.${secret}`)],
  ["the code of a 500", (secret) => apiError(500, secret, secret, { "x-should-retry": "false" })],
  ["a body of another form", (secret) => body(400, "application/json", JSON.stringify, secret)],
  ["HTML", (secret) => body(502, "text/html", (it) => `<html>${it}</html>`, secret)],
  ["a success that is none", (secret) => body(200, "text/html", (it) => `<p>${it}</p>`, secret)],
  ["a broken body", (secret) => body(400, "text/json", (it) => `{"message":"${it}`, secret)],
];

const idHeaders = ["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray"];

describe("an API that echoes the key", () => {
  it.each([
    ["an ordinary key", key],
    ["a key with quotes and backslashes", 'sk"live\\4f"9c\\\\1d'],
    ["a key with markup", "sk<live>4f9c1d7e2b"],
    ["a key with spaces", "sk  live  4f9c1d7e"],
    ["a key with a no-break space", "sk\u00a0live\u00a04f9c1d7e"],
    ["a key with a soft hyphen", "sk\u00adlive4f9c1d7e2b"],
    ["a key with Latin-1 letters", "cl\u00e9-\u00df-4f9c1d7e2b"],
  ])("is not repeated: %s", async (_, secret) => {
    const { audit, server, upstream } = await startWatched(secret, []);
    const echoed: string[] = [];
    for (const [where, answer] of echoes) {
      upstream.play(answer(secret));
      const { structured, text } = await server.callTool(args);
      expect({ where, failed: structured.error !== undefined }).toEqual({ where, failed: true });
      expect(JSON.parse(text)).toEqual(structured);
      if (bare(text).includes(bare(secret))) echoed.push(where);
    }
    expect(echoed).toEqual([]);
    expect(leaks(server, audit, secret)).toEqual([]);
  });

  it("is not repeated from any header that could carry a request id", async () => {
    const { audit, server, upstream } = await startWatched(key, []);
    for (const name of idHeaders) {
      for (const value of [key, `req-${key}`, `Bearer/${key}`]) {
        upstream.play(apiError(400, "invalid_request", "No.", { [name]: value }));
        await server.callTool(args);
      }
    }
    expect(leaks(server, audit, key)).toEqual([]);
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
});

it("an agent that sends the key along puts it neither into a log line nor into the audit", async () => {
  const { audit, server } = await startWatched(key, [
    apiError(400, "reserved_profile_key", "The profile key is reserved and cannot be used."),
  ]);
  const calls: Json[] = [
    { ...args, app_id: key },
    { ...args, user_id: `usr_${key}` },
    { ...args, user_id: key },
    { ...args, profile: { [key]: "x" } },
    { ...args, profile: { first_name: key } },
    { ...args, profile: { [key]: 1 } },
    { ...args, [key]: "x" },
    { ...args, on_reserved_key: key },
  ];
  for (const call of calls) await server.callTool(call);
  // Names and ids that it sent are repeated to it as they are.
  expect(leaks(server, audit, key).filter((where) => where !== "protocol")).toEqual([]);
});

describe("a key that was replaced in its file", () => {
  /** Calls after which both keys could come back, by where they stand. */
  const calls: [where: string, profile: (key: string) => Json][] = [
    ["a profile's value", (it) => ({ first_name: `is ${it}` })],
    ["a profile's key", (it) => ({ [it]: "x", first_name: "Jane" })],
  ];

  it.each(calls)("is a secret like the first: %s", async (_, profileWith) => {
    const rotated = "sk_live_rotated_77aa";
    const file = join(temporaryFolder(), "key");
    writeFileSync(file, key);
    const { audit, server, upstream } = await startWatched("", [], {
      PRELUDE_API_KEY_FILE: file,
      PRELUDE_READ: "values",
    });
    upstream.play(apiError(401, "invalid_api_token"), noContent);
    writeFileSync(file, rotated);
    expect((await server.callTool(args)).structured.status).toBe("updated");
    for (const secret of [key, rotated]) {
      const profile = profileWith(secret);
      upstream.play((_request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ user: { id: user, profile } }));
      });
      const sent = { app_id: app, user_id: user };
      await server.request("tools/call", { name: "get_user_profile", arguments: sent });
      expect(leaks(server, audit, secret)).toEqual([]);
    }
    expect(JSON.stringify(server.messages) + readFileSync(audit, "utf8")).toMatch(
      /\[redacted\]|"hidden_keys/,
    );
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
    { ...args, profile: { first_name: value } },
    { ...args, profile: { first_name: value } },
    { ...args, profile: { first_name: value } },
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

describe("a network that fails", () => {
  it("does not bring the key to light", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const settings = [
      { PRELUDE_BASE_URL: `http://127.0.0.1:${port}` },
      { PRELUDE_BASE_URL: `https://127.0.0.1:${port}` },
      { PRELUDE_BASE_URL: "https://prelude.example", HTTPS_PROXY: `http://127.0.0.1:${port}` },
    ];
    const servers = await Promise.all(settings.map((more) => startWatched(key, [], more)));
    const answers = await Promise.all(servers.map(({ server }) => server.callTool(args)));
    expect(answers.map(({ structured }) => structured.error?.code)).toEqual(
      settings.map(() => "unreachable"),
    );
    for (const { audit, server } of servers) expect(leaks(server, audit, key)).toEqual([]);
  });

  it("nor does an answer that is not HTTP", async () => {
    const { audit, server } = await startWatched(key, [
      (_, __, socket) => socket.end(`authorization: Bearer ${key}\r\n\r\n`),
    ]);
    const { structured } = await server.callTool(args);
    expect(structured.status).toBe("unknown");
    expect(leaks(server, audit, key)).toEqual([]);
  });
});

describe("--check", () => {
  const echo = apiError(400, `bad.${key}`, `The key ${key} is bad.`);

  it.each([
    [["--check"], "set (hidden)"],
    [["--check", "--json"], '"api_key":true'],
  ])("%j does not show the key", async (argv, shown) => {
    const upstream = await startUpstream(echo);
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

it.each(["updated", "e", "{", "test"])(
  "even %j as the key leaves the shape of a result alone",
  async (odd) => {
    const { server } = await startGuarded({ env: { PRELUDE_API_KEY: odd } });
    const { structured, text } = await server.callTool(args);
    expect(Object.keys(structured)).toEqual(["status", "app_id", "user_id", "updated_keys"]);
    expect(structured.status).toBe("updated");
    expect(JSON.parse(text)).toEqual(structured);
  },
);
