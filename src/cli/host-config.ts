import { type Host, type HostName, hosts, pasteHere, secretName } from "./hosts.ts";

export type Launch = {
  command: string;
  args: readonly string[];
  /** Settings that are not secret, such as PRELUDE_APP_ID, and the path of the key's file. */
  env: Readonly<Record<string, string>>;
  /** How the key arrives: in a variable, from the file that `env` names, or none is needed. */
  key: "variable" | "file" | "none";
  /** The shell of the person who reads what is printed. */
  shell: keyof typeof shells;
};

/** What an entry is made of; `passedOn` are names of variables. */
type Parts = {
  root: string;
  server: Pick<Launch, "command" | "args" | "env"> & { type?: "stdio" };
  passedOn: string[];
  inputs: object[];
};

const serverKey = "prelude-profile";

/** A string of TOML and of YAML: JSON's quoting, save for controls that JSON leaves bare and they refuse. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);

const inlineList = (texts: readonly string[]): string => `[${texts.map(quoted).join(", ")}]`;

/** A map in one line; `separator` is `" = "` for TOML and `": "` for YAML. */
const inlineMap = (entries: Readonly<Record<string, string>>, separator: string): string => {
  const pairs = Object.entries(entries).map((pair) => pair.map(quoted).join(separator));
  return `{${pairs.join(", ")}}`;
};

const entries: Record<"json" | "toml" | "yaml", (parts: Parts) => string> = {
  json: ({ root, server, inputs }) => {
    const servers = { [root]: { [serverKey]: server } };
    return JSON.stringify(inputs.length > 0 ? { inputs, ...servers } : servers, null, 2);
  },
  toml: ({ root, server, passedOn }) =>
    `[${root}.${serverKey}]
command = ${quoted(server.command)}
args = ${inlineList(server.args)}
env = ${inlineMap(server.env, " = ")}
env_vars = ${inlineList(passedOn)}
# Codex waits 10 s unless told otherwise, little for a busy machine or a first download.
startup_timeout_sec = 60
# Codex asks before each call. With the line below instead nobody is asked: what the agent wants
# to write is written. Where Codex runs without a person it refuses the tool otherwise.
default_tools_approval_mode = "prompt"
# default_tools_approval_mode = "approve"`,
  yaml: ({ root, server, passedOn }) =>
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
    timeout: 300`,
};

/** How a word is quoted, how the key gets into a variable, and how a file takes its place. */
const shells = {
  posix: {
    quote: (word: string) =>
      /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
    typeIt: `In a shell: read -rs ${secretName} && export ${secretName}`,
    file: "PRELUDE_API_KEY_FILE=/path/of/the/key before this command gives an entry that names the file.",
  },
  powershell: {
    // PowerShell gives a bare "--" a meaning of its own and splits a bare word at a comma.
    quote: (word: string) =>
      /^[\w=:./-]+$/.test(word) && word !== "--" ? word : `'${word.replaceAll("'", "''")}'`,
    typeIt: `In a shell: $env:${secretName} = Read-Host "Prelude API key"`,
    file: '$env:PRELUDE_API_KEY_FILE = "C:\\path\\of\\the\\key" before this command gives an entry that names the file.',
  },
};

const commandWords = (
  program: NonNullable<Host["command"]>,
  { server, inputs }: Parts,
  shell: Launch["shell"],
): string[] | undefined => {
  if (program === "code") {
    // Windows' own PowerShell takes the quotes out of JSON that it hands to a program.
    const json = JSON.stringify({ name: serverKey, ...server, inputs });
    return shell === "powershell" ? undefined : [program, "--add-mcp", json];
  }
  const { command, args, env } = server;
  const flags = Object.entries(env).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
  // `--env` takes all the words up to the next flag: next to the name, it would swallow the name.
  const named = [program, "mcp", "add", ...flags, "--scope", "user", serverKey];
  return [...named, ...(program === "claude" ? ["--"] : []), command, ...args];
};

const keyNotes = ({ reference, inputs, otherwise }: Host, { key, shell }: Launch): string[] => {
  if (key === "none") return ["The sandbox needs no key and changes nothing real."];
  if (key === "file") {
    return ["The server reads the key from the file that PRELUDE_API_KEY_FILE names."];
  }
  if (inputs) {
    return ["VS Code asks for the key when it first starts the server, and stores it securely."];
  }
  const { typeIt, file } = shells[shell];
  if (reference === pasteHere) {
    return [
      `Replace the whole text ${pasteHere} by the key; until then each call answers not_configured.`,
      `To keep the key out of this file: ${file}`,
    ];
  }
  return [
    `The key comes from the variable ${secretName} of the program's environment. ${typeIt}`,
    otherwise ??
      `Opened from a dock or a menu, it may not see what your shell exports; a file holds the key for it as well: ${file}`,
  ];
};

export const printConfig = (host: HostName, launch: Launch) => {
  const row = hosts[host];
  const { reference, inputs = [], note } = row;
  const { command, args, key, shell } = launch;
  const env = { ...launch.env };
  if (key === "variable" && reference !== undefined) env[secretName] = reference;
  const server = { command, args, env };
  const parts: Parts = {
    root: row.root ?? "mcpServers",
    server: row.typed ? { type: "stdio", ...server } : server,
    passedOn: key === "variable" && reference === undefined ? [secretName] : [],
    inputs: key === "variable" ? inputs : [],
  };
  const words = row.command && commandWords(row.command, parts, shell);
  return {
    entry: entries[row.format ?? "json"](parts),
    command: words?.map(shells[shell].quote).join(" "),
    notes: [...keyNotes(row, launch), ...(note === undefined ? [] : [note])],
  };
};
