import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { describe, expect, onTestFinished, test } from "vitest";
import { programOf, withInstallText } from "../../scripts/readme.ts";
import { hostNames } from "../../src/cli/hosts.ts";
import { settings } from "../../src/config/settings.ts";
import { name, published, version } from "../../src/lib/package.wire.ts";
import { errorCodes } from "../../src/tools/messages.ts";
import { runCli } from "../support/run-cli.ts";
import { app, startServer, user } from "../support/server-process.ts";
import { apiError, startUpstream } from "../support/upstream.ts";

const read = (file: string) => readFileSync(file, "utf8");
const readme = read("README.md");
const { scripts } = JSON.parse(read("package.json"));
const release = { name, version, published };
const documents = [
  ...readdirSync(".").filter((file) => file.endsWith(".md")),
  ...readdirSync("docs")
    .filter((file) => file.endsWith(".md"))
    .map((file) => join("docs", file)),
];

/** The text under a heading, up to the next one. */
const chapter = (heading: string): string =>
  readme.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? expect.fail(heading);

describe("whether the package is published", () => {
  const byName = /\bnpx\b[^\n]*prelude-profile-mcp|"npx",\s*(?:"\/c",\s*)?"-y",\s*"prelude/;

  test("is one switch for the README (else: npm run readme)", () => {
    expect(withInstallText(readme, release)).toBe(readme);
  });

  test("no: nothing tells people to start it by a name that may be anybody's", () => {
    const text = withInstallText(readme, { ...release, published: false });
    expect(text).not.toMatch(byName);
    expect(text).not.toMatch(/cursor\.com|vscode\.dev|lmstudio\.ai|\/c npx/);
    expect(text).toContain(`node dist/${name}.cjs --check`);
  });

  test("yes: everything names the exact version", () => {
    const text = withInstallText(readme, { name, version: "9.8.7", published: true });
    expect(text.match(/\bnpx -y \S+/g)?.every((words) => words === `npx -y ${name}@9.8.7`)).toBe(
      true,
    );
    expect(text).toContain(`npx -y ${name}@9.8.7 --print-config`);
    expect(text).toContain(`npx -y ${name}@9.8.7 --check`);
    expect(text).toContain(`args = ["-y", "${name}@9.8.7"]`);
    expect(withInstallText(text, release)).toBe(readme);
  });

  test.skipIf(published).each([...documents, "Dockerfile"])("no: %s does not say npx", (file) => {
    expect(read(file)).not.toMatch(byName);
  });
});

describe("README", () => {
  test("shows a result as it is", async () => {
    const server = startServer({ args: ["--sandbox"] });
    const profile = { nickname: "J", sub: "x" };
    const { structured } = await server.callTool({ app_id: app, user_id: user, profile });
    await server.close();
    const { sandbox: _, ...result } = structured;
    const shown = /```json\n(\{\n {2}"status"[\s\S]*?)```/.exec(readme)?.[1];
    expect(JSON.parse(shown ?? "")).toEqual(result);
  });

  test("has a first sentence that works in the sandbox", async () => {
    const said = chapter("The first sentence");
    const [, appId, key, userId, value] =
      /app (\w+), set (\w+) of user (\w+) to (\w+)/.exec(said) ?? expect.fail();
    const server = startServer({ args: ["--sandbox"] });
    const profile = { [String(key)]: value };
    const { structured } = await server.callTool({ app_id: appId, user_id: userId, profile });
    await server.close();
    expect(structured.status).toBe("updated");
  });

  const guardBlocks = [...chapter("Guard rails").matchAll(/```(json|toml)\n([\s\S]*?)```/g)];

  test.each(guardBlocks.map(([, format, block]) => [format, block]))(
    "has guards that can be pasted, %s",
    async (format, block) => {
      const env =
        format === "json"
          ? JSON.parse(String(block))
          : (parseToml(String(block)) as { env: Record<string, string> }).env;
      const known: readonly string[] = settings.map((setting) => setting.name);
      expect(known).toEqual(expect.arrayContaining(Object.keys(env)));
      const { PRELUDE_AUDIT_LOG: _, ...rest } = env;
      const { code, out } = await runCli(["--check", "--json", "--sandbox"], rest);
      expect({ code, problems: JSON.parse(out).problems }).toEqual({ code: 0, problems: [] });
    },
  );

  test("has a --check that sees the key", async () => {
    const upstream = await startUpstream(apiError(404, "app_not_found"));
    onTestFinished(upstream.close);
    const [command] = chapter("Install").match(/^.* --check$/m) ?? expect.fail();
    expect(command).toBe(`${programOf(release)} --check`);
    const env = { PRELUDE_API_KEY: "sk_test_readme", PRELUDE_BASE_URL: upstream.url };
    const { code, out } = await runCli(["--check"], env);
    expect(code).toBe(0);
    expect(out).toMatch(/api key +set/);
    expect(upstream.received[0]?.headers.authorization).toBe("Bearer sk_test_readme");
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

  test("links to Prelude's own reference and says what is not covered", () => {
    expect(readme).toMatch(/\]\(https:\/\/docs\.prelude\.so\/\S*update-user-profile\)/);
    expect(readme).toContain("Not covered: ");
  });
});

test.each(errorCodes)("docs/results.md says what the agent does on %s", (code) => {
  expect(read("docs/results.md")).toMatch(new RegExp(`^\\|[^|]*\`${code}\`[^|]*\\|`, "m"));
});

describe("the threats of SECURITY.md", () => {
  const rows = [...read("SECURITY.md").matchAll(/`(test\/[^`]+)`: "([^"]+)"/g)];
  test("are ten at least", () => {
    expect(rows.length).toBeGreaterThanOrEqual(10);
  });
  test.each(rows.map(([, file, title]) => [title, file]))("%s is a test of %s", (title, file) => {
    expect(read(String(file))).toContain(title);
  });
});

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

describe.each(documents)("%s", (file) => {
  const text = read(file);

  test("names only scripts that exist", () => {
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script);
    expect(named.filter((script) => !(String(script) in scripts))).toEqual([]);
  });

  test("links to files and headings that exist", () => {
    const links = [...text.matchAll(/(?:\]\(|srcset="|src=")(?!https?:)([^)"\s]+)/g)];
    const broken = links
      .map(([, link]) => String(link))
      .filter((link) => {
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? file : join(dirname(file), path);
        if (!existsSync(target)) return true;
        if (anchor === undefined) return false;
        const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, each]) => String(each));
        return !headings.some((heading) => anchorOf(heading) === anchor);
      });
    expect(broken).toEqual([]);
  });

  test("names files that exist", () => {
    const named = [...text.matchAll(/`((?:src|test|scripts|bench|docs)\/[\w./-]+\.\w+)`/g)];
    const files = named.map(([, each]) => String(each));
    expect(files.filter((each) => !existsSync(each))).toEqual([]);
  });
});
