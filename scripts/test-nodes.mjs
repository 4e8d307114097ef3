import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

// Runs the built file on the oldest Node that it supports and on each later line, and checks that
// an older Node gets one clear line. The Nodes come from the npm package `node`.

const supported = ["20.18.1", "22", "24", "26"];
const tooOld = ["14", "16", "18"];

const { version, bin, engines } = JSON.parse(readFileSync("package.json", "utf8"));
const [file] = Object.values(bin).map((path) => resolve(path));
const windows = process.platform === "win32";
assert.equal(engines.node, `>=${supported[0]}`);

const run = async (program, args, options) => {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => {
      texts[name] += text;
    });
  }
  const [code] = await once(child, "close");
  return { code, ...texts };
};

/** Installs that Node unless it is there already, and gives the path of its binary. */
const nodeOf = async (wanted) => {
  const folder = resolve("node_modules", ".cache", "nodes", wanted);
  const binary = join(folder, "node_modules", "node", "bin", windows ? "node.exe" : "node");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const install = ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", "."];
    const { code, stderr } = await run("npm", [...install, `node@${wanted}`], {
      cwd: folder,
      shell: windows,
    });
    assert.equal(code, 0, stderr);
  }
  return binary;
};

const connect = (node, ...args) => {
  const child = spawn(node, [file, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  const waiting = new Map();
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line);
    waiting.get(message.id)?.(message.result);
  });
  const closed = once(child, "close");
  const send = (message) =>
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const request = (method, params) => {
    const id = waiting.size + 1;
    send({ id, method, params });
    return Promise.race([
      new Promise((answer) => waiting.set(id, answer)),
      closed.then(() => assert.fail(`ended before it answered ${method}: ${stderr}`)),
    ]);
  };
  const call = async (args) => {
    const result = await request("tools/call", { name: "update_user_profile", arguments: args });
    return result.structuredContent;
  };
  const stop = async () => {
    // Windows has no signals: there, a client closes stdin.
    if (windows) child.stdin.end();
    else child.kill("SIGTERM");
    const [code] = await closed;
    return { code, stderr };
  };
  return { send, request, call, stop };
};

const target = { app_id: "54e9ujn", user_id: "usr_01jqebhswje1ka1z7ahr9rfsgt" };

/** What happens on each Node, in this order. */
const steps = {
  "--version": async ({ node }) => {
    const expected = { code: 0, stdout: `${version}\n`, stderr: "" };
    assert.deepEqual(await run(node, [file, "--version"]), expected);
  },
  "--check": async ({ node }) => {
    const { code, stderr } = await run(node, [file, "--check", "--sandbox"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  },
  initialize: async ({ server }) => {
    const result = await server.request("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "test-nodes", version: "0" },
    });
    assert.equal(result.serverInfo.version, version);
    server.send({ method: "notifications/initialized" });
  },
  "tools/list": async ({ server }) => {
    const { tools } = await server.request("tools/list");
    assert.deepEqual(
      tools.map(({ name }) => name),
      ["update_user_profile"],
    );
  },
  update: async ({ server }) => {
    const result = await server.call({ ...target, profile: { first_name: "Jane" } });
    assert.equal(result.status, "updated");
  },
  "reserved key": async ({ server }) => {
    const profile = { first_name: "Jane", sub: "x" };
    const result = await server.call({ ...target, profile, on_reserved_key: "skip" });
    assert.equal(result.status, "partially_updated");
    assert.deepEqual(result.updated_keys, ["first_name"]);
  },
  "wrong user": async ({ server }) => {
    const user_id = "usr_01jqebhswje1ka1z7ahr9rfsgz";
    const result = await server.call({ ...target, user_id, profile: { first_name: "Jane" } });
    assert.equal(result.error.code, "user_not_found");
  },
  stop: async ({ server }) => {
    assert.deepEqual(await server.stop(), { code: 0, stderr: "" });
  },
};

const works = async (node) => {
  const server = connect(node, "--sandbox");
  const done = [];
  try {
    for (const [name, step] of Object.entries(steps)) {
      await step({ node, server });
      done.push(name);
    }
    return { ok: true, what: done.join(", ") };
  } catch (error) {
    await server.stop();
    const failed = Object.keys(steps)[done.length];
    return { ok: false, what: `${failed}: ${error.message}` };
  }
};

const isRefused = async (node) => {
  const { code, stdout, stderr } = await run(node, [file]);
  const ok = code === 1 && stdout === "" && /^[^\n]+ needs Node\.js [^\n]+\n$/.test(stderr);
  return { ok, what: ok ? `refused: ${stderr.trim()}` : `exit ${code}\n${stdout}${stderr}` };
};

const nodes = [...tooOld, ...supported];
const binaries = await Promise.all(nodes.map(nodeOf));
const failed = [];
for (const [i, node] of binaries.entries()) {
  const { stdout } = await run(node, ["--version"]);
  const { ok, what } = await (tooOld.includes(nodes[i]) ? isRefused(node) : works(node));
  // A crash prints the line of the minified file that it happened in: all of it.
  const lines = what.split("\n").map((line) => line.slice(0, 200));
  console.log(`${ok ? "ok" : "FAILED"}  ${stdout.trim().padEnd(10)}  ${lines.join("\n")}`);
  if (!ok) failed.push(nodes[i]);
}
console.log(`${nodes.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;
