import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify, stripVTControlCharacters } from "node:util";

// Adds the built server to real clients from npm as `--print-config HOST --sandbox` says, in a HOME
// of its own, and asks each whether it is connected. Needs the npm registry, so no test runs it.
// The exact versions are what this was last tried with; others can be given: claude=latest.

const name = "prelude-profile";
const versions: Record<string, string> = { claude: "2.1.332", codex: "0.169.0", gemini: "0.61.0" };
const packages: Record<string, string> = {
  claude: "@anthropic-ai/claude-code",
  codex: "@openai/codex",
  gemini: "@google/gemini-cli",
};
for (const word of process.argv.slice(2)) {
  const [client = "", version = ""] = word.split("=");
  assert(client in packages && version !== "", `not CLIENT=VERSION: ${word}`);
  versions[client] = version;
}

const run = promisify(execFile);
const cache = resolve("node_modules", ".cache", "try-clients");
const bin = join(cache, "node_modules", ".bin");
const { bin: built } = JSON.parse(readFileSync("package.json", "utf8"));
const [server = ""] = Object.values<string>(built).map((path) => resolve(path));

mkdirSync(cache, { recursive: true });
const wanted = Object.entries(packages).map(([client, pkg]) => `${pkg}@${versions[client]}`);
const quiet = ["--no-save", "--no-audit", "--no-fund", "--prefix", "."];
await run("npm", ["install", ...quiet, ...wanted], { cwd: cache });

const home = mkdtempSync(join(cache, "home-"));
const project = join(home, "project");
mkdirSync(project);
// Nothing of the real user: no settings of a client, no key.
const env = { HOME: home, PATH: `${bin}${delimiter}${process.env.PATH}` };
const inProject = { cwd: project, env, timeout: 120_000 };

const printed = (host: string) =>
  run(process.execPath, [server, "--print-config", host, "--sandbox"], inProject);

const runPrinted = async (host: string): Promise<void> => {
  const { stderr } = await printed(host);
  const [, command = ""] = stderr.split("\n\n");
  await run("sh", ["-c", command], inProject);
};

const listed = async (client: string): Promise<string> => {
  const { stdout, stderr } = await run(client, ["mcp", "list"], inProject);
  const lines = stripVTControlCharacters(stdout + stderr).split("\n");
  return lines.find((line) => line.includes(`${name}:`))?.trim() ?? "not listed";
};

/** `codex mcp list` connects to nothing; its app server does, and lists the tools. */
const codexTools = (): Promise<string> =>
  new Promise((done, fail) => {
    const child = spawn("codex", ["app-server"], {
      ...inProject,
      stdio: ["pipe", "pipe", "ignore"],
    });
    const send = (message: object) => child.stdin.write(`${JSON.stringify(message)}\n`);
    child.on("error", fail).on("exit", () => done("ended without an answer"));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { id, result } = JSON.parse(line);
      if (id === 1) send({ id: 2, method: "mcpServerStatus/list", params: {} });
      if (id !== 2) return;
      const found = result.data.find((each: { name: string }) => each.name === name);
      done(`connected, tools: ${Object.keys(found?.tools ?? {}).join(", ")}`);
      child.kill();
    });
    send({ id: 1, method: "initialize", params: { clientInfo: { name: "try", version: "0" } } });
  });

const write = (file: string, text: string): void => {
  mkdirSync(dirname(join(home, file)), { recursive: true });
  writeFileSync(join(home, file), text);
};

/** Client -> what it says of the server, and what it must say. */
const clients: Record<string, () => Promise<[said: string, wanted: RegExp]>> = {
  claude: async () => {
    await runPrinted("claude-code");
    return [await listed("claude"), /Connected$/];
  },
  gemini: async () => {
    write(".gemini/trustedFolders.json", JSON.stringify({ [project]: "TRUST_FOLDER" }));
    await runPrinted("gemini-cli");
    return [await listed("gemini"), /Connected$/];
  },
  codex: async () => {
    write(".codex/config.toml", (await printed("codex")).stdout);
    return [await codexTools(), /tools: update_user_profile/];
  },
};

try {
  for (const [client, tryIt] of Object.entries(clients)) {
    const [said, expected] = await tryIt();
    const ok = expected.test(said);
    console.log(`${ok ? "ok" : "FAILED"}  ${client} ${versions[client]}  ${said}`);
    if (!ok) process.exitCode = 1;
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
