import { type ClientId, MCPConfigRegistry } from "@gleanwork/mcp-config-schema";
import fc from "fast-check";
import { parse as parseToml } from "smol-toml";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { type Launch, printConfig } from "../../src/cli/host-config.ts";
import { type HostName, hostNames, hosts } from "../../src/cli/hosts.ts";

const parsers: Record<"json" | "toml" | "yaml", (text: string) => unknown> = {
  json: JSON.parse,
  toml: parseToml,
  yaml: parseYaml,
};

/** The entry of the server as one host stores it; the names of its fields differ by host. */
type Entry = {
  command?: string;
  cmd?: string;
  args: string[];
  env?: Record<string, string>;
  envs?: Record<string, string>;
};

/** Where a host stores servers, and its name in a second opinion, @gleanwork/mcp-config-schema. */
const expectations: Record<HostName, { root: string; glean?: ClientId }> = {
  "claude-desktop": { root: "mcpServers", glean: "claude-desktop" },
  "claude-code": { root: "mcpServers", glean: "claude-code" },
  cursor: { root: "mcpServers", glean: "cursor" },
  vscode: { root: "servers", glean: "vscode" },
  windsurf: { root: "mcpServers", glean: "windsurf" },
  zed: { root: "context_servers" },
  codex: { root: "mcp_servers", glean: "codex" },
  "gemini-cli": { root: "mcpServers", glean: "gemini" },
  goose: { root: "extensions", glean: "goose" },
  "lm-studio": { root: "mcpServers" },
  jetbrains: { root: "mcpServers", glean: "jetbrains" },
};

const parse = (host: HostName, { entry }: { entry: string }): Entry => {
  const parsed = parsers[hosts[host].format ?? "json"](entry) as Record<
    string,
    Record<string, Entry>
  >;
  const servers = parsed[expectations[host].root] ?? {};
  expect(Object.keys(servers)).toEqual(["prelude-profile"]);
  return servers["prelude-profile"] as Entry;
};
const commandOf = ({ command, cmd }: Entry) => command ?? cmd ?? "";
const envOf = ({ env, envs }: Entry) => env ?? envs ?? {};

const launch: Launch = {
  command: "npx",
  args: ["-y", "prelude-profile-mcp@1.2.3"],
  env: { PRELUDE_APP_ID: "54e9ujn" },
  key: "variable",
  shell: "posix",
};
const sandbox: Launch = {
  ...launch,
  args: ["-y", "prelude-profile-mcp@1.2.3", "--sandbox"],
  env: {},
  key: "none",
};

describe.each(hostNames)("%s", (host) => {
  it("keeps any value intact", () => {
    const odd = fc.constantFrom(..."\"'\\$`{}#: \n\t\u0000\u007f\u0085\u2028\ufeff\uffff");
    const any = fc.string({ unit: "binary", minLength: 1, maxLength: 1 });
    const text = fc.string({ unit: fc.oneof(odd, any) });
    fc.assert(
      fc.property(text, fc.array(text), text, (command, args, value) => {
        const entry = parse(
          host,
          printConfig(host, { ...launch, command, args, env: { PRELUDE_APP_ID: value } }),
        );
        expect(commandOf(entry)).toBe(command);
        expect(entry.args).toEqual(args);
        expect(envOf(entry).PRELUDE_APP_ID).toBe(value);
      }),
    );
  });
});

describe("@gleanwork/mcp-config-schema agrees", () => {
  const registry = new MCPConfigRegistry({ serverPackage: "prelude-profile-mcp@1.2.3" });
  const known = Object.entries(expectations).flatMap(([host, { root, glean }]) =>
    glean ? [{ host: host as HostName, root, glean }] : [],
  );

  it.each(known)("on $host", ({ host, root, glean }) => {
    const theirs = registry.createBuilder(glean).buildConfiguration({
      transport: "stdio",
      serverName: "prelude-profile",
      env: { PRELUDE_APP_ID: "54e9ujn" },
    }) as unknown as Record<string, Record<string, Entry>>;
    const entry = parse(host, printConfig(host, { ...launch, key: "none" }));
    for (const field of ["command", "cmd", "args", "env", "envs"] as const) {
      expect(entry[field]).toEqual(theirs[root]?.["prelude-profile"]?.[field]);
    }
  });
});

describe("commands", () => {
  it("quotes what a shell would expand, and puts a flag between --env and the name", () => {
    expect(printConfig("claude-code", launch).command).toBe(
      `claude mcp add --env PRELUDE_APP_ID=54e9ujn --env 'PRELUDE_API_KEY=\${PRELUDE_API_KEY}' --scope user prelude-profile -- npx -y prelude-profile-mcp@1.2.3`,
    );
    expect(printConfig("gemini-cli", sandbox).command).toBe(
      "gemini mcp add --scope user prelude-profile npx -y prelude-profile-mcp@1.2.3 --sandbox",
    );
    const odd = printConfig("gemini-cli", { ...sandbox, command: "it's here" });
    expect(odd.command).toContain(`prelude-profile 'it'\\''s here' -y`);
  });

  it("quotes for PowerShell what PowerShell would take apart", () => {
    const env = { PRELUDE_ALLOWED_KEYS: "it's,b" };
    expect(printConfig("claude-code", { ...launch, env, shell: "powershell" }).command).toBe(
      `claude mcp add --env 'PRELUDE_ALLOWED_KEYS=it''s,b' --env 'PRELUDE_API_KEY=\${PRELUDE_API_KEY}' --scope user prelude-profile '--' npx -y 'prelude-profile-mcp@1.2.3'`,
    );
    expect(printConfig("vscode", { ...launch, shell: "powershell" }).command).toBeUndefined();
  });
});

describe("the entry of Codex", () => {
  const { entry } = printConfig("codex", launch);

  it("still parses when the option is taken", () => {
    const taken = entry.replace(/^default_tools_approval_mode.*\n# /m, "");
    expect(JSON.stringify(parseToml(taken))).toContain('"default_tools_approval_mode":"approve"');
  });
});
