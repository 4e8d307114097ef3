import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { programOf, documents as released, withRelease } from "../../scripts/readme.ts";
import { hostNames } from "../../src/cli/hosts.ts";
import { settings } from "../../src/config/settings.ts";
import { name, published, version } from "../../src/lib/package.wire.ts";
import { recovery } from "../../src/tools/messages.ts";
import { runCli } from "../support/run-cli.ts";
import { app, startServer, user } from "../support/server-process.ts";
import { apiError, noContent, startUpstream } from "../support/upstream.ts";

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
  const byName = /\bnpx\b[^\n]*prelude-profile-mcp(?!\.cjs)/;
  const written = (file: string, as: typeof release) => withRelease(read(file), as);

  test.each(released)("is one switch for %s (else: npm run readme)", (file) => {
    const text = read(file);
    expect(withRelease(text, release)).toBe(text);
    expect(withRelease(written(file, { name, version: "9.8.7", published: true }), release)).toBe(
      text,
    );
  });

  test.each(released)("yes: %s names the exact version", (file) => {
    const text = written(file, { name, version: "9.8.7", published: true });
    expect(text).not.toContain("node dist/");
    expect(text).toContain(`npx -y ${name}@9.8.7 --print-config`);
  });

  test.skipIf(published).each([...documents, "Dockerfile"])("no: %s does not say npx", (file) => {
    expect(read(file)).not.toMatch(byName);
  });
});

test.each([
  ["README.md", 1300],
  ["SECURITY.md", 1100],
  ["CONTRIBUTING.md", 1000],
])("%s can be read at a sitting: %i words at most", (file, most) => {
  expect(read(file).trim().split(/\s+/).length).toBeLessThanOrEqual(most);
});

describe("README", () => {
  test("shows a result as it is", async () => {
    const server = startServer({ args: ["--sandbox"] });
    const profile = { sub: "x" };
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

  const guardBlocks = [...chapter("Guard rails").matchAll(/```json\n([\s\S]*?)```/g)];

  test.each(guardBlocks.map(([, block]) => [block]))(
    "has guards that can be pasted: %s",
    async (block) => {
      const { PRELUDE_AUDIT_LOG: _, ...env } = JSON.parse(String(block));
      const { code, out } = await runCli(["--check", "--json", "--sandbox"], env);
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

  test("says what is called, with the very paths and headers", async () => {
    const found = { id: user, profile: {}, identifiers: [{ value: "jane@example.com" }] };
    const upstream = await startUpstream(noContent, (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ user: found, users: [found] }));
    });
    onTestFinished(upstream.close);
    const env = { PRELUDE_API_KEY: "k", PRELUDE_BASE_URL: upstream.url, PRELUDE_READ: "keys" };
    const server = startServer({ env });
    await server.callTool({ app_id: app, user_id: user, profile: { locale: "fr" } });
    await server.call("get_user_profile", { app_id: app, user_id: user });
    await server.call("get_user_profile", { app_id: app, email: "jane@example.com" });
    await server.close();
    const text = chapter("What it calls");
    const calls = upstream.received.map(({ method, path }) =>
      `${method} ${path}`
        .replace(app, "{app_id}")
        .replace(user, "{user_id}")
        .replace(/=[^&]+/g, "=…"),
    );
    expect(calls).toEqual([...text.matchAll(/`((?:PATCH|GET) [^`]*)`/g)].map(([, call]) => call));
    const ofHttp = new Set(["host", "connection", "content-length"]);
    const names = upstream.received
      .flatMap(({ headers }) => Object.keys(headers))
      .filter((each) => !ofHttp.has(each));
    const said = text.toLowerCase();
    expect(new Set(names.filter((each) => !said.includes(`\`${each}`))).size).toBe(0);
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

test.each(hostNames)("docs/clients.md says how %s gets the entry and the key", (host) => {
  expect(read("docs/clients.md")).toMatch(
    new RegExp(`^\\| \`${host}\` \\|(?: \\S[^|]*\\|){2}$`, "m"),
  );
});

test.each(Object.keys(recovery))("docs/results.md says what the agent does on %s", (code) => {
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
    const named = [
      ...text.matchAll(/`((?:src|test|scripts|bench|docs)\/[\w./-]+\.\w+|\w+\/[\w./-]+\.ts)`/g),
    ];
    const files = named.map(([, each]) => String(each));
    const isThere = (each: string) => existsSync(each) || existsSync(join("src", each));
    expect(files.filter((each) => !isThere(each))).toEqual([]);
  });
});
