import { existsSync, realpathSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { type Config, readConfig } from "../config/config.ts";
import { nearest } from "../config/names.ts";
import { configKeys, rows } from "../config/settings.ts";
import { name as packageName, published, version } from "../lib/package.wire.ts";
import { type Launch, printConfig } from "./host-config.ts";
import { type HostName, hostNames } from "./hosts.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const networkNames = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS"];

/** The variables that the network needs here and that most hosts do not hand on by themselves. */
const networkNote = (env: Environment): string[] => {
  const given = networkNames.filter((each) => env[each] || env[each.toLowerCase()]);
  if (given.length === 0) return [];
  return [
    `Set here, and wanted beside the settings too if the network needs it: ${given.join(", ")}`,
  ];
};

/** The settings that differ from their defaults, as they were given; paths made absolute. */
const settingsOf = (config: Config, env: Environment): Record<string, string> => {
  const defaults = readConfig({}).config;
  const given = configKeys.filter(
    (key) => key !== "apiKey" && JSON.stringify(config[key]) !== JSON.stringify(defaults?.[key]),
  );
  // A path is absolute by now: the host stands in another folder.
  const isPath = (key: keyof Config) => key === "auditLog" || key === "apiKeyFile";
  return Object.fromEntries(
    given.map((key) => {
      const { name } = rows[key];
      return [name, isPath(key) ? String(config[key]) : (env[name] ?? "").trim()];
    }),
  );
};

/** The host that was named, however it is spelt: `Claude Code`, `claude_code`. */
const hostNamed = (text: string): { host: HostName } | { problem: string } => {
  const spelt = text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, "-");
  const host = hostNames.find((each) => each === spelt);
  if (host !== undefined) return { host };
  const near = nearest(spelt, hostNames, Math.min(3, spelt.length / 2));
  const hint = near ? `; did you mean ${near}?` : "";
  return { problem: `--print-config takes one of ${hostNames.join(", ")}${hint}` };
};

/** Folders that one shell makes for itself and that are gone with it. */
const shortLived = /fnm_multishells|[\\/](?:tmp|temp)[\\/]/i;

/**
 * An absolute path of the Node that runs now. A bare `node` would be missing wherever a host was
 * opened from a dock and did not inherit the PATH of a shell. Of several paths to the same program
 * the first one in PATH wins: package managers keep it when they upgrade Node.
 */
const nodePath = ({ PATH = "" }: Environment): string => {
  const real = realpathSync(process.execPath);
  const stable = PATH.split(delimiter)
    .filter((folder) => isAbsolute(folder) && !shortLived.test(folder))
    .map((folder) => join(folder, process.platform === "win32" ? "node.exe" : "node"))
    .find((candidate) => existsSync(candidate) && realpathSync(candidate) === real);
  return stable ?? process.execPath;
};

/**
 * What starts this very server again, from any folder: the exact version from npm where it is
 * published and runs from there, and otherwise this Node and the built file.
 */
const programOf = (env: Environment): string[] => {
  const script = realpathSync(process.argv[1] ?? "");
  const isInstalled = script.replaceAll("\\", "/").includes(`/node_modules/${packageName}/`);
  if (!published || !isInstalled) return [nodePath(env), script];
  const npx = ["npx", "-y", `${packageName}@${version}`];
  // On Windows `npx` is a script, which most hosts can start through its shell only.
  return process.platform === "win32" ? ["cmd", "/c", ...npx] : npx;
};

const launchOf = (config: Config, sandbox: boolean, env: Environment): Launch => {
  const [command = "", ...args] = programOf(env);
  const { PRELUDE_API_KEY_FILE: file, ...settings } = settingsOf(config, env);
  const shell = process.platform === "win32" ? "powershell" : "posix";
  if (sandbox) return { command, args: [...args, "--sandbox"], env: settings, key: "none", shell };
  if (file === undefined) return { command, args, env: settings, key: "variable", shell };
  return { command, args, env: { ...settings, PRELUDE_API_KEY_FILE: file }, key: "file", shell };
};

/** The block alone, for stdout, and the words around it, for stderr. */
type Printed = { block: string; words: { before: string; behind: string }; problems?: never };
type Refused = { problems: string[]; block?: never; words?: never };

/**
 * What `--print-config HOST` prints, or every reason why it cannot: a block with settings that stop
 * the start would be of no use.
 */
export const describeHost = (
  name: string,
  sandbox: boolean,
  env: Environment,
): Printed | Refused => {
  const named = hostNamed(name);
  if ("problem" in named) return { problems: [named.problem] };
  const { config, problems, warnings } = readConfig(env);
  if (!config) return { problems };
  const printed = printConfig(named.host, launchOf(config, sandbox, env));
  const { title, where, block, command } = printed;
  const run = command === undefined ? "Add" : `Run:\n\n${command}\n\nOr add`;
  const notes = [...printed.notes, ...(sandbox ? [] : networkNote(env)), ...warnings];
  const before = `${title}\n${run} to ${where}:\n\n`;
  return { block, words: { before, behind: `\n${notes.map((note) => `- ${note}\n`).join("")}` } };
};
