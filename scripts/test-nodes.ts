import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { npm, run } from "../test/package/run.ts";
import { connect, type Json } from "../test/support/json-rpc-client.ts";

// Runs the built file on the oldest Node that it supports and on each later line, and checks that
// an older Node gets one clear line. The Nodes come from the npm package `node`.

const supported = ["20.18.1", "22", "24", "26"];
const tooOld = ["14", "16", "18"];

type Manifest = { version: string; bin: Record<string, string>; engines: { node: string } };

const { version, bin, engines }: Manifest = JSON.parse(readFileSync("package.json", "utf8"));
const file = resolve(Object.values(bin)[0] ?? "");
const windows = process.platform === "win32";
assert.equal(engines.node, `>=${supported[0]}`);

/** Installs that Node unless it is there already, and gives the path of its binary. */
const nodeOf = async (wanted: string): Promise<string> => {
  const folder = resolve("node_modules", ".cache", "nodes", wanted);
  const binary = join(folder, "node_modules", "node", "bin", windows ? "node.exe" : "node");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const options = ["--no-save", "--no-audit", "--no-fund", "--prefix", "."];
    await npm(["install", ...options, `node@${wanted}`], folder);
  }
  return binary;
};

const start = (node: string) => {
  const child = spawn(node, [file, "--sandbox"], { stdio: ["pipe", "pipe", "pipe"] });
  const rpc = connect(child.stdin, child.stdout);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const closed = once(child, "close");
  void closed.then(() => rpc.fail(new Error(`ended before it answered: ${stderr}`)));

  const result = async (method: string, params?: Json): Promise<Json> =>
    (await rpc.request(method, params)).result ?? {};
  const update = async (args: Json): Promise<Json> => {
    const target = { app_id: "54e9ujn", user_id: "usr_01jqebhswje1ka1z7ahr9rfsgt" };
    const params = { name: "update_user_profile", arguments: { ...target, ...args } };
    return (await result("tools/call", params)).structuredContent as Json;
  };
  const stop = async () => {
    // Windows has no signals: there, a client closes stdin.
    if (windows) child.stdin.end();
    else child.kill("SIGTERM");
    const [code] = await closed;
    return { code, stderr };
  };
  return { initialize: rpc.initialize, result, update, stop };
};

type Step = (at: { node: string; server: ReturnType<typeof start> }) => Promise<void>;

/** What happens on each Node, in this order. */
const steps: Record<string, Step> = {
  "--version": async ({ node }) => {
    const expected = { code: 0, stdout: `${version}\n`, stderr: "" };
    assert.deepEqual(await run(node, [file, "--version"]), expected);
  },
  "--check": async ({ node }) => {
    const { code, stderr } = await run(node, [file, "--check", "--sandbox"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  },
  initialize: async ({ server }) => {
    const { serverInfo } = (await server.initialize()).result ?? {};
    assert.equal((serverInfo as Json).version, version);
  },
  "tools/list": async ({ server }) => {
    const { tools } = await server.result("tools/list");
    assert.deepEqual(
      (tools as Json[]).map(({ name }) => name),
      ["update_user_profile"],
    );
  },
  update: async ({ server }) => {
    const { status } = await server.update({ profile: { first_name: "Jane" } });
    assert.equal(status, "updated");
  },
  "reserved key": async ({ server }) => {
    const profile = { first_name: "Jane", sub: "x" };
    const result = await server.update({ profile, on_reserved_key: "skip" });
    assert.equal(result.status, "partially_updated");
    assert.deepEqual(result.updated_keys, ["first_name"]);
  },
  "wrong user": async ({ server }) => {
    const user_id = "usr_01jqebhswje1ka1z7ahr9rfsgz";
    const { error } = await server.update({ user_id, profile: { first_name: "Jane" } });
    assert.equal((error as Json).code, "user_not_found");
  },
  stop: async ({ server }) => {
    assert.deepEqual(await server.stop(), { code: 0, stderr: "" });
  },
};

type Outcome = { ok: boolean; what: string };

const works = async (node: string): Promise<Outcome> => {
  const server = start(node);
  const done: string[] = [];
  try {
    for (const [name, step] of Object.entries(steps)) {
      await step({ node, server });
      done.push(name);
    }
    return { ok: true, what: done.join(", ") };
  } catch (error) {
    await server.stop();
    const failed = Object.keys(steps)[done.length];
    return { ok: false, what: `${failed}: ${error instanceof Error ? error.message : error}` };
  }
};

const isRefused = async (node: string): Promise<Outcome> => {
  const { code, stdout, stderr } = await run(node, [file]);
  const ok = code === 1 && stdout === "" && /^[^\n]+ needs Node\.js [^\n]+\n$/.test(stderr);
  return { ok, what: ok ? `refused: ${stderr.trim()}` : `exit ${code}\n${stdout}${stderr}` };
};

const tryNode = async (wanted: string): Promise<boolean> => {
  const node = await nodeOf(wanted);
  const { stdout } = await run(node, ["--version"]);
  const { ok, what } = await (tooOld.includes(wanted) ? isRefused(node) : works(node));
  // A crash prints the line of the minified file that it happened in: all of it.
  const lines = what.split("\n").map((line) => line.slice(0, 200));
  console.log(`${ok ? "ok" : "FAILED"}  ${stdout.trim().padEnd(10)}  ${lines.join("\n")}`);
  return ok;
};

const outcomes: boolean[] = [];
for (const wanted of [...tooOld, ...supported]) outcomes.push(await tryNode(wanted));
const failed = outcomes.filter((ok) => !ok).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
