import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settings } from "../../src/config/settings.ts";
import { type Json, startServer } from "../support/server-process.ts";
import { succeed, temporaryFolder } from "./run.ts";

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));
const pkg = read("package.json");
const manifest = read("manifest.json");
const server = read("server.json");
const [npmPackage, mcpbPackage] = server.packages;

const script = "scripts/generate-manifests.ts";
const temporary = temporaryFolder();
afterAll(temporary.remove);

const generate = async (name: string, ...bundle: string[]) => {
  const folder = join(temporary.path, name);
  const tsx = "node_modules/tsx/dist/cli.mjs";
  await succeed(process.execPath, [tsx, script, folder, ...bundle]);
  return (file: string) => read(join(folder, file));
};

describe("one source", () => {
  test(`manifest.json and server.json are what ${script} writes`, async () => {
    const generated = await generate("now");
    for (const file of ["manifest.json", "server.json"])
      expect(read(file)).toEqual(generated(file));
  });

  test("the version is the same everywhere, and in the change log", () => {
    const { version } = pkg;
    const others = [manifest, server, npmPackage, mcpbPackage, read("package-lock.json")];
    expect(others.map((each) => each.version)).toEqual(others.map(() => version));
    expect(readFileSync("CHANGELOG.md", "utf8")).toContain(`\n## [${version}]`);
  });

  test("the repository's owner stands in package.json, once per field, and nowhere else", () => {
    const [, owner = ""] = /^git\+https:\/\/github\.com\/([^/]+)\//.exec(pkg.repository.url) ?? [];
    const repository = `https://github.com/${owner}/${pkg.name}`;
    expect(pkg).toMatchObject({
      homepage: `${repository}#readme`,
      bugs: `${repository}/issues`,
      repository: { url: `git+${repository}.git` },
      mcpName: `io.github.${owner}/${pkg.name}`,
    });
    const ours = /^(?:(?:\.github|docs|scripts|src|test)[\\/].*\.\w+|[^\\/]+\.md|Dockerfile)$/;
    const files = [".", ".github", "docs", "scripts", "src", "test"].flatMap((folder) =>
      readdirSync(folder, { recursive: folder !== "." }).map((name) => join(folder, String(name))),
    );
    const searched = files.filter((file) => ours.test(file));
    expect(searched).toEqual(expect.arrayContaining(["README.md", join("src", "main.ts")]));
    const named = `${owner}/${pkg.name}`;
    expect(searched.filter((file) => readFileSync(file, "utf8").includes(named))).toEqual([]);
  });
});

describe("server.json", () => {
  test("has the form that the registry accepts, and proves that the npm package is ours", () => {
    expect(server).toMatchObject({
      $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
      name: pkg.mcpName,
      description: expect.stringMatching(/^.{1,100}$/),
      repository: { source: "github" },
    });
    const runtime = { runtimeHint: "npx", transport: { type: "stdio" } };
    expect(npmPackage).toMatchObject({ registryType: "npm", identifier: pkg.name, ...runtime });
    const { url } = server.repository;
    expect(mcpbPackage).toEqual({
      registryType: "mcpb",
      identifier: `${url}/releases/download/v${pkg.version}/${pkg.name}-${pkg.version}.mcpb`,
      version: pkg.version,
      transport: { type: "stdio" },
    });
  });

  test("lists every setting with what kind of value it takes; only the key is a secret", () => {
    const format = (name: string) => {
      if (/_(?:FILE|LOG)$/.test(name)) return { format: "filepath" };
      if (/_(?:MINUTE|MS)$/.test(name)) return { format: "number" };
      return name === "PRELUDE_CONFIRM" ? { format: "boolean" } : {};
    };
    const listed = npmPackage.environmentVariables.map(({ choices, ...rest }: Json) => rest);
    expect(listed).toEqual(
      settings.map(({ name, words, secret, default: value }) => ({
        name,
        description: words,
        ...format(name),
        ...(secret && { isRequired: true, isSecret: true }),
        ...(value !== undefined && { default: value }),
      })),
    );
  });

  test("gets the bundle's SHA-256 at a release", async () => {
    const bundle = join(temporary.path, "some.mcpb");
    writeFileSync(bundle, "a bundle");
    const generated = await generate("release", bundle);
    const fileSha256 = createHash("sha256").update("a bundle").digest("hex");
    const { packages } = generated("server.json");
    expect(packages).toEqual([npmPackage, { ...mcpbPackage, fileSha256 }]);
  });
});

describe("manifest.json", () => {
  const { mcp_config: config, entry_point: entryPoint } = manifest.server;
  const options = Object.entries<Json>(manifest.user_config);
  const running = startServer();
  let tools: Json[];

  beforeAll(async () => {
    await running.initialize();
    tools = (await running.request("tools/list")).result?.tools as Json[];
  });
  afterAll(() => running.close());

  test("tells what the server tells, and starts the file that the npm package starts", () => {
    expect(manifest.tools).toEqual(tools.map(({ name, description }) => ({ name, description })));
    expect(config.args[0]).toBe(`\${__dirname}/${entryPoint}`);
    expect(`dist/${entryPoint.replace("server/", "")}`).toBe(Object.values(pkg.bin)[0]);
  });

  test("offers every setting but the file of the key, in their order, and the sandbox", () => {
    const offered = settings
      .map(({ name }) => name)
      .filter((name) => name !== "PRELUDE_API_KEY_FILE");
    const names = offered.map((name) => name.replace("PRELUDE_", "").toLowerCase());
    expect(options.map(([name]) => name)).toEqual([...names, "sandbox"]);
    const env = offered.map((name, at) => [name, `\${user_config.${names[at]}}`]);
    expect(config.env).toEqual(Object.fromEntries(env));
    expect(config.args.slice(1)).toEqual(["--sandbox=$\u007buser_config.sandbox}"]);
  });

  test("asks for the key, hidden, and has the server's default, or none, for everything else", () => {
    const [[, key] = [], ...others] = options;
    expect(key).toMatchObject({ type: "string", required: true, sensitive: true });
    expect(key).not.toHaveProperty("default");
    for (const [name, { type, default: value, required, min, max }] of others) {
      const setting = settings.find((one) => one.name === `PRELUDE_${name.toUpperCase()}`);
      const fallback = setting?.default ?? (name === "sandbox" ? "false" : undefined);
      expect({ name, type, required, value: value?.toString() }).toEqual({
        name,
        type: value === undefined ? "string" : typeof value,
        required: false,
        value: fallback,
      });
      if (type !== "number") continue;
      for (const end of [min, max]) expect(setting?.read.read(`${end}`)).toEqual({ value: end });
    }
  });
});
