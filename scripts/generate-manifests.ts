import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pkg from "../package.json" with { type: "json" };
import { settings } from "../src/config/settings.ts";
import { title } from "../src/lib/package.wire.ts";
import { updateDefinition } from "../src/tools/definitions.ts";

// Usage: tsx scripts/generate-manifests.ts [FOLDER] [BUNDLE.mcpb]
// Brings manifest.json and server.json up to date with package.json, with the words and defaults of
// src/config/settings.ts and with the tool's description. The rest of them is written by hand: the
// form of the bundle, and what kind of value the registry expects. With a bundle, server.json gets
// its SHA-256, which the registry requires and only a release knows.

type Variable = { name: string; isRequired?: true; format?: string; choices?: string[] };

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));
const [folder = ".", bundle] = process.argv.slice(2);
const repository = pkg.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
const tool = await updateDefinition({
  appId: undefined,
  userId: undefined,
  allowedKeys: undefined,
});

const manifest = {
  ...read("manifest.json"),
  name: pkg.name,
  display_name: title,
  version: pkg.version,
  description: pkg.description,
  author: { name: `The ${pkg.name} authors`, url: repository },
  repository: { type: "git", url: repository },
  homepage: pkg.homepage,
  documentation: pkg.homepage,
  support: pkg.bugs,
  tools: [{ name: tool.name, description: tool.description }],
  keywords: pkg.keywords,
  license: pkg.license,
  privacy_policies: [`${repository}#security-and-privacy`],
};
manifest.compatibility.runtimes.node = pkg.engines.node;

const written = read("server.json");
const [npm, mcpb] = written.packages;
const sha256 = (file: string): string =>
  createHash("sha256").update(readFileSync(file)).digest("hex");

const environmentVariables = settings.map(({ name, words, secret, default: value }) => {
  const known = npm.environmentVariables.find((variable: Variable) => variable.name === name);
  const { isRequired, format, choices } = known ?? {};
  return {
    name,
    description: words,
    isRequired,
    format,
    choices,
    isSecret: secret,
    default: value,
  };
});

const server = {
  ...written,
  name: pkg.mcpName,
  title,
  description: pkg.description,
  repository: { url: repository, source: "github" },
  version: pkg.version,
  websiteUrl: pkg.homepage,
  packages: [
    { ...npm, identifier: pkg.name, version: pkg.version, environmentVariables },
    {
      ...mcpb,
      identifier: `${repository}/releases/download/v${pkg.version}/${pkg.name}-${pkg.version}.mcpb`,
      version: pkg.version,
      fileSha256: bundle && sha256(bundle),
    },
  ],
};

mkdirSync(folder, { recursive: true });
for (const [name, value] of Object.entries({ manifest, server })) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(value, null, 2)}\n`);
}
