import path from "node:path";
import { type ClientId, MCPConfigRegistry } from "@gleanwork/mcp-config-schema";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import fc from "fast-check";
import { parse as parseToml } from "smol-toml";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { type HostConfig, type Launch, printConfig } from "../../src/cli/host-config.ts";
import { type HostName, hostNames, pasteHere } from "../../src/cli/hosts.ts";

const key = "sk_test_the_key";
const parsers: Record<HostConfig["format"], (text: string) => unknown> = {
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
  env_vars?: string[];
  env_keys?: string[];
};
type Input = { id: string; type: string; password: boolean };

const braces = /^\$\{(\w+)\}$/;
const envBraces = /^\$\{env:(\w+)\}$/;
const byHand = new RegExp(`^${pasteHere.replace("PRELUDE_API_KEY", "(PRELUDE_API_KEY)")}$`);

type Expected = {
  root: string;
  /** What stands for the key, or for the prompt that asks for it. Undefined: passed on by name. */
  reference?: RegExp;
  /** The name of the host in a second opinion, @gleanwork/mcp-config-schema. */
  glean?: ClientId;
};
const expectations: Record<HostName, Expected> = {
  "claude-desktop": { root: "mcpServers", reference: byHand, glean: "claude-desktop" },
  "claude-code": { root: "mcpServers", reference: braces, glean: "claude-code" },
  cursor: { root: "mcpServers", reference: envBraces, glean: "cursor" },
  vscode: { root: "servers", reference: /^\$\{input:([\w-]+)\}$/, glean: "vscode" },
  windsurf: { root: "mcpServers", reference: envBraces, glean: "windsurf" },
  zed: { root: "context_servers", reference: byHand },
  codex: { root: "mcp_servers", glean: "codex" },
  "gemini-cli": { root: "mcpServers", reference: braces, glean: "gemini" },
  goose: { root: "extensions", glean: "goose" },
  "lm-studio": { root: "mcpServers", reference: byHand },
  jetbrains: { root: "mcpServers", reference: byHand, glean: "jetbrains" },
};

const parse = (
  host: HostName,
  { format, block }: HostConfig,
): { entry: Entry; inputs: Input[] } => {
  const parsed = parsers[format](block) as Record<string, unknown>;
  const servers = parsed[expectations[host].root] as Record<string, Entry>;
  expect(Object.keys(servers)).toEqual(["prelude-profile"]);
  return { entry: servers["prelude-profile"] as Entry, inputs: (parsed.inputs ?? []) as Input[] };
};
const commandOf = ({ command, cmd }: Entry) => command ?? cmd ?? "";
const envOf = ({ env, envs }: Entry) => env ?? envs ?? {};
const namesOf = ({ env_vars, env_keys }: Entry) => env_vars ?? env_keys ?? [];

/** What the host would start, given what its environment, its prompt or its user supplies. */
const resolve = (host: HostName, config: HostConfig, environment: Record<string, string>) => {
  const { entry, inputs } = parse(host, config);
  const hidden = inputs.filter(({ type, password }) => type === "promptString" && password);
  const prompts = hidden.map(({ id }) => [id, key]);
  const known = { ...environment, ...Object.fromEntries(prompts) };
  const { reference = /^never$/ } = expectations[host];
  const settings = Object.entries(envOf(entry)).map(([name, value]) => [
    name,
    value.replace(reference, (all, of: string) => known[of] ?? all),
  ]);
  const passedOn = namesOf(entry).map((name) => [name, environment[name]]);
  const env: Record<string, string> = Object.fromEntries([...settings, ...passedOn]);
  return { command: commandOf(entry), args: entry.args, env };
};

const listTools = async (server: {
  command: string;
  args: string[];
  env: Record<string, string>;
}) => {
  const client = new Client({ name: "hosts-test", version: "0" });
  try {
    await client.connect(new StdioClientTransport({ ...server, stderr: "ignore" }));
    return (await client.listTools()).tools;
  } finally {
    await client.close();
  }
};

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
const built = path.resolve("dist/prelude-profile-mcp.cjs");

describe.each(hostNames)("%s", (host) => {
  const config = printConfig(host, launch);
  const { reference } = expectations[host];

  it("gets a block in its own format that starts the package", () => {
    const { entry } = parse(host, config);
    expect(commandOf(entry)).toBe("npx");
    expect(entry.args).toEqual(["-y", "prelude-profile-mcp@1.2.3"]);
    expect(envOf(entry)).toMatchObject({ PRELUDE_APP_ID: "54e9ujn" });
  });

  it("names the key in the host's own way and never holds it", () => {
    const careless = printConfig(host, { ...launch, env: { ...launch.env, PRELUDE_API_KEY: key } });
    expect(careless).toEqual(config);
    expect(JSON.stringify(careless)).not.toContain(key);
    const { entry } = parse(host, config);
    if (reference) expect(envOf(entry).PRELUDE_API_KEY).toMatch(reference);
    expect(namesOf(entry)).toEqual(reference ? [] : ["PRELUDE_API_KEY"]);
    const { env } = resolve(host, config, { PRELUDE_API_KEY: key });
    expect(env).toEqual({ PRELUDE_APP_ID: "54e9ujn", PRELUDE_API_KEY: key });
  });

  it("asks for no key in the sandbox", () => {
    const { block, command = "", notes } = printConfig(host, sandbox);
    const all = [block, command, ...notes].join("\n");
    expect(all).not.toMatch(/API_KEY|promptString|prelude-api-key/);
    expect(block).toContain("--sandbox");
  });

  it("names the file that holds the key, and then neither a variable nor a prompt", () => {
    const env = { PRELUDE_API_KEY_FILE: "/run/key" };
    const printed = printConfig(host, { ...launch, env, key: "file" });
    const { entry, inputs } = parse(host, printed);
    expect(envOf(entry)).toEqual(env);
    expect({ inputs, names: namesOf(entry) }).toEqual({ inputs: [], names: [] });
    expect(printed.notes.join("\n")).toContain("PRELUDE_API_KEY_FILE");
  });

  it("says how the key arrives, in the words of the shell that it is read in", () => {
    for (const [shell, other] of [
      ["posix", /\$env:|Read-Host|SetEnvironmentVariable/],
      ["powershell", /\bexport\b|read -rs/],
    ] as const) {
      const { notes } = printConfig(host, { ...launch, shell });
      expect(notes.join("\n")).toMatch(/PRELUDE_API_KEY|asks for the key/);
      expect(notes.join("\n")).not.toMatch(other);
    }
  });

  it("keeps any value intact", () => {
    const odd = fc.constantFrom(..."\"'\\$`{}#: \n\t\u0000\u007f\u0085\u2028\ufeff\uffff");
    const any = fc.string({ unit: "binary", minLength: 1, maxLength: 1 });
    const text = fc.string({ unit: fc.oneof(odd, any) });
    fc.assert(
      fc.property(text, fc.array(text), text, (command, args, value) => {
        const { entry } = parse(
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
    const { entry } = parse(host, printConfig(host, { ...launch, key: "none" }));
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

  it("gives VS Code on the command line what the block gives it", () => {
    const config = printConfig("vscode", launch);
    const { entry, inputs } = parse("vscode", config);
    const [, argument = ""] = /^code --add-mcp '(.*)'$/.exec(config.command ?? "") ?? [];
    expect(JSON.parse(argument)).toEqual({ name: "prelude-profile", ...entry, inputs });
  });
});

describe("the block of Codex", () => {
  const { block } = printConfig("codex", launch);

  it("asks before each call, gives a first npx the time, and offers the other way as a comment", () => {
    const server = (parseToml(block).mcp_servers as Record<string, Entry>)["prelude-profile"];
    expect(server).toMatchObject({
      default_tools_approval_mode: "prompt",
      startup_timeout_sec: 60,
    });
    expect(block).toMatch(/^# .*nobody is asked/m);
    expect(block).toMatch(/^# default_tools_approval_mode = "approve"$/m);
  });

  it("still parses when the option is taken", () => {
    const taken = block.replace(/^default_tools_approval_mode.*\n# /m, "");
    expect(JSON.stringify(parseToml(taken))).toContain('"default_tools_approval_mode":"approve"');
  });
});

describe("starts the server from it", () => {
  it.concurrent.for(hostNames)("%s", async (host, { expect }) => {
    const config = printConfig(host, { ...launch, command: process.execPath, args: [built] });
    const tools = await listTools(resolve(host, config, { PRELUDE_API_KEY: key }));
    expect(tools.map(({ name }) => name)).toEqual(["update_user_profile"]);
    // The pinned app left the schema: the environment of the block reached the server.
    expect(Object.keys(tools[0]?.inputSchema.properties ?? {})).not.toContain("app_id");
  });
});
