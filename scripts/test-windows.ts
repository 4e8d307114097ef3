import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runCli } from "../test/support/run-cli.ts";
import { app, startServer, user } from "../test/support/server-process.ts";
import { startUpstream } from "../test/support/upstream.ts";
import { live, tell } from "./built-file.ts";
import { driveC, hasWine, prepareWine, windowsNode, wineEnv } from "./windows/wine.ts";

const help = `npm run test:windows
Runs the built file on Node for Windows under Wine. Needs the npm registry on its first run.
Exit status: 0 passed, 1 failed, 77 there is no Wine here.
To get it on Debian or Ubuntu: apt-get install --no-install-recommends wine wine64`;

const nodes = ["20.20.2", "24.21.0"];
const key = "sk_test_windows_5d21";
const jane = { app_id: app, user_id: user, profile: { first_name: "Jané 王" } };

// A folder as on a hosted runner: a short name of the 8.3 kind, and a blank.
const folder = join(driveC, "users", "RUNNER~1", "prelude profile");
const windowsFolder = "C:\\users\\RUNNER~1\\prelude profile";
const server = `${windowsFolder}\\dist\\prelude-profile-mcp.cjs`;

/** What only Windows can show, beside what the built file does everywhere. */
const steps: Record<string, (command: string[]) => Promise<void>> = {
  "the same as everywhere": live,
  "a key file as Notepad writes it": async (command) => {
    writeFileSync(join(folder, "the key.txt"), `${key}\r\n`);
    const upstream = await startUpstream();
    const file = `${windowsFolder}\\the key.txt`;
    const env = { PRELUDE_API_KEY_FILE: file, PRELUDE_BASE_URL: upstream.url };
    const running = startServer({ command, env });
    await running.initialize();
    assert.equal((await running.callTool(jane)).structured.status, "updated");
    assert.equal(upstream.received[0]?.headers.authorization, `Bearer ${key}`);
    await running.close();
    await upstream.close();
  },
  "an audit file on a drive, in a folder with a short name": async (command) => {
    rmSync(join(folder, "audit.jsonl"), { force: true });
    const env = { PRELUDE_AUDIT_LOG: `${windowsFolder}\\audit.jsonl` };
    const running = startServer({ command, args: ["--sandbox"], env });
    await running.initialize();
    assert.equal((await running.callTool(jane)).structured.status, "updated");
    await running.close();
    const lines = readFileSync(join(folder, "audit.jsonl"), "utf8").trimEnd().split("\n");
    assert.equal(JSON.parse(lines.at(-1) ?? "").status, "updated");
  },
  "the end of stdin, in the middle of a line": async (command) => {
    const running = startServer({ command, args: ["--sandbox"] });
    await running.initialize();
    running.write('{"jsonrpc":"2.0","id":99');
    assert.equal((await running.close()).code, 0);
  },
  "--print-config, and starting what it prints": async (command) => {
    const env = { PRELUDE_APP_ID: app, PRELUDE_AUDIT_LOG: "audit.jsonl" };
    const { out } = await runCli(["--print-config", "cursor", "--sandbox"], env, command);
    const block = JSON.parse(out.slice(out.indexOf("{"), out.lastIndexOf("}") + 1));
    const entry = block.mcpServers["prelude-profile"];
    assert.match(entry.command, /^[A-Z]:\\.*\\node\.exe$/i);
    assert.deepEqual(entry.args, [server, "--sandbox"]);
    assert.equal(entry.env.PRELUDE_AUDIT_LOG, `${windowsFolder}\\audit.jsonl`);
    const { code, err } = await runCli(entry.args, entry.env, command.slice(0, -1));
    assert.deepEqual({ code, err }, { code: 0, err: "" });
  },
  "--print-config in the words of PowerShell": async (command) => {
    const { out, err } = await runCli(["--print-config", "claude-code"], {}, command);
    const printed = out + err;
    const words = /^claude mcp add .*'PRELUDE_API_KEY=\$\{PRELUDE_API_KEY\}'.* '--' '[CZ]:\\/m;
    assert.match(printed, words);
    assert.match(printed, /Read-Host/);
  },
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
  const underWine = resolve("scripts", "windows", "under-wine.cjs");
  const settings = Object.entries({ ...wineEnv, WINE_FOLDER: windowsFolder });
  const settled = ["env", ...settings.map((setting) => setting.join("="))];
  const results: boolean[] = [];
  for (const version of nodes) {
    const node = await windowsNode(version);
    const command = [...settled, process.execPath, underWine, node, server];
    for (const [name, step] of Object.entries(steps))
      results.push(await tell(`Node ${version}  ${name}`, () => step(command)));
  }
  return results.every(Boolean) ? 0 : 1;
};

process.exitCode = await main();
