import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { parse as parseToml } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { type HostName, hostNames, hosts } from "../../src/cli/hosts.ts";
import { app, user } from "../support/server-process.ts";
import { run, shell, succeed, temporaryFolder } from "./run.ts";

const { name } = JSON.parse(readFileSync("package.json", "utf8"));
const temporary = temporaryFolder();
// The server prints real paths, and some systems' folder of temporary files is a link.
const root = realpathSync(temporary.path);
const clone = join(root, "clone");
const elsewhere = join(root, "elsewhere");
const built = join(clone, "dist", `${name}.cjs`);

/** What git would give to somebody who clones, changes that are not committed yet included. */
const copyWhatGitKnows = (): void => {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const files = execFileSync("git", list, { encoding: "utf8" }).split("\0");
  for (const file of files.filter((each) => each !== "")) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    cpSync(file, join(clone, file));
  }
};

const parsers: Record<string, (text: string) => unknown> = {
  json: JSON.parse,
  toml: parseToml,
  yaml: parseYaml,
};

type Entry = {
  command?: string;
  cmd?: string;
  args: string[];
  env?: Record<string, string>;
  envs?: Record<string, string>;
};

/** What a host starts that was given the printed block. */
const serverOf = (host: HostName, block: string) => {
  const { format = "json", root: member = "mcpServers" } = hosts[host];
  const file = parsers[format]?.(block) as Record<string, Record<string, Entry>>;
  const { command, cmd, args, env, envs } = file[member]?.["prelude-profile"] ?? expect.fail();
  return { command: command ?? cmd ?? "", args, env: env ?? envs ?? {} };
};

const print = (program: string, args: string[], host: string, env: Record<string, string>) =>
  succeed(program, [...args, "--print-config", host, "--sandbox"], {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...env },
  });

const callFrom = async (server: ReturnType<typeof serverOf>) => {
  const client = new Client({ name: "fresh-clone", version: "0" });
  const transport = new StdioClientTransport({ ...server, cwd: elsewhere, stderr: "inherit" });
  await client.connect(transport);
  try {
    const profile = { first_name: "Jane" };
    return await client.callTool({
      name: "update_user_profile",
      arguments: { user_id: user, profile },
    });
  } finally {
    await client.close();
  }
};

beforeAll(() => {
  copyWhatGitKnows();
  mkdirSync(elsewhere);
});

afterAll(temporary.remove);

describe("a fresh clone", () => {
  test("installs and plays the demo as the README says, without a word of warning", async () => {
    const quiet = ["--prefer-offline", "--no-audit", "--no-fund"];
    const installed = await run("npm", ["ci", ...quiet], { cwd: clone, shell });
    expect(installed).toMatchObject({ code: 0, stderr: "" });
    const played = await run("npm", ["run", "demo"], { cwd: clone, shell });
    expect(played).toMatchObject({ code: 0, stderr: "" });
    expect(played.stdout).toContain("Every answer was what it should be.");
  }, 300_000);

  test.each(hostNames)("is started by what it prints for %s, from another folder", async (host) => {
    const printed = await print(process.execPath, [built], host, { PRELUDE_APP_ID: app });
    const server = serverOf(host, printed);
    expect(server.args).toEqual([built, "--sandbox"]);
    const { structuredContent } = await callFrom(server);
    // No app_id was sent: the app of the environment is in the block.
    expect(structuredContent).toMatchObject({ status: "updated", app_id: app, sandbox: true });
  });
});
