import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseArgv } from "../../src/cli/args.ts";
import { settings } from "../../src/config/settings.ts";
import { type Json, type ServerProcess, startServer } from "../support/server-process.ts";
import { succeed, temporaryFolder } from "./run.ts";

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));
const pkg = read("package.json");
const manifest = read("manifest.json");
const server = read("server.json");

const script = "scripts/generate-manifests.ts";
const temporary = temporaryFolder();
let running: ServerProcess;
let initialized: Json;
let tools: Json[];

const generate = (folder: string, ...bundle: string[]) =>
  succeed(process.execPath, ["node_modules/tsx/dist/cli.mjs", script, folder, ...bundle]);

beforeAll(async () => {
  await generate(temporary.path);
  running = startServer();
  initialized = (await running.initialize()).result ?? {};
  tools = (await running.request("tools/list")).result?.tools as Json[];
});

afterAll(async () => {
  await running.close();
  temporary.remove();
});

describe("one source", () => {
  test.each(["manifest.json", "server.json"])(`%s is what ${script} writes`, (file) => {
    expect(read(file)).toEqual(read(join(temporary.path, file)));
  });

  test("the version is the same everywhere", () => {
    const versions = {
      server: initialized.serverInfo,
      manifest: manifest.version,
      registry: server.version,
      npm: server.packages[0].version,
      mcpb: server.packages[1].version,
      lock: read("package-lock.json").version,
    };
    expect(pkg.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(versions).toEqual({
      server: expect.objectContaining({ version: pkg.version }),
      manifest: pkg.version,
      registry: pkg.version,
      npm: pkg.version,
      mcpb: pkg.version,
      lock: pkg.version,
    });
    expect(readFileSync("CHANGELOG.md", "utf8")).toContain(`\n## [${pkg.version}]`);
  });

  test("the repository's owner stands in package.json, once per field, and nowhere else", () => {
    const [, owner = ""] = /^git\+https:\/\/github\.com\/([^/]+)\//.exec(pkg.repository.url) ?? [];
    expect(owner).not.toBe("");
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
    const elsewhere = searched.filter((file) =>
      readFileSync(file, "utf8").includes(`${owner}/${pkg.name}`),
    );
    expect(elsewhere).toEqual([]);
  });
});

describe("server.json", () => {
  const [npmPackage, mcpbPackage] = server.packages;

  test("has the form that the registry accepts", () => {
    expect(server).toEqual({
      $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
      name: expect.stringMatching(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
      title: expect.stringMatching(/^.{1,100}$/),
      description: expect.stringMatching(/^.{1,100}$/),
      repository: { url: expect.stringMatching(/^https:\/\/github\.com\//), source: "github" },
      version: pkg.version,
      websiteUrl: expect.stringMatching(/^https:\/\//),
      packages: [expect.anything(), expect.anything()],
    });
  });

  test("proves by mcpName that the npm package is ours", () => {
    expect(server.name).toBe(pkg.mcpName);
    expect(npmPackage).toEqual({
      registryType: "npm",
      identifier: pkg.name,
      version: pkg.version,
      runtimeHint: "npx",
      transport: { type: "stdio" },
      environmentVariables: expect.any(Array),
    });
  });

  test("lists every setting: the key as a secret, defaults as the server has them", () => {
    const listed = npmPackage.environmentVariables.map((variable: Json) => ({
      name: variable.name,
      words: variable.description,
      ...(variable.isSecret === true && { secret: true }),
      ...(variable.default !== undefined && { default: variable.default }),
    }));
    const rows = settings.map(({ name, words, secret, default: value }) => ({
      name,
      words,
      ...(secret && { secret }),
      ...(value !== undefined && { default: value }),
    }));
    expect(listed).toEqual(rows);
    const secrets = settings.filter(({ secret }) => secret).map(({ name }) => name);
    expect(secrets).toEqual(["PRELUDE_API_KEY"]);
  });

  test("uses only what the schema knows of a variable", () => {
    const known = "name description isRequired isSecret format default choices".split(" ");
    for (const variable of npmPackage.environmentVariables) {
      expect(known).toEqual(expect.arrayContaining(Object.keys(variable)));
      expect(["string", "number", "boolean", "filepath"]).toContain(variable.format ?? "string");
      if (variable.choices) expect(variable.choices).toContain(variable.default);
    }
  });

  test("points at the bundle of the release of this version", () => {
    const { url } = server.repository;
    expect(mcpbPackage).toEqual({
      registryType: "mcpb",
      identifier: `${url}/releases/download/v${pkg.version}/${pkg.name}-${pkg.version}.mcpb`,
      version: pkg.version,
      transport: { type: "stdio" },
    });
  });

  test("gets the bundle's SHA-256 at a release", async () => {
    const bundle = join(temporary.path, "some.mcpb");
    writeFileSync(bundle, "a bundle");
    const folder = join(temporary.path, "release");
    await generate(folder, bundle);
    const fileSha256 = createHash("sha256").update("a bundle").digest("hex");
    expect(read(join(folder, "server.json")).packages).toEqual([
      npmPackage,
      { ...mcpbPackage, fileSha256 },
    ]);
  });
});

describe("manifest.json", () => {
  const { mcp_config: config, entry_point: entryPoint } = manifest.server;
  const options = Object.entries<Json>(manifest.user_config);

  test("tells what the server tells", () => {
    const { serverInfo } = initialized as { serverInfo: Json };
    expect(manifest).toMatchObject({
      manifest_version: "0.3",
      name: serverInfo.name,
      display_name: serverInfo.title,
      license: pkg.license,
      compatibility: { runtimes: { node: pkg.engines.node } },
    });
    expect(manifest.tools).toEqual(tools.map(({ name, description }) => ({ name, description })));
  });

  test("starts the file that the npm package starts", () => {
    expect(config.args[0]).toBe(`\${__dirname}/${entryPoint}`);
    expect(`dist/${entryPoint.replace("server/", "")}`).toBe(Object.values(pkg.bin)[0]);
  });

  test("defines each option that it uses, and uses each that it defines", () => {
    const used = [...JSON.stringify(manifest.server).matchAll(/\$\{user_config\.(\w+)\}/g)];
    expect(used.map(([, name]) => name).sort()).toEqual(options.map(([name]) => name).sort());
  });

  test("sets no variable that is not a setting", () => {
    const names = settings.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(config.env)));
  });

  test("offers every setting but the file for the key, in the order of the settings", () => {
    const left = settings.map(({ name }) => name).filter((name) => !(name in config.env));
    expect(left).toEqual(["PRELUDE_API_KEY_FILE"]);
    const offered = settings.filter(({ name }) => name in config.env);
    expect(Object.keys(config.env)).toEqual(offered.map(({ name }) => name));
  });

  test("offers the sandbox, off, by a flag that the server knows", () => {
    expect(config.args.slice(1)).toEqual(["--sandbox=$\u007buser_config.sandbox}"]);
    expect(manifest.user_config.sandbox).toMatchObject({ type: "boolean", default: false });
    const given = (value: string) => parseArgv([`--sandbox=${value}`]);
    expect(given("true")).toEqual({ kind: "serve", sandbox: true });
    for (const off of ["false", "", "$\u007buser_config.sandbox}"]) {
      expect(given(off)).toEqual({ kind: "serve", sandbox: false });
    }
  });

  test("asks for the key, hidden, and has a default for everything else", () => {
    const [[name, key] = [], ...others] = options;
    expect(name).toBe("api_key");
    expect(key).toMatchObject({ required: true, sensitive: true });
    expect(key).not.toHaveProperty("default");
    for (const [other, option] of others) {
      const setting = settings.find((one) => one.name === `PRELUDE_${other.toUpperCase()}`);
      const fallback = other === "sandbox" ? "false" : (setting?.default ?? "");
      expect(option).toMatchObject({ required: false });
      expect(typeof option.default).toBe(option.type);
      expect(String(option.default)).toBe(fallback);
    }
  });

  test("points at the privacy policy of the README", () => {
    const [url] = manifest.privacy_policies;
    const heading = new URL(url).hash.slice(1).replaceAll("-", " ");
    expect(url).toMatch(/^https:\/\/github\.com\//);
    expect(readFileSync("README.md", "utf8").toLowerCase()).toContain(`\n## ${heading}\n`);
  });

  test("has an icon of 512 by 512 pixels, drawn as the tool's", () => {
    const png = readFileSync(manifest.icon);
    expect(png.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([512, 512]);
    const [{ src }] = (tools[0] as { icons: [{ src: string }] }).icons;
    const drawing = readFileSync("assets/icon.svg", "utf8");
    // The tool's icon is one path, to save tokens; the bundle's has the head as a circle.
    const shoulders = (svg: string) => /M1 16[^"']*/.exec(svg)?.[0];
    expect(shoulders(drawing)).toBeDefined();
    expect(shoulders(decodeURIComponent(src))).toBe(shoulders(drawing));
  });
});
