import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { defaultLaunch, type HostName, hostNames, printConfig } from "../../src/cli/hosts.ts";
import { settings } from "../../src/config/settings.ts";
import { errorCodes } from "../../src/tools/messages.ts";
import { app, startServer, user } from "../support/server-process.ts";

const readme = readFileSync("README.md", "utf8");
const contributing = readFileSync("CONTRIBUTING.md", "utf8");
const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));

describe("README", () => {
  test.each<HostName>(["claude-desktop", "cursor", "vscode", "codex"])(
    "shows the block of %s",
    (host) => {
      expect(readme).toContain(`\n${printConfig(host, defaultLaunch).block}\n`);
    },
  );

  test.each<HostName>(["cursor", "vscode", "lm-studio"])("shows the link of %s", (host) => {
    expect(readme).toContain(`\n${printConfig(host, defaultLaunch).link}\n`);
  });

  test("shows the command of claude-code", () => {
    expect(readme).toContain(`\n${printConfig("claude-code", defaultLaunch).command}\n`);
  });

  test("shows a result as it is", async () => {
    const server = startServer({ args: ["--sandbox"] });
    const profile = { nickname: "J", sub: "x" };
    const { structured } = await server.callTool({ app_id: app, user_id: user, profile });
    await server.close();
    const { sandbox: _, ...result } = structured;
    const shown = /```json\n(\{\n {2}"status"[\s\S]*?)```/.exec(readme)?.[1];
    expect(JSON.parse(shown ?? "")).toEqual(result);
  });

  test.each(hostNames)("names %s", (host) => {
    expect(readme).toContain(`\`${host}\``);
  });

  test.each(settings)("lists $name with its default", (setting) => {
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${setting.name}\` |`));
    expect(row).toBeDefined();
    const fallback = "default" in setting ? setting.default : "";
    expect(row?.split("|").at(-2)).toContain(fallback);
  });

  test.each(errorCodes)("says what the agent does on %s", (code) => {
    expect(readme).toMatch(new RegExp(`^\\|[^|]*\`${code}\`[^|]*\\|`, "m"));
  });
});

describe.each([
  ["README.md", readme],
  ["CONTRIBUTING.md", contributing],
])("%s", (_, text) => {
  test("names only scripts that exist", () => {
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !(String(name) in scripts))).toEqual([]);
  });

  test("links to files that exist", () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => String(link));
    expect(links.filter((link) => !existsSync(link))).toEqual([]);
  });

  test("names files of src and test that exist", () => {
    const files = [...text.matchAll(/`((?:src|test|scripts|bench|docs)\/[\w./-]+\.\w+)`/g)].map(
      ([, file]) => String(file),
    );
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});
