/** How a host starts the server. */
export type Launch = {
  command: string;
  args: readonly string[];
  /** Settings that are not secret, such as PRELUDE_APP_ID. */
  env: Readonly<Record<string, string>>;
  /** The variable that holds the key. Undefined: the server needs none (`--sandbox`). */
  secret?: typeof secretName | undefined;
};

export type HostConfig = {
  host: HostName;
  title: string;
  /** The file or place to paste into, in words. */
  where: string;
  format: "json" | "toml" | "yaml";
  block: string;
  /** Does the same from a shell, where the host has a command for it. */
  command?: string;
  /** Does the same with one click, where the host has a link for it. */
  link?: string;
  notes: string[];
};

type Server = { command: string; args: readonly string[]; env: Record<string, string> };
type Render = (server: Server, secrets: readonly string[]) => string;

type Host = Pick<HostConfig, "title" | "where"> & {
  format?: HostConfig["format"];
  /** What stands for the key in `env`. Undefined: the host takes the names of variables to pass on. */
  reference?: (name: string) => string;
  block: Render;
  command?: Render;
  link?: Render;
  /** Left out where no key is needed. */
  keyNotes: readonly string[];
  notes?: readonly string[];
};

const secretName = "PRELUDE_API_KEY";
const serverKey = "prelude-profile";

export const defaultLaunch: Launch = {
  command: "npx",
  args: ["-y", "prelude-profile-mcp"],
  env: {},
  secret: secretName,
};

const json = (value: unknown): string => JSON.stringify(value, null, 2);
const mcpServers = (server: object): string => json({ mcpServers: { [serverKey]: server } });
const stdio = (server: Server) => ({ type: "stdio", ...server });

// Encoded twice: a bare "+" in a query string reads as a space.
const base64 = (value: unknown): string =>
  encodeURIComponent(Buffer.from(JSON.stringify(value)).toString("base64"));

// JSON quoting is TOML and YAML quoting too, save for controls that JSON leaves bare and they refuse.
const quote = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
const list = (texts: readonly string[]): string => `[${texts.map(quote).join(", ")}]`;
const map = (entries: Record<string, string>, separator: string): string =>
  `{${Object.entries(entries).map((pair) => pair.map(quote).join(separator))}}`;

const shell = (words: readonly string[]): string => {
  const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(" ");
};
const mcpAdd = (program: string, { command, args, env }: Server, ...separator: string[]) => {
  const flags = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  // `--env` takes all the words up to the next flag: next to the name, it would swallow the name.
  const words = [...flags, "--scope", "user", serverKey, ...separator, command, ...args];
  return shell([program, "mcp", "add", ...words]);
};

const vscodeInput = {
  type: "promptString",
  id: "prelude-api-key",
  description: "Prelude management API key",
  password: true,
};
const vscodeInputs = (secrets: readonly string[]) => secrets.map(() => vscodeInput);
const vscodeServer: Render = (server, secrets) =>
  JSON.stringify({ name: serverKey, ...stdio(server), inputs: vscodeInputs(secrets) });

const exported = `Set ${secretName} in the environment that the program starts from.`;
/** The host replaces a reference by a variable of its own environment. */
const byBraces = { reference: (name: string) => `\${${name}}`, keyNotes: [exported] };
const byEnvBraces = {
  reference: (name: string) => `\${env:${name}}`,
  keyNotes: [`${exported} Opened from a dock or menu, it may not see what your shell exports.`],
};
/** The host knows no references. The placeholder has a form that the server takes for "not set". */
const byHand = {
  reference: (name: string) => `\${PASTE_YOUR_${name}}`,
  keyNotes: [
    `Replace \${PASTE_YOUR_${secretName}} by the key; until then each call answers not_configured.`,
    `To keep the key out of this file, give PRELUDE_API_KEY_FILE, a path, instead of ${secretName}.`,
  ],
};

const hosts = {
  /** https://modelcontextprotocol.io/docs/develop/connect-local-servers; expands no variables. */
  "claude-desktop": {
    title: "Claude Desktop",
    where: "claude_desktop_config.json (Settings > Developer > Edit Config), then restart the app",
    ...byHand,
    block: mcpServers,
    notes: ["Or open the .mcpb bundle: one click, and the key goes to the system's keychain."],
  },
  /** https://code.claude.com/docs/en/mcp#environment-variable-expansion-in-mcp-json */
  "claude-code": {
    title: "Claude Code",
    where: ".mcp.json in the project (shared with everybody who works on it)",
    ...byBraces,
    block: (server) => mcpServers(stdio(server)),
    command: (server) => mcpAdd("claude", server, "--"),
    keyNotes: [exported, "The desktop app may not expand it; there, give PRELUDE_API_KEY_FILE."],
    notes: ["On Windows outside WSL, npx needs a wrapper: cmd /c npx ..."],
  },
  /** https://cursor.com/docs/mcp#config-interpolation, https://cursor.com/docs/mcp/install-links */
  cursor: {
    title: "Cursor",
    where: "~/.cursor/mcp.json (every project) or .cursor/mcp.json (one project)",
    ...byEnvBraces,
    block: (server) => mcpServers(stdio(server)),
    link: (server) =>
      `cursor://anysphere.cursor-deeplink/mcp/install?name=${serverKey}&config=${base64(stdio(server))}`,
  },
  /**
   * https://code.visualstudio.com/docs/copilot/reference/mcp-configuration. The link and `--add-mcp`
   * take `inputs` too: microsoft/vscode, `handleMcpInstallUri` and `McpManagementCli`.
   */
  vscode: {
    title: "VS Code",
    where: '.vscode/mcp.json (one workspace) or "MCP: Open User Configuration" (all of them)',
    reference: () => `\${input:${vscodeInput.id}}`,
    block: (server, secrets) =>
      json({ inputs: vscodeInputs(secrets), servers: { [serverKey]: stdio(server) } }),
    command: (...of) => shell(["code", "--add-mcp", vscodeServer(...of)]),
    link: (...of) => `vscode:mcp/install?${encodeURIComponent(vscodeServer(...of))}`,
    keyNotes: ["VS Code asks for the key when it first starts the server, and stores it securely."],
  },
  /** https://docs.windsurf.com/windsurf/cascade/mcp#config-interpolation */
  windsurf: {
    title: "Windsurf",
    where: "~/.codeium/windsurf/mcp_config.json, then press refresh in the MCP panel",
    ...byEnvBraces,
    block: mcpServers,
  },
  /** https://zed.dev/docs/ai/mcp; expands no variables (zed-industries/zed#60459). */
  zed: {
    title: "Zed",
    where: "settings.json (~/.config/zed/settings.json on macOS and Linux)",
    ...byHand,
    block: (server) => json({ context_servers: { [serverKey]: server } }),
  },
  /**
   * https://developers.openai.com/codex/mcp. No command: `codex mcp add` has no flag for `env_vars`,
   * nor for the approval mode (openai/codex#25442).
   */
  codex: {
    title: "Codex",
    where: "~/.codex/config.toml",
    format: "toml",
    block: ({ command, args, env }, secrets) =>
      `[mcp_servers.${serverKey}]
command = ${quote(command)}
args = ${list(args)}
env = ${map(env, " = ")}
env_vars = ${list(secrets)}
# With approvals off, Codex refuses a destructive tool unless this is set.
default_tools_approval_mode = "approve"`,
    keyNotes: [exported],
    notes: ["Delete the last line to be asked before a write instead."],
  },
  /**
   * google-gemini/gemini-cli, docs/tools/mcp-server.md. `$NAME` works as well; left unexpanded,
   * only the braced form is "not set" to the server.
   */
  "gemini-cli": {
    title: "Gemini CLI",
    where: "~/.gemini/settings.json (every project) or .gemini/settings.json (one project)",
    ...byBraces,
    block: mcpServers,
    command: (server) => mcpAdd("gemini", server),
    notes: ["Gemini CLI starts no MCP server in a folder that you have not trusted."],
  },
  /** https://block.github.io/goose/docs/guides/config-files#extensions-configuration */
  goose: {
    title: "Goose",
    where: "~/.config/goose/config.yaml (Windows: %APPDATA%\\Block\\goose\\config\\config.yaml)",
    format: "yaml",
    block: ({ command, args, env }, secrets) =>
      `extensions:
  ${serverKey}:
    enabled: true
    type: stdio
    name: ${serverKey}
    description: Update a user's profile in Prelude
    cmd: ${quote(command)}
    args: ${list(args)}
    envs: ${map(env, ": ")}
    env_keys: ${list(secrets)}
    timeout: 300`,
    keyNotes: [`Goose reads ${secretName} from its environment, or else from its secret store.`],
  },
  /** https://lmstudio.ai/docs/app/mcp ("follows Cursor's notation"), https://lmstudio.ai/docs/app/mcp/deeplink */
  "lm-studio": {
    title: "LM Studio",
    where: "mcp.json (Program > Install > Edit mcp.json)",
    ...byHand,
    block: mcpServers,
    link: (server) => `lmstudio://add_mcp?name=${serverKey}&config=${base64(server)}`,
  },
  /** https://www.jetbrains.com/help/ai-assistant/mcp.html */
  jetbrains: {
    title: "JetBrains AI Assistant",
    where: "Settings > Tools > AI Assistant > Model Context Protocol (MCP) > Add, as JSON",
    ...byHand,
    block: mcpServers,
  },
} satisfies Record<string, Host>;

export type HostName = keyof typeof hosts;

export const hostNames = Object.keys(hosts) as readonly HostName[];

export const isHostName = (name: string): name is HostName => Object.hasOwn(hosts, name);

/**
 * What to paste into a host so that it starts this server, in the form that the host's own
 * documentation gives (the address is next to each host above). Never holds a key.
 *
 * @throws where the name is not one of `hostNames`; the message lists them
 */
export const printConfig = (host: HostName, launch: Launch = defaultLaunch): HostConfig => {
  if (!isHostName(host)) throw new Error(`Unknown host. Known: ${hostNames.join(", ")}.`);
  const { format = "json", title, where, reference, ...row }: Host = hosts[host];
  const { command, args, secret } = launch;
  const secrets = secret === undefined ? [] : [secret];
  const settings = Object.entries(launch.env).filter(([name]) => name !== secretName);
  const references = reference ? secrets.map((name) => [name, reference(name)]) : [];
  const server = { command, args, env: Object.fromEntries([...settings, ...references]) };
  return {
    ...{ host, title, where, format, block: row.block(server, secrets) },
    ...(row.command && { command: row.command(server, secrets) }),
    ...(row.link && { link: row.link(server, secrets) }),
    notes: [...(secrets.length > 0 ? row.keyNotes : []), ...(row.notes ?? [])],
  };
};

/** Plain text for a terminal. The block, the command and the link each stand alone between blank lines. */
export const formatHostConfig = (config: HostConfig): string => {
  const { title, where, block, command, link, notes } = config;
  return [
    `${title}\nAdd to ${where}:`,
    block,
    ...(command === undefined ? [] : ["Or run:", command]),
    ...(link === undefined ? [] : ["Or open:", link]),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join("\n")]),
  ].join("\n\n");
};
