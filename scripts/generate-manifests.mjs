import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

// Usage: node scripts/generate-manifests.mjs [FOLDER] [BUNDLE.mcpb]
// Writes manifest.json and server.json from package.json and the settings in src/config/settings.ts. With a
// bundle, server.json gets its SHA-256, which the registry requires and only a release knows.

const [folder = ".", bundle] = process.argv.slice(2);

const load = async (input) => {
  const built = await rolldown({ input, platform: "node" });
  const { output } = await built.generate({ format: "esm", codeSplitting: false });
  return import(`data:text/javascript,${encodeURIComponent(output[0].code)}`);
};

const pkg = JSON.parse(readFileSync("package.json", "utf8"));
const { settings, logLevels } = await load("src/config/settings.ts");
const { toolText } = await load("src/tools/update-profile/definition.ts");
const tool = toolText({});
const { title } = await load("src/lib/package.wire.ts");
const repository = pkg.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");

/** What a person sees in the settings of a desktop app. A default is added where it is optional. */
const userConfig = {
  PRELUDE_API_KEY: {
    type: "string",
    title: "Management API key",
    description: "From the Prelude dashboard: Settings, API Keys.",
    required: true,
    sensitive: true,
  },
  PRELUDE_APP_ID: {
    type: "string",
    title: "App ID",
    description:
      "The only app whose users may be updated, e.g. 54e9ujn. Empty: the assistant names the app.",
  },
  PRELUDE_USER_ID: {
    type: "string",
    title: "User ID",
    description: "The only user who may be updated (usr_…). Empty: the assistant names the user.",
  },
  PRELUDE_ALLOWED_KEYS: {
    type: "string",
    title: "Allowed profile keys",
    description: "The only profile keys that may be written, separated by commas. Empty: all.",
  },
  PRELUDE_BLOCKED_KEYS: {
    type: "string",
    title: "Blocked profile keys",
    description: "Profile keys that may never be written, separated by commas. Empty: none.",
  },
  PRELUDE_CONFIRM: {
    type: "boolean",
    title: "Ask before each write",
    description: "Ask you before each write. Updates are refused where the app cannot ask.",
  },
  PRELUDE_MAX_WRITES_PER_MINUTE: {
    type: "number",
    title: "Writes per minute",
    description: "The most writes in one minute. 0: no limit.",
    min: 0,
    max: 1_000_000,
  },
  PRELUDE_AUDIT_LOG: {
    type: "string",
    title: "Audit file",
    description: "Full path of a file that gets one line per call, without values. Empty: none.",
  },
  PRELUDE_BASE_URL: {
    type: "string",
    title: "API address",
    description: "Address of Prelude's API. Change it only if Prelude gave you another one.",
  },
  PRELUDE_TIMEOUT_MS: {
    type: "number",
    title: "Timeout in milliseconds",
    description: "The longest that one update may take, with all its retries.",
    min: 1,
    max: 600_000,
  },
};

const optionName = (setting) => setting.replace("PRELUDE_", "").toLowerCase();
const offered = settings.filter(({ name }) => userConfig[name]);
const defaultOf = ({ name, default: text = "" }) => {
  const { type } = userConfig[name];
  return type === "string" ? text : JSON.parse(text);
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
      args: [`\${__dirname}/server/${pkg.name}.cjs`],
      env: Object.fromEntries(
        offered.map(({ name }) => [name, `\${user_config.${optionName(name)}}`]),
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
  user_config: Object.fromEntries(
    offered.map((setting) => {
      const option = userConfig[setting.name];
      const rest = option.required ? {} : { required: false, default: defaultOf(setting) };
      return [optionName(setting.name), { ...option, ...rest }];
    }),
  ),
};

/** What a registry needs to know beyond a string. */
const inputs = {
  PRELUDE_API_KEY: { isRequired: true },
  PRELUDE_API_KEY_FILE: { format: "filepath" },
  PRELUDE_CONFIRM: { format: "boolean" },
  PRELUDE_MAX_WRITES_PER_MINUTE: { format: "number" },
  PRELUDE_AUDIT_LOG: { format: "filepath" },
  PRELUDE_TIMEOUT_MS: { format: "number" },
  PRELUDE_LOG_LEVEL: { choices: logLevels },
};

const transport = { type: "stdio" };
const server = {
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
      environmentVariables: settings.map(({ name, text, secret, default: value }) => ({
        name,
        description: text,
        ...inputs[name],
        ...(secret && { isSecret: true }),
        ...(value !== undefined && { default: value }),
      })),
    },
    {
      registryType: "mcpb",
      identifier: `${repository}/releases/download/v${pkg.version}/${pkg.name}-${pkg.version}.mcpb`,
      version: pkg.version,
      ...(bundle && {
        fileSha256: createHash("sha256").update(readFileSync(bundle)).digest("hex"),
      }),
      transport,
    },
  ],
};

mkdirSync(folder, { recursive: true });
for (const [name, value] of Object.entries({ manifest, server })) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(value, null, 2)}\n`);
}
