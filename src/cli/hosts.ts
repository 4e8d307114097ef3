import type { Shell } from "./render.ts";

export const secretName = "PRELUDE_API_KEY";

const typeIt: Record<Shell, string> = {
  posix: `In a shell: read -rs ${secretName} && export ${secretName}`,
  powershell: `In a shell: $env:${secretName} = Read-Host "Prelude API key"`,
};
const fromDock: Record<Shell, string> = {
  posix:
    "Opened from a dock or a menu, it may not see what your shell exports; a file holds the key for it as well:",
  powershell: `For programs that the Start menu opens: [Environment]::SetEnvironmentVariable("${secretName}", (Read-Host "Prelude API key"), "User"), then start them anew. A file holds the key as well:`,
};
const fromFile: Record<Shell, string> = {
  posix:
    "PRELUDE_API_KEY_FILE=/path/of/the/key before this command gives a block that names the file.",
  powershell:
    '$env:PRELUDE_API_KEY_FILE = "C:\\path\\of\\the\\key" before this command gives a block that names the file.',
};

/** How a host hands over a secret. */
type KeyWay = {
  /** What stands for the key in `env`. Undefined: the host takes the names of variables to pass on. */
  reference?: string;
  notes: (shell: Shell) => string[];
};

/** The placeholder that the server takes for "not set", should nobody replace it. */
export const pasteHere = `PASTE_YOUR_${secretName}_HERE`;

/** VS Code's prompt for the key. */
export const promptInput = {
  type: "promptString",
  id: "prelude-api-key",
  description: "Prelude management API key",
  password: true,
};

const inShell = (shell: Shell): string[] => [
  `The key comes from the variable ${secretName} of the shell that starts the program. ${typeIt[shell]}`,
];
const inDesktop = (shell: Shell): string[] => [
  `The key comes from the variable ${secretName} of the program's environment. ${typeIt[shell]}`,
  `${fromDock[shell]} ${fromFile[shell]}`,
];

const keyWays = {
  braces: { reference: `\${${secretName}}`, notes: inShell },
  envBraces: { reference: `\${env:${secretName}}`, notes: inDesktop },
  prompt: {
    reference: `\${input:${promptInput.id}}`,
    notes: () => [
      "VS Code asks for the key when it first starts the server, and stores it securely.",
    ],
  },
  byName: { notes: inShell },
  secretStore: {
    notes: (shell) => [
      `Goose takes ${secretName} from its environment, or else from its keychain entry. ${typeIt[shell]}`,
    ],
  },
  paste: {
    reference: pasteHere,
    notes: (shell) => [
      `Replace the whole text ${pasteHere} by the key; until then each call answers not_configured.`,
      `To keep the key out of this file: ${fromFile[shell]}`,
    ],
  },
} satisfies Record<string, KeyWay>;

/** One host, as data. */
export type Host = {
  title: string;
  /** The file or place to paste into, in words. */
  where: string;
  format: "json" | "toml" | "yaml";
  /** The member of the file that holds the servers. */
  root: string;
  /** Whether the entry says `"type": "stdio"`. */
  typed?: true;
  key: KeyWay;
  /** The command that does the same, where the host has one that can. */
  command?: "claude" | "gemini" | "code";
  /** The link that does the same with one click, where the host has one. */
  link?: "cursor" | "vscode" | "lmstudio";
  notes?: readonly string[];
};

/** Where each form is documented stands above its row. */
export const hosts = {
  /** https://modelcontextprotocol.io/docs/develop/connect-local-servers; expands no variables. */
  "claude-desktop": {
    title: "Claude Desktop",
    where: "claude_desktop_config.json (Settings > Developer > Edit Config), then restart the app",
    format: "json",
    root: "mcpServers",
    key: keyWays.paste,
    notes: ["Or open the .mcpb bundle: one click, and the key goes to the system's keychain."],
  },
  /** https://code.claude.com/docs/en/mcp#environment-variable-expansion-in-mcp-json */
  "claude-code": {
    title: "Claude Code",
    where:
      ".mcp.json in the project (shared with everybody who works on it; `claude`, started there, asks once whether to approve it)",
    format: "json",
    root: "mcpServers",
    typed: true,
    key: keyWays.braces,
    command: "claude",
  },
  /** https://cursor.com/docs/mcp#config-interpolation, https://cursor.com/docs/mcp/install-links */
  cursor: {
    title: "Cursor",
    where: "~/.cursor/mcp.json (every project) or .cursor/mcp.json (one project)",
    format: "json",
    root: "mcpServers",
    typed: true,
    key: keyWays.envBraces,
    link: "cursor",
  },
  /**
   * https://code.visualstudio.com/docs/copilot/reference/mcp-configuration. The link and `--add-mcp`
   * take `inputs` too: microsoft/vscode, `handleMcpInstallUri` and `McpManagementCli`.
   */
  vscode: {
    title: "VS Code",
    where: '.vscode/mcp.json (one workspace) or "MCP: Open User Configuration" (all of them)',
    format: "json",
    root: "servers",
    typed: true,
    key: keyWays.prompt,
    command: "code",
    link: "vscode",
  },
  /** https://docs.windsurf.com/windsurf/cascade/mcp#config-interpolation */
  windsurf: {
    title: "Windsurf",
    where: "~/.codeium/windsurf/mcp_config.json, then press refresh in the MCP panel",
    format: "json",
    root: "mcpServers",
    key: keyWays.envBraces,
  },
  /** https://zed.dev/docs/ai/mcp; expands no variables (zed-industries/zed#60459). */
  zed: {
    title: "Zed",
    where: "settings.json (~/.config/zed/settings.json on macOS and Linux)",
    format: "json",
    root: "context_servers",
    key: keyWays.paste,
  },
  /**
   * https://developers.openai.com/codex/mcp. No command: `codex mcp add` has no flag for `env_vars`,
   * nor for the approval mode (openai/codex#25442).
   */
  codex: {
    title: "Codex",
    where: "~/.codex/config.toml",
    format: "toml",
    root: "mcp_servers",
    key: keyWays.byName,
  },
  /** google-gemini/gemini-cli, docs/tools/mcp-server.md. */
  "gemini-cli": {
    title: "Gemini CLI",
    where: "~/.gemini/settings.json (every project) or .gemini/settings.json (one project)",
    format: "json",
    root: "mcpServers",
    key: keyWays.braces,
    command: "gemini",
    notes: ["Gemini CLI starts no MCP server in a folder that you have not trusted."],
  },
  /** https://block.github.io/goose/docs/guides/config-files#extensions-configuration */
  goose: {
    title: "Goose",
    where: "~/.config/goose/config.yaml (Windows: %APPDATA%\\Block\\goose\\config\\config.yaml)",
    format: "yaml",
    root: "extensions",
    key: keyWays.secretStore,
  },
  /** https://lmstudio.ai/docs/app/mcp ("follows Cursor's notation"), https://lmstudio.ai/docs/app/mcp/deeplink */
  "lm-studio": {
    title: "LM Studio",
    where: "mcp.json (Program > Install > Edit mcp.json)",
    format: "json",
    root: "mcpServers",
    key: keyWays.paste,
    link: "lmstudio",
  },
  /** https://www.jetbrains.com/help/ai-assistant/mcp.html */
  jetbrains: {
    title: "JetBrains AI Assistant",
    where: "Settings > Tools > AI Assistant > Model Context Protocol (MCP) > Add, as JSON",
    format: "json",
    root: "mcpServers",
    key: keyWays.paste,
  },
} satisfies Record<string, Host>;

export type HostName = keyof typeof hosts;

export const hostNames = Object.keys(hosts) as readonly HostName[];

export const isHostName = (name: string): name is HostName => Object.hasOwn(hosts, name);
