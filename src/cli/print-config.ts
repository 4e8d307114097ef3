import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { type Config, type Environment, readConfig } from "../config/config.ts";
import { nearest } from "../config/names.ts";
import { configKeys, rows } from "../config/settings.ts";
import { name as packageName, published, version } from "../lib/package.wire.ts";
import { type Launch, printConfig } from "./host-config.ts";
import { hostNames, hosts } from "./hosts.ts";

/** The variables that the network needs here and that most hosts do not hand on by themselves. */
const networkNote = (env: Environment): string[] => {
  const names = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS"];
  const given = names.filter((each) => env[each] || env[each.toLowerCase()]).join(", ");
  if (given === "") return [];
  return [`Few clients pass these on; if the network needs them, add them to env: ${given}`];
};

/** Folders that one shell makes for itself and that are gone with it. */
const shortLived = /fnm_multishells|[\\/](?:tmp|temp)[\\/]/i;

/**
 * An absolute path of the Node that runs now, since a host that was opened from a dock has not the
 * PATH of a shell: the first one in PATH, which package managers keep when they upgrade Node.
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

/** With the settings that differ from their defaults; paths are absolute by now. */
const launchOf = (config: Config, sandbox: boolean, env: Environment): Launch => {
  const [command = "", ...args] = programOf(env);
  const { config: defaults } = readConfig({});
  const leftOut = sandbox ? ["apiKey", "apiKeyFile"] : ["apiKey"];
  const given = configKeys.filter(
    (key) => !leftOut.includes(key) && String(config[key]) !== String(defaults?.[key]),
  );
  const keyFrom = config.apiKeyFile === undefined ? "variable" : "file";
  return {
    command,
    args: sandbox ? [...args, "--sandbox"] : args,
    env: Object.fromEntries(given.map((key) => [rows[key].name, String(config[key])])),
    key: sandbox ? "none" : keyFrom,
    shell: process.platform === "win32" ? "powershell" : "posix",
  };
};

/**
 * What `--print-config HOST` prints, the entry to stdout and the words around it to stderr, or every
 * reason why it cannot: an entry with settings that stop the start would be of no use.
 */
export const describeHost = (name: string, sandbox: boolean, env: Environment) => {
  const spelt = name
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, "-");
  const host = hostNames.find((each) => each === spelt);
  if (host === undefined) {
    const near = nearest(spelt, hostNames, Math.min(3, spelt.length / 2));
    const hint = near ? `; did you mean ${near}?` : "";
    return { problems: [`--print-config takes one of ${hostNames.join(", ")}${hint}`] };
  }
  const { config, problems, warnings } = readConfig(env);
  if (!config) return { problems };
  const { entry, command, notes } = printConfig(host, launchOf(config, sandbox, env));
  const { title, where } = hosts[host];
  const run = command === undefined ? "Add" : `Run:\n\n${command}\n\nOr add`;
  const { auditLog } = config;
  if (auditLog !== undefined && !existsSync(dirname(auditLog))) {
    warnings.push("PRELUDE_AUDIT_LOG's folder is missing: no start.");
  }
  const all = [...notes, ...(sandbox ? [] : networkNote(env)), ...warnings];
  return {
    entry,
    before: `${title}\n${run} the entry (on stdout) to ${where}:\n\n`,
    behind: `\n${all.map((note) => `- ${note}\n`).join("")}`,
  };
};
