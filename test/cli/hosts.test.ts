import path from "node:path";
import { type ClientId, MCPConfigRegistry } from "@gleanwork/mcp-config-schema";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import fc from "fast-check";
import { parse as parseToml } from "smol-toml";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { formatHostConfig, type HostConfig, printConfig } from "../../src/cli/host-config.ts";
import { type HostName, hostNames, isHostName } from "../../src/cli/hosts.ts";
import type { Launch } from "../../src/cli/launch.ts";

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
const byHand = /^PASTE_YOUR_(PRELUDE_API_KEY)_HERE$/;

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

const parse = ({ host, format, block }: HostConfig): { entry: Entry; inputs: Input[] } => {
  const parsed = parsers[format](block) as Record<string, unknown>;
  const servers = parsed[expectations[host].root] as Record<string, Entry>;
  expect(Object.keys(servers)).toEqual(["prelude-profile"]);
  return { entry: servers["prelude-profile"] as Entry, inputs: (parsed.inputs ?? []) as Input[] };
};
const commandOf = ({ command, cmd }: Entry) => command ?? cmd ?? "";
const envOf = ({ env, envs }: Entry) => env ?? envs ?? {};
const namesOf = ({ env_vars, env_keys }: Entry) => env_vars ?? env_keys ?? [];

/** What the host would start, given what its environment, its prompt or its user supplies. */
const resolve = (config: HostConfig, environment: Record<string, string>) => {
  const { entry, inputs } = parse(config);
  const hidden = inputs.filter(({ type, password }) => type === "promptString" && password);
  const prompts = hidden.map(({ id }) => [id, key]);
  const known = { ...environment, ...Object.fromEntries(prompts) };
  const { reference = /^never$/ } = expectations[config.host];
  const settings = Object.entries(envOf(entry)).map(([name, value]) => [
    name,
    value.replace(reference, (all, of: string) => known[of] ?? all),
  ]);
  const passedOn = namesOf(entry).map((name) => [name, environment[name]]);
  const env: Record<string, string> = Object.fromEntries([...settings, ...passedOn]);
  return { command: commandOf(entry), args: entry.args, env };
};

/** What a link says: name, inputs where it has any, and the entry. */
const decodeLink = (link: string): Record<string, unknown> => {
  const { hostname, protocol, search, searchParams } = new URL(link);
  if (protocol === "vscode:")
    return withoutNoInputs(JSON.parse(decodeURIComponent(search.slice(1))));
  const config = searchParams.get("config") ?? "";
  const text = hostname === "vscode.dev" ? config : Buffer.from(config, "base64").toString();
  const inputs = JSON.parse(searchParams.get("inputs") ?? "[]");
  return withoutNoInputs({ name: searchParams.get("name"), ...JSON.parse(text), inputs });
};
const withoutNoInputs = ({ inputs = [], ...rest }: { inputs?: unknown[] }) =>
  inputs.length > 0 ? { ...rest, inputs } : rest;

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

it("knows the hosts that the command line promises, and no other name", () => {
  expect([...hostNames].sort()).toEqual(Object.keys(expectations).sort());
  expect(isHostName("cursor")).toBe(true);
  for (const name of ["curser", "", "constructor", "__proto__"]) {
    expect(isHostName(name)).toBe(false);
  }
});

describe.each(hostNames)("%s", (host) => {
  const config = printConfig(host, launch);
  const { reference } = expectations[host];

  it("gets a block in its own format that starts the package", () => {
    const { entry } = parse(config);
    expect(commandOf(entry)).toBe("npx");
    expect(entry.args).toEqual(["-y", "prelude-profile-mcp@1.2.3"]);
    expect(envOf(entry)).toMatchObject({ PRELUDE_APP_ID: "54e9ujn" });
  });

  it("names the key in the host's own way and never holds it", () => {
    const careless = printConfig(host, { ...launch, env: { ...launch.env, PRELUDE_API_KEY: key } });
    expect(careless).toEqual(config);
    expect(JSON.stringify(careless)).not.toContain(key);
    const { entry } = parse(config);
    if (reference) expect(envOf(entry).PRELUDE_API_KEY).toMatch(reference);
    expect(namesOf(entry)).toEqual(reference ? [] : ["PRELUDE_API_KEY"]);
    const { env } = resolve(config, { PRELUDE_API_KEY: key });
    expect(env).toEqual({ PRELUDE_APP_ID: "54e9ujn", PRELUDE_API_KEY: key });
  });

  it("asks for no key in the sandbox", () => {
    const { block, command = "", links, notes } = printConfig(host, sandbox);
    const linked = [links?.own, links?.web].map((link) => JSON.stringify(link && decodeLink(link)));
    const all = [block, command, ...notes, ...linked].join("\n");
    expect(all).not.toMatch(/API_KEY|promptString|prelude-api-key/);
    expect(block).toContain("--sandbox");
  });

  it("names the file that holds the key, and then neither a variable nor a prompt", () => {
    const env = { PRELUDE_API_KEY_FILE: "/run/key" };
    const printed = printConfig(host, { ...launch, env, key: "file" });
    const { entry, inputs } = parse(printed);
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
          printConfig(host, { ...launch, command, args, env: { PRELUDE_APP_ID: value } }),
        );
        expect(commandOf(entry)).toBe(command);
        expect(entry.args).toEqual(args);
        expect(envOf(entry).PRELUDE_APP_ID).toBe(value);
      }),
    );
  });

  it("prints the block, the command and the link so that each can be copied alone", () => {
    const text = formatHostConfig(config);
    const { block, command, links, title, where, notes } = config;
    expect(text.startsWith(`${title}\nAdd to ${where}:\n\n${block}\n\n`)).toBe(true);
    for (const piece of [command, links?.own]) {
      if (piece !== undefined) expect(text.split("\n\n")).toContain(piece);
    }
    expect(block).not.toContain("\n\n");
    expect(notes.length).toBeGreaterThan(0);
    expect(notes.length).toBeLessThanOrEqual(3);
  });
});

const linked = ["cursor", "vscode", "lm-studio"] as const;

describe("links", () => {
  it("exist where the host has them", () => {
    expect(hostNames.filter((host) => printConfig(host, launch).links)).toEqual(linked);
  });

  it.each(linked)("of %s say what the block says", (host) => {
    const config = printConfig(host, launch);
    const { entry, inputs } = parse(config);
    const { own = "", web = "" } = config.links ?? {};
    const said = withoutNoInputs({ name: "prelude-profile", ...entry, inputs } as {
      inputs: unknown[];
    });
    expect(decodeLink(own)).toEqual(said);
    expect(decodeLink(web)).toEqual(said);
    expect(web).toMatch(/^https:/);
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
    const { entry } = parse(printConfig(host, { ...launch, key: "none" }));
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

  it("gives VS Code on the command line what the link gives it", () => {
    const { command = "", links } = printConfig("vscode", launch);
    const [, argument = ""] = /^code --add-mcp '(.*)'$/.exec(command) ?? [];
    expect(JSON.parse(argument)).toEqual(decodeLink(links?.own ?? ""));
    expect(JSON.parse(argument)).toHaveProperty("inputs");
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
    const tools = await listTools(resolve(config, { PRELUDE_API_KEY: key }));
    expect(tools.map(({ name }) => name)).toEqual(["update_user_profile"]);
    // The pinned app left the schema: the environment of the block reached the server.
    expect(Object.keys(tools[0]?.inputSchema.properties ?? {})).not.toContain("app_id");
  });

  it.concurrent.for(hostNames)("%s, sandbox", async (host, { expect }) => {
    const args = [built, "--sandbox"];
    const config = printConfig(host, { ...sandbox, command: process.execPath, args });
    const tools = await listTools(resolve(config, {}));
    expect(tools.map(({ name }) => name)).toEqual(["update_user_profile"]);
    expect(Object.keys(tools[0]?.inputSchema.properties ?? {})).toContain("app_id");
  });

  it("and fails where the block names no server", async () => {
    const args = [path.resolve("dist/no-such-file.js")];
    const config = printConfig("cursor", { ...launch, command: process.execPath, args });
    await expect(listTools(resolve(config, {}))).rejects.toThrow(/closed/i);
  });
});
