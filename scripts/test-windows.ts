import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  driveC,
  hasWine,
  prepareWine,
  startUnderWine,
  windowsNode,
  windowsPath,
} from "./windows/wine.ts";

const help = `npm run test:windows
Runs the built file on Node for Windows under Wine. Needs the npm registry on its first run.
Exit status: 0 passed, 1 failed, 77 there is no Wine here.
To get it on Debian or Ubuntu: apt-get install --no-install-recommends wine wine64`;

const nodes = ["20.20.2", "24.21.0"];
const app = "54e9ujn";
const user = "usr_01jqebhswje1ka1z7ahr9rfsgt";
const key = "sk_test_windows_5d21";

// A folder as on a hosted runner: a short name of the 8.3 kind, and a blank.
const folder = join(driveC, "users", "RUNNER~1", "prelude profile");
const inFolder = (file: string) => windowsPath(join(folder, file));
const server = inFolder("dist/prelude-profile-mcp.cjs");

type Received = { authorization: string | undefined; path: string };

/** Stands in for Prelude: every user but the one that cannot exist is there. */
const startUpstream = async (received: Received[]): Promise<{ upstream: Server; url: string }> => {
  const upstream = createServer((request, response) => {
    request.resume().on("end", () => {
      const { authorization } = request.headers;
      const path = request.url ?? "";
      received.push({ authorization, path });
      const known = !path.includes("usr_000");
      response.writeHead(known ? 204 : 404, { "content-type": "application/json" });
      response.end(known ? "" : '{"code":"user_not_found","status":"not_found","message":"No."}');
    });
  });
  await new Promise<void>((done) => upstream.listen(0, "127.0.0.1", done));
  return { upstream, url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` };
};

type Context = { node: string; url: string; received: Received[] };

const start = ({ node }: Context, args: string[], env: Record<string, string> = {}) =>
  startUnderWine(node, { args: [server, ...args], env, cwd: windowsPath(folder) });

const ended = async (context: Context, args: string[], env: Record<string, string> = {}) =>
  (await start(context, args, env)).closed;

const open = async (context: Context, args: string[], env: Record<string, string> = {}) => {
  const running = await start(context, args, env);
  const initialized = await running.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test-windows", version: "0" },
  });
  running.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  const call = async (args: object) => {
    const answer = await running.request("tools/call", {
      name: "update_user_profile",
      arguments: args,
    });
    return answer.result?.structuredContent as { status: string; error?: { code: string } };
  };
  return { ...running, initialized, call };
};

const target = { app_id: app, user_id: user };
const jane = { ...target, profile: { first_name: "Jané 王" } };

/** What is tried on each Node. */
const steps: Record<string, (context: Context) => Promise<void>> = {
  protocol: async (context) => {
    const running = await open(context, ["--sandbox"]);
    assert.match(JSON.stringify(running.initialized.result), /"name":"prelude-profile-mcp"/);
    const { result } = await running.request("tools/list");
    const tools = (result?.tools ?? []) as { name: string }[];
    const names = tools.map(({ name }) => name);
    assert.deepEqual(names, ["update_user_profile"]);
    assert.ok((await running.request("no/such/method")).error);
    const { code, stderr } = await running.end();
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  },
  "a call, a reserved key, a wrong user": async (context) => {
    const running = await open(context, ["--sandbox"]);
    assert.equal((await running.call(jane)).status, "updated");
    const reserved = { ...target, profile: { a: "1", sub: "x" }, on_reserved_key: "skip" };
    assert.equal((await running.call(reserved)).status, "partially_updated");
    const wrong = { ...jane, user_id: "usr_01jqebhswje1ka1z7ahr9rfsgz" };
    assert.equal((await running.call(wrong)).error?.code, "user_not_found");
    await running.end();
  },
  guards: async (context) => {
    const env = { PRELUDE_APP_ID: app, PRELUDE_USER_ID: user, PRELUDE_BLOCKED_KEYS: "role" };
    const running = await open(context, ["--sandbox"], env);
    assert.equal((await running.call(jane)).error?.code, "invalid_arguments");
    for (const name of ["role", "ROLE", "r\u200bole"]) {
      assert.equal(
        (await running.call({ profile: { [name]: "x" } })).error?.code,
        "key_not_allowed",
      );
    }
    assert.equal((await running.call({ profile: { locale: "fr" } })).status, "updated");
    await running.end();
  },
  "a key file as Notepad writes it": async (context) => {
    writeFileSync(join(folder, "the key.txt"), `${key}\r\n`);
    const env = { PRELUDE_API_KEY_FILE: inFolder("the key.txt"), PRELUDE_BASE_URL: context.url };
    const running = await open(context, [], env);
    assert.equal((await running.call(jane)).status, "updated");
    assert.equal(context.received.at(-1)?.authorization, `Bearer ${key}`);
    const { stderr } = await running.end();
    assert.ok(!stderr.includes(key));
  },
  "an audit file on a drive, in a folder with a short name": async (context) => {
    rmSync(join(folder, "audit.jsonl"), { force: true });
    const running = await open(context, ["--sandbox"], {
      PRELUDE_AUDIT_LOG: inFolder("audit.jsonl"),
    });
    assert.equal((await running.call(jane)).status, "updated");
    await running.end();
    const text = readFileSync(join(folder, "audit.jsonl"), "utf8");
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.equal(lines.at(-1).status, "updated");
    assert.ok(!text.includes("Jané"));
  },
  "the end of stdin, in the middle of a line": async (context) => {
    const running = await open(context, ["--sandbox"]);
    running.write('{"jsonrpc":"2.0","id":99');
    assert.equal((await running.end()).code, 0);
  },
  "--check": async (context) => {
    const env = { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: context.url, PRELUDE_APP_ID: app };
    const { code, stdout, stderr } = await ended(context, ["--check", "--json"], env);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.equal(JSON.parse(stdout).check.code, "user_not_found");
    const wrong = await ended(context, ["--check"], { PRELUDE_TIMEOUT_MS: "soon" });
    assert.equal(wrong.code, 2);
  },
  "--print-config, and starting what it prints": async (context) => {
    const env = { PRELUDE_APP_ID: app, PRELUDE_AUDIT_LOG: "audit.jsonl" };
    const { stdout } = await ended(context, ["--print-config", "cursor", "--sandbox"], env);
    const entry = JSON.parse(stdout).mcpServers["prelude-profile"];
    assert.match(entry.command, /^[A-Z]:\\.*\\node\.exe$/i);
    assert.deepEqual(entry.args, [server, "--sandbox"]);
    assert.equal(entry.env.PRELUDE_AUDIT_LOG, inFolder("audit.jsonl"));
    const running = await startUnderWine(context.node, { args: entry.args, env: entry.env });
    await running.end();
    assert.equal(running.stderr(), "");
  },
  "--print-config in the words of PowerShell": async (context) => {
    const { stderr } = await ended(context, ["--print-config", "claude-code"]);
    assert.match(
      stderr,
      /^claude mcp add .*'PRELUDE_API_KEY=\$\{PRELUDE_API_KEY\}'.* '--' '[CZ]:\\/m,
    );
    assert.match(stderr, /Read-Host/);
  },
};

const tryNode = async (version: string): Promise<number> => {
  const node = await windowsNode(version);
  const received: Received[] = [];
  const { upstream, url } = await startUpstream(received);
  let failed = 0;
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step({ node, url, received });
      console.log(`ok      Node ${version}  ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  Node ${version}  ${name}: ${(error as Error).message}`);
    }
  }
  upstream.closeAllConnections();
  upstream.close();
  return failed;
};

const main = async (): Promise<number> => {
  if (process.argv.includes("--help") || !hasWine()) {
    console.log(help);
    return process.argv.includes("--help") ? 0 : 77;
  }
  await prepareWine();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync("dist", join(folder, "dist"), { recursive: true });
  let failed = 0;
  for (const version of nodes) failed += await tryNode(version);
  return failed > 0 ? 1 : 0;
};

process.exitCode = await main();
