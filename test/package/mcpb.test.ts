import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { getMcpConfigForManifest, type McpbManifestAny } from "@anthropic-ai/mcpb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtFiles } from "../support/fresh-build.ts";
import { app, startServer, user } from "../support/server-process.ts";
import { startUpstream } from "../support/upstream.ts";
import { run, succeed, temporaryFolder } from "./run.ts";

const mcpb = (...args: string[]) =>
  succeed(process.execPath, ["node_modules/@anthropic-ai/mcpb/dist/cli/cli.js", ...args]);

const { name, version } = JSON.parse(readFileSync("package.json", "utf8"));
const temporary = temporaryFolder();
const bundle = join(temporary.path, `${name}-${version}.mcpb`);
const unpacked = join(temporary.path, "unpacked");
let manifest: McpbManifestAny;

beforeAll(async () => {
  await succeed(process.execPath, ["--import", "tsx", "scripts/bundle-mcpb.ts", temporary.path]);
  await mcpb("unpack", bundle, unpacked);
  manifest = JSON.parse(readFileSync(join(unpacked, "manifest.json"), "utf8"));
});

afterAll(temporary.remove);

type Launch = { args: string[]; env: Record<string, string> };
type Values = Record<string, string | number | boolean>;

/** What a desktop app starts, by the official code: the person's values, or else the defaults. */
const launchWith = async (userConfig: Values): Promise<Launch> => {
  const config = await getMcpConfigForManifest({
    manifest,
    extensionPath: unpacked,
    systemDirs: {},
    userConfig,
    pathSeparator: sep,
  });
  return { args: config?.args ?? [], env: config?.env ?? {} };
};

/** What some apps start where a person leaves a field empty: the placeholder as it stands. */
const launchWithPlaceholders = (): Launch => {
  const { args = [], env = {} } = manifest.server.mcp_config ?? {};
  return { args: args.map((arg) => arg.replace(/\$\{__dirname\}/, unpacked)), env };
};

const start = ({ args, env }: Launch, ...more: string[]) =>
  startServer({ command: [process.execPath, ...args], args: more, env });

const call = { app_id: app, user_id: user, profile: { first_name: "Jane" } };

describe("the bundle", () => {
  test("is valid, here and in the repository", async () => {
    for (const folder of [unpacked, "."]) {
      const said = await mcpb("validate", join(folder, "manifest.json"));
      expect(said).toContain("Manifest schema validation passes!");
      expect(said).not.toMatch(/error/i);
    }
  });

  test("holds the built files, the icon, the licence, and nothing else", () => {
    const files = readdirSync(unpacked, { recursive: true })
      .map(String)
      .filter((path) => statSync(join(unpacked, path)).isFile());
    const expected = [
      "manifest.json",
      "LICENSE",
      join("assets", "icon.png"),
      ...builtFiles().map((path) => join("server", path)),
    ];
    expect(files.sort()).toEqual(expected.sort());
    expect(statSync(bundle).size).toBeLessThan(400_000);
  });
});

describe("started by a desktop app", () => {
  test("with the key alone, it writes with that key to Prelude's API", async () => {
    const { env } = await launchWith({ api_key: "the-key" });
    expect(env).toMatchObject({
      PRELUDE_API_KEY: "the-key",
      PRELUDE_APP_ID: `\${user_config.app_id}`,
      PRELUDE_CONFIRM: "false",
      PRELUDE_MAX_WRITES_PER_MINUTE: "120",
      PRELUDE_BASE_URL: "https://api.prelude.dev",
    });
    const upstream = await startUpstream();
    const launch = await launchWith({ api_key: "the-key", base_url: upstream.url });
    const server = start(launch);
    await server.initialize();
    expect((await server.callTool(call)).structured.status).toBe("updated");
    expect(upstream.received[0]?.headers.authorization).toBe("Bearer the-key");
    await server.close();
    await upstream.close();
  });

  test("with every field left empty, it starts and updates in the sandbox", async () => {
    const launch = launchWithPlaceholders();
    const placeholder = /\$\{user_config\.\w+\}$/;
    for (const value of [...Object.values(launch.env), ...launch.args.slice(1)]) {
      expect(value).toMatch(placeholder);
    }
    const server = start(launch, "--sandbox");
    await server.initialize();
    const { structured } = await server.callTool(call);
    expect(structured).toMatchObject({ status: "updated", sandbox: true });
    expect(await server.close()).toMatchObject({ code: 0 });
    expect(server.stderr()).toBe("");
  });

  const filled: Values = {
    api_key: "the-key",
    app_id: app,
    user_id: user,
    allowed_keys: "first_name, last_name",
    blocked_keys: "role",
    read: "values",
    write: "dry-run",
    confirm: true,
    max_writes_per_minute: 1,
    max_reads_per_minute: 2,
    audit_log: join(temporary.path, "audit.jsonl"),
    audit_meta: "threadId, acme/ticket",
    base_url: "https://prelude.example",
    timeout_ms: 5000,
    log_level: "Info",
    sandbox: true,
  };

  test("with every field filled, each of them is in force", async () => {
    expect(Object.keys(filled)).toEqual(Object.keys(manifest.user_config ?? {}));
    const { args, env } = await launchWith(filled);
    expect(args).toContain("--sandbox=true");
    // A key and no sandbox would send something to the address.
    const withoutKey = { ...env, PRELUDE_API_KEY: "" };
    const words = [...args.slice(0, 1), "--check", "--json"];
    const { stdout } = await run(process.execPath, words, { env: withoutKey });
    expect(JSON.parse(stdout).settings).toMatchObject({
      app_id: app,
      user_id: user,
      allowed_keys: ["first_name", "last_name"],
      blocked_keys: ["role"],
      read: "values",
      write: "dry-run",
      confirm: true,
      max_writes_per_minute: 1,
      max_reads_per_minute: 2,
      audit_log: join(temporary.path, "audit.jsonl"),
      audit_meta: ["threadId", "acme/ticket"],
      base_url: "https://prelude.example",
      timeout_ms: 5_000,
      log_level: "info",
    });
  });
});
