import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Ended = { code: number | null; stdout: string; stderr: string };

type Options = { cwd?: string; env?: Record<string, string>; shell?: boolean };

/** Runs a program to its end. */
export const run = (program: string, args: readonly string[], options: Options = {}) =>
  new Promise<Ended>((resolve, reject) => {
    const words = options.shell ? args.map((word) => `"${word}"`) : args;
    const child = spawn(program, words, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });

/** Runs a program that must succeed, and gives its stdout. */
export const succeed = async (
  program: string,
  args: readonly string[],
  options: Options = {},
): Promise<string> => {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
};

/** Commands of npm packages are scripts on Windows, which only a shell can start. */
export const shell = process.platform === "win32";

export const npm = (args: readonly string[], cwd: string): Promise<string> =>
  succeed("npm", args, { cwd, shell });

/** A folder that is gone after `remove`. Its name has a space, as many real ones do. */
export const temporaryFolder = () => {
  const path = mkdtempSync(join(tmpdir(), "prelude profile "));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};
