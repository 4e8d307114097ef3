export const secretName = "PRELUDE_API_KEY";

/** The placeholder that the server takes for "not set", should nobody replace it. */
export const pasteHere = `PASTE_YOUR_${secretName}_HERE`;

const promptInput = {
  type: "promptString",
  id: "prelude-api-key",
  description: "Prelude management API key",
  password: true,
};

/** A client that starts this server, as data. */
export type Host = {
  title: string;
  /** The file or place to paste into, in words. */
  where: string;
  /** Undefined: JSON. */
  format?: "toml" | "yaml";
  /** The member of the file that holds the servers. Undefined: `mcpServers`. */
  root?: string;
  typed?: true;
  /** What stands for the key in `env`. Undefined: the host takes names of variables to pass on. */
  reference?: string;
  /** What the host asks the person for, so that `reference` stands for their answer. */
  inputs?: object[];
  /** The program whose command does the same, where the host has one. */
  command?: "claude" | "gemini" | "code";
  /** What the host does where the variable of the key is not in its environment. */
  otherwise?: string;
  note?: string;
};

/** Where each form is documented stands above its row. */
const rows = {
  /** https://modelcontextprotocol.io/docs/develop/connect-local-servers; expands no variables. */
  "claude-desktop": {
    title: "Claude Desktop",
    where: "claude_desktop_config.json (Settings > Developer > Edit Config), then restart the app",
    reference: pasteHere,
    note: "Or open the .mcpb bundle: one click, and the key goes to the system's keychain.",
  },
  /** https://code.claude.com/docs/en/mcp#environment-variable-expansion-in-mcp-json */
  "claude-code": {
    title: "Claude Code",
    where:
      ".mcp.json in the project (shared with everybody who works on it, with the paths of this machine in it; `claude`, started there, asks once whether to approve it)",
    typed: true,
    reference: `\${${secretName}}`,
    command: "claude",
  },
  /** https://cursor.com/docs/mcp#config-interpolation */
  cursor: {
    title: "Cursor",
    where: "~/.cursor/mcp.json (every project) or .cursor/mcp.json (one project)",
    typed: true,
    reference: `\${env:${secretName}}`,
  },
  /**
   * https://code.visualstudio.com/docs/copilot/reference/mcp-configuration. `--add-mcp` takes
   * `inputs` too: microsoft/vscode, `McpManagementCli`.
   */
  vscode: {
    title: "VS Code",
    where: '.vscode/mcp.json (one workspace) or "MCP: Open User Configuration" (all of them)',
    root: "servers",
    typed: true,
    reference: `\${input:${promptInput.id}}`,
    inputs: [promptInput],
    command: "code",
  },
  /** https://docs.windsurf.com/windsurf/cascade/mcp#config-interpolation */
  windsurf: {
    title: "Windsurf",
    where: "~/.codeium/windsurf/mcp_config.json, then press refresh in the MCP panel",
    reference: `\${env:${secretName}}`,
  },
  /** https://zed.dev/docs/ai/mcp; expands no variables (zed-industries/zed#60459). */
  zed: {
    title: "Zed",
    where: "settings.json (~/.config/zed/settings.json on macOS and Linux)",
    root: "context_servers",
    reference: pasteHere,
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
  },
  /** google-gemini/gemini-cli, docs/tools/mcp-server.md. */
  "gemini-cli": {
    title: "Gemini CLI",
    where: "~/.gemini/settings.json (every project) or .gemini/settings.json (one project)",
    reference: `\${${secretName}}`,
    command: "gemini",
    note: "Gemini CLI starts no MCP server in a folder that you have not trusted.",
  },
  /** https://block.github.io/goose/docs/guides/config-files#extensions-configuration */
  goose: {
    title: "Goose",
    where: "~/.config/goose/config.yaml (Windows: %APPDATA%\\Block\\goose\\config\\config.yaml)",
    format: "yaml",
    root: "extensions",
    otherwise: `Where ${secretName} is not in its environment, Goose takes it from its keychain entry.`,
  },
  /** https://lmstudio.ai/docs/app/mcp ("follows Cursor's notation") */
  "lm-studio": {
    title: "LM Studio",
    where: "mcp.json (Program > Install > Edit mcp.json)",
    reference: pasteHere,
  },
  /** https://www.jetbrains.com/help/ai-assistant/mcp.html */
  jetbrains: {
    title: "JetBrains AI Assistant",
    where: "Settings > Tools > AI Assistant > Model Context Protocol (MCP) > Add, as JSON",
    reference: pasteHere,
  },
} satisfies Record<string, Host>;

export type HostName = keyof typeof rows;

export const hosts: Record<HostName, Host> = rows;

export const hostNames = Object.keys(hosts) as readonly HostName[];
