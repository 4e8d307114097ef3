import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pkg from "../package.json" with { type: "json" };
import { settings } from "../src/config/settings.ts";
import { title } from "../src/lib/package.wire.ts";
import { definition } from "../src/tools/update-profile/definition.ts";

// Usage: tsx scripts/generate-manifests.ts [FOLDER] [BUNDLE.mcpb]
// Writes manifest.json and server.json from package.json and the rows of src/config/settings.ts.
// With a bundle, server.json gets its SHA-256, which the registry requires and only a release knows.

const repository = pkg.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
const tool = definition({ appId: undefined, userId: undefined, allowedKeys: undefined });

type Row = (typeof settings)[number];
type Form = NonNullable<Row["form"]>;

const defaultOf = (form: Form, text = ""): string | number | boolean =>
  form.type === "string" ? text : JSON.parse(text);

/** A field of the form in which a person fills in the settings; whatever is not required has a default. */
const field = (form: Form, text: string | undefined): object =>
  form.required ? form : { ...form, required: false, default: defaultOf(form, text) };

const offered = settings.flatMap((setting) => {
  const { name, form } = setting;
  if (form === undefined) return [];
  const option = name.replace("PRELUDE_", "").toLowerCase();
  return [{ name, option, field: field(form, setting.default) }];
});

/** Not a setting of the server but a flag, which the app fills in from its form. */
const sandboxField = {
  type: "boolean",
  title: "Sandbox",
  description: "Try it without an account: a simulation stands in for Prelude, nothing is changed.",
  required: false,
  default: false,
};

const manifest = {
  manifest_version: "0.3",
  name: pkg.name,
  display_name: title,
  version: pkg.version,
  description: pkg.description,
  author: { name: `The ${pkg.name} authors`, url: repository },
  repository: { type: "git", url: repository },
  homepage: pkg.homepage,
  documentation: pkg.homepage,
  support: pkg.bugs,
  icon: "assets/icon.png",
  server: {
    type: "node",
    entry_point: `server/${pkg.name}.cjs`,
    mcp_config: {
      command: "node",
      args: [`\${__dirname}/server/${pkg.name}.cjs`, `--sandbox=\${user_config.sandbox}`],
      env: Object.fromEntries(
        offered.map(({ name, option }) => [name, `\${user_config.${option}}`]),
      ),
    },
  },
  tools: [{ name: tool.name, description: tool.description }],
  keywords: pkg.keywords,
  license: pkg.license,
  privacy_policies: [`${repository}#security-and-privacy`],
  compatibility: {
    platforms: ["darwin", "win32", "linux"],
    runtimes: { node: pkg.engines.node },
  },
  user_config: {
    ...Object.fromEntries(offered.map(({ option, field }) => [option, field])),
    sandbox: sandboxField,
  },
};

const variable = (setting: Row): object => {
  const described = { name: setting.name, description: setting.words, ...setting.registry };
  const secrecy = setting.secret ? { isSecret: true } : {};
  const fallback = setting.default === undefined ? {} : { default: setting.default };
  return { ...described, ...secrecy, ...fallback };
};

const sha256 = (file: string): string =>
  createHash("sha256").update(readFileSync(file)).digest("hex");

const transport = { type: "stdio" };

const server = (bundle: string | undefined) => ({
  $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
  name: pkg.mcpName,
  title,
  description: pkg.description,
  repository: { url: repository, source: "github" },
  version: pkg.version,
  websiteUrl: pkg.homepage,
  packages: [
    {
      registryType: "npm",
      identifier: pkg.name,
      version: pkg.version,
      runtimeHint: "npx",
      transport,
      environmentVariables: settings.map(variable),
    },
    {
      registryType: "mcpb",
      identifier: `${repository}/releases/download/v${pkg.version}/${pkg.name}-${pkg.version}.mcpb`,
      version: pkg.version,
      ...(bundle === undefined ? {} : { fileSha256: sha256(bundle) }),
      transport,
    },
  ],
});

const [folder = ".", bundle] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const [name, value] of Object.entries({ manifest, server: server(bundle) })) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(value, null, 2)}\n`);
}
