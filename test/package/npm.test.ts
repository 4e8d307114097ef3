import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtFiles } from "../support/fresh-build.ts";
import { app, user } from "../support/server-process.ts";
import { npm, run, shell, temporaryFolder } from "./run.ts";

type Packed = { filename: string; size: number; files: { path: string; mode: number }[] };

const { name, version } = JSON.parse(readFileSync("package.json", "utf8"));
const temporary = temporaryFolder();
const { path: cwd } = temporary;
const bin = join("node_modules", ".bin", name);
const installed = join(cwd, "node_modules", name);
let packed: Packed;

const start = (...args: string[]) => run(bin, args, { cwd, shell });

// The packed file alone, installed where there is neither a repository nor a network.
beforeAll(async () => {
  const json = await npm(["pack", "--json", "--ignore-scripts", `--pack-destination=${cwd}`], ".");
  [packed] = JSON.parse(json) as [Packed];
  await npm(["init", "--yes"], cwd);
  const isolated = ["--offline", "--cache=npm-cache", "--no-audit", "--no-fund"];
  await npm(["install", ...isolated, `./${packed.filename}`], cwd);
});

afterAll(temporary.remove);

describe("the package", () => {
  test("holds the built files, the README, the licence, and nothing else", () => {
    const built = builtFiles().map((path) => `dist/${path}`);
    const files = packed.files.map(({ path }) => path);
    expect(files.sort()).toEqual(["LICENSE", "README.md", "package.json", ...built].sort());
  });

  test("installs nothing besides itself, and is at most 400 kB packed", () => {
    expect(packed.size).toBeLessThanOrEqual(400_000);
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect(manifest).not.toHaveProperty("dependencies");
    expect(manifest).not.toHaveProperty("scripts.postinstall");
    const folders = readdirSync(join(cwd, "node_modules")).filter((entry) => entry[0] !== ".");
    expect(folders).toEqual([name]);
  });

  test("is clean to publint", async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
    expect(messages).toEqual([]);
  });
});

describe("installed from the packed file alone", () => {
  test("starts by its name", async () => {
    expect(await start("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("passes --check --sandbox", async () => {
    const { code, stdout, stderr } = await start("--check", "--sandbox");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^OK: /m);
  });

  const server = { command: bin, args: ["--sandbox"], cwd, stderr: "inherit" as const };
  const call = {
    name: "update_user_profile",
    arguments: { app_id: app, user_id: user, profile: { first_name: "Jane" } },
  };
  const about = { name: "package-test", version: "0" };

  test("answers a call of the SDK's client", async () => {
    const client = new Client(about);
    await client.connect(new StdioClientTransport(server));
    const { structuredContent } = await client.callTool(call);
    expect(structuredContent).toMatchObject({ status: "updated", sandbox: true });
    await client.close();
  });
});
