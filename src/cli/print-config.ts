import { realpathSync } from "node:fs";
import { type Config, readConfig } from "../config/config.ts";
import { nearest } from "../config/did-you-mean.ts";
import { readSmallFile } from "../config/key.ts";
import { rows } from "../config/settings.ts";
import { name as packageName, published, version } from "../lib/package.wire.ts";
import { formatHostConfig, printConfig } from "./host-config.ts";
import { type HostName, hostNames, isHostName, secretName } from "./hosts.ts";
import { type Launch, type Place, programOf } from "./launch.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const networkNames = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS"];

/** The variables that the network needs here and that most hosts do not hand on by themselves. */
const networkNote = (env: Environment): string[] => {
  const given = networkNames.filter((each) => (env[each] ?? env[each.toLowerCase()] ?? "") !== "");
  if (given.length === 0) return [];
  return [
    `Set here, and wanted beside the settings too if the network needs it: ${given.join(", ")}`,
  ];
};

/** The settings that differ from their defaults, as they were given; paths made absolute. */
const settingsOf = (config: Config, defaults: Config, env: Environment): Record<string, string> => {
  const fields = Object.keys(rows) as (keyof Config)[];
  const given = fields.flatMap((field): [string, string][] => {
    const { name } = rows[field];
    const same = JSON.stringify(config[field]) === JSON.stringify(defaults[field]);
    if (same || field === "apiKey" || field === "apiKeyFile") return [];
    // A path is absolute by now: the host stands in another folder.
    return [[name, field === "auditLog" ? String(config[field]) : (env[name] ?? "").trim()]];
  });
  return Object.fromEntries(given);
};

/** Names of settings into which the key was put by mistake: what is printed may be shared. */
const misplacedKey = (settings: Record<string, string>, key: string | undefined): string[] =>
  Object.entries(settings)
    .filter(([, value]) => key !== undefined && value.split(",").includes(key))
    .map(([setting]) => `${setting} holds the API key, which belongs into ${secretName} only`);

const keyOf = (sandbox: boolean, file: string | undefined): Launch["key"] => {
  if (sandbox) return "none";
  return file === undefined ? "variable" : "file";
};

/** The host that was named, however it is spelt: `Claude Code`, `claude_code`. */
const hostNamed = (text: string): { host: HostName } | { problem: string } => {
  const host = text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, "-");
  if (isHostName(host)) return { host };
  const near = nearest(host, hostNames, (distance) => distance <= Math.min(3, host.length / 2));
  const hint = near ? `; did you mean ${near}?` : "";
  return { problem: `--print-config takes one of ${hostNames.join(", ")}${hint}` };
};

/** This process, for `describeHost`. */
export const here = (): Place => ({
  platform: process.platform,
  node: process.execPath,
  script: process.argv[1] ?? "",
  searchPath: process.env.PATH,
  realpath: realpathSync,
});

/**
 * What `--print-config HOST` prints, or every reason why it cannot: a block with settings that stop
 * the start would be of no use.
 */
export const describeHost = (
  name: string,
  sandbox: boolean,
  env: Environment,
  place: Place,
): { text: string; problems?: never } | { problems: string[]; text?: never } => {
  const named = hostNamed(name);
  if ("problem" in named) return { problems: [named.problem] };
  const { config, problems, warnings } = readConfig(env, readSmallFile);
  const { config: defaults } = readConfig({}, () => "");
  if (!config || !defaults) return { problems: problems ?? [] };
  const program = programOf(place, { name: packageName, version, published });
  const keyFile = sandbox ? undefined : config.apiKeyFile;
  const settings = settingsOf(config, defaults, env);
  const misplaced = misplacedKey(settings, config.apiKey);
  if (misplaced.length > 0) return { problems: misplaced };
  if (keyFile !== undefined) settings.PRELUDE_API_KEY_FILE = keyFile;
  const launch: Launch = {
    command: program.command,
    args: sandbox ? [...program.args, "--sandbox"] : program.args,
    env: settings,
    key: keyOf(sandbox, keyFile),
    shell: place.platform === "win32" ? "powershell" : "posix",
  };
  const printed = printConfig(named.host, launch);
  const network = sandbox ? [] : networkNote(env);
  const all = { ...printed, notes: [...printed.notes, ...network, ...warnings] };
  return { text: formatHostConfig(all) };
};
