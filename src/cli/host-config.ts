import { type Host, type HostName, hosts, promptInput, secretName } from "./hosts.ts";
import type { Launch } from "./launch.ts";
import { base64, commandLine, inlineList, inlineMap, json, quoted } from "./render.ts";

type Links = { own: string; web: string };

export type HostConfig = {
  host: HostName;
  title: string;
  where: string;
  format: Host["format"];
  block: string;
  /** Does the same from a shell, where the host has a command for it. */
  command?: string;
  /** Do the same with one click, where the host has a link for it. */
  links?: Links;
  notes: string[];
};

type Server = { command: string; args: readonly string[]; env: Record<string, string> };
/** What a block is made of. */
type Parts = { root: string; server: Server; typed: boolean; passedOn: string[]; inputs: object[] };

const serverKey = "prelude-profile";

const entryOf = ({ server, typed }: Parts) => (typed ? { type: "stdio", ...server } : server);

const jsonBlock = (parts: Parts): string => {
  const servers = { [parts.root]: { [serverKey]: entryOf(parts) } };
  return json(parts.inputs.length > 0 ? { inputs: parts.inputs, ...servers } : servers);
};

const codexBlock = ({ root, server, passedOn }: Parts): string =>
  `[${root}.${serverKey}]
command = ${quoted(server.command)}
args = ${inlineList(server.args)}
env = ${inlineMap(server.env, " = ")}
env_vars = ${inlineList(passedOn)}
# Codex waits 10 s unless told otherwise; a first npx may have to download.
startup_timeout_sec = 60
# Codex asks before each call. With the line below instead nobody is asked: what the agent wants
# to write is written. Where Codex runs without a person it refuses the tool otherwise.
default_tools_approval_mode = "prompt"
# default_tools_approval_mode = "approve"`;

const gooseBlock = ({ root, server, passedOn }: Parts): string =>
  `${root}:
  ${serverKey}:
    enabled: true
    type: stdio
    name: ${serverKey}
    description: Update a user's profile in Prelude
    cmd: ${quoted(server.command)}
    args: ${inlineList(server.args)}
    envs: ${inlineMap(server.env, ": ")}
    env_keys: ${inlineList(passedOn)}
    timeout: 300`;

const blocks: Record<Host["format"], (parts: Parts) => string> = {
  json: jsonBlock,
  toml: codexBlock,
  yaml: gooseBlock,
};

const mcpAdd = (program: string, { command, args, env }: Server, separator: string[]): string[] => {
  const flags = Object.entries(env).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
  // `--env` takes all the words up to the next flag: next to the name, it would swallow the name.
  const scope = ["--scope", "user"];
  return [program, "mcp", "add", ...flags, ...scope, serverKey, ...separator, command, ...args];
};

const vscodeServer = (parts: Parts): string =>
  JSON.stringify({ name: serverKey, ...entryOf(parts), inputs: parts.inputs });

const commands: Record<NonNullable<Host["command"]>, (parts: Parts) => string[]> = {
  claude: ({ server }) => mcpAdd("claude", server, ["--"]),
  gemini: ({ server }) => mcpAdd("gemini", server, []),
  code: (parts) => ["code", "--add-mcp", vscodeServer(parts)],
};

const vscodeQuery = (parts: Parts): string => {
  const inputs = encodeURIComponent(JSON.stringify(parts.inputs));
  return `name=${serverKey}&inputs=${inputs}&config=${encodeURIComponent(JSON.stringify(entryOf(parts)))}`;
};
const encodedQuery = (parts: Parts): string => `name=${serverKey}&config=${base64(entryOf(parts))}`;

/**
 * The host's own scheme, which stays on this machine, and the page that leads to it, which a README
 * needs: https://cursor.com/docs/mcp/install-links, https://lmstudio.ai/docs/app/mcp/deeplink.
 */
const links: Record<NonNullable<Host["link"]>, (parts: Parts) => Links> = {
  cursor: (parts) => ({
    own: `cursor://anysphere.cursor-deeplink/mcp/install?${encodedQuery(parts)}`,
    web: `https://cursor.com/install-mcp?${encodedQuery(parts)}`,
  }),
  vscode: (parts) => ({
    own: `vscode:mcp/install?${encodeURIComponent(vscodeServer(parts))}`,
    web: `https://vscode.dev/redirect/mcp/install?${vscodeQuery(parts)}`,
  }),
  lmstudio: (parts) => ({
    own: `lmstudio://add_mcp?${encodedQuery(parts)}`,
    web: `https://lmstudio.ai/install-mcp?${encodedQuery(parts)}`,
  }),
};

const partsOf = (row: Host, launch: Launch): Parts => {
  const { reference } = row.key;
  const keyed = launch.key === "variable";
  const env = { ...launch.env };
  delete env[secretName];
  if (keyed && reference !== undefined) env[secretName] = reference;
  const asks = keyed && reference?.includes(promptInput.id);
  return {
    root: row.root,
    server: { command: launch.command, args: launch.args, env },
    typed: row.typed === true,
    passedOn: keyed && reference === undefined ? [secretName] : [],
    inputs: asks ? [promptInput] : [],
  };
};

const keyNotes = (row: Host, launch: Launch): string[] => {
  if (launch.key === "variable") return row.key.notes(launch.shell);
  if (launch.key === "none") return ["The sandbox needs no key and changes nothing real."];
  return ["The server reads the key from the file that PRELUDE_API_KEY_FILE names."];
};

/**
 * What to paste into a host so that it starts this server, in the form that the host's own
 * documentation gives (the address is next to each row of `hosts`). Never holds a key.
 */
export const printConfig = (host: HostName, launch: Launch): HostConfig => {
  const row: Host = hosts[host];
  const parts = partsOf(row, launch);
  const config: HostConfig = {
    host,
    title: row.title,
    where: row.where,
    format: row.format,
    block: blocks[row.format](parts),
    notes: [...keyNotes(row, launch), ...(row.notes ?? [])],
  };
  const words = row.command && commands[row.command](parts);
  // Windows' own PowerShell takes the quotes out of JSON that it hands to a program.
  const isJson = row.command === "code" && launch.shell === "powershell";
  if (words && !isJson) config.command = commandLine(words, launch.shell);
  if (row.link) config.links = links[row.link](parts);
  return config;
};

/** Plain text for a terminal. The block, the command and the link each stand alone between blank lines. */
export const formatHostConfig = (config: HostConfig): string => {
  const { title, where, block, command, links, notes } = config;
  const pieces = [`${title}\nAdd to ${where}:`, block];
  if (command !== undefined) pieces.push("Or run:", command);
  if (links !== undefined) pieces.push("Or open from the address bar of a browser:", links.own);
  pieces.push(notes.map((note) => `- ${note}`).join("\n"));
  return pieces.join("\n\n");
};
