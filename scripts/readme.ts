import { readFileSync, writeFileSync } from "node:fs";
import { type Launch, printConfig } from "../src/cli/host-config.ts";
import { type HostName, hostNames, hosts } from "../src/cli/hosts.ts";

// Writes the part of README.md that depends on whether the package is published: until then its name
// on npm may be anybody's, so nothing may tell people to start it by that name.

type Release = { name: string; version: string; published: boolean };

const begin = "<!-- Written by npm run readme. -->";
const end = "<!-- End of what npm run readme writes. -->";

const clonePath = "/home/me/prelude-profile-mcp/dist/prelude-profile-mcp.cjs";

/** What the examples of the README start. */
const launchOf = ({ name, version, published }: Release): Launch => ({
  command: published ? "npx" : "/usr/bin/node",
  args: published ? ["-y", `${name}@${version}`] : [clonePath],
  env: {},
  key: "variable",
  shell: "posix",
});

/** How a command of this package is started from a terminal. */
export const programOf = ({ name, version, published }: Release): string =>
  published ? `npx -y ${name}@${version}` : `node dist/${name}.cjs`;

const getIt = (release: Release): string[] => {
  const print = `${programOf(release)} --print-config claude-code`;
  if (release.published) {
    return [`\`\`\`sh\n${print}\n\`\`\``];
  }
  return [
    "The package is not on npm yet, so run it from a clone of this repository:",
    `\`\`\`sh\nnpm ci\nnpm run build\n${print}\n\`\`\``,
  ];
};

const example = (release: Release, host: HostName, title: string): string => {
  const { block } = printConfig(host, launchOf(release));
  const { format, where } = hosts[host];
  return `<details><summary>What it prints for ${title}</summary>\n\nFor ${where}:\n\n\`\`\`${format}\n${block}\n\`\`\`\n\n</details>`;
};

const windows = ({ published }: Release): string =>
  published ? "; on Windows, where npx is a script, the block says `cmd /c npx`" : "";

const desktop = ({ published }: Release): string => {
  const file = published
    ? "open the `.mcpb` file of a release"
    : "`npm run bundle:mcpb` writes `out/*.mcpb`; open that file";
  return `**Claude Desktop**: ${file}. The app asks for the settings and puts the key into the system's keychain.`;
};

/** The Markdown between the two marks. */
export const installText = (release: Release): string =>
  [
    begin,
    ...getIt(release),
    `prints the block for Claude Code, the command that does the same, and how the key gets there. Other names: ${hostNames.map((host) => `\`${host}\``).join(", ")}. The block starts ${release.published ? "exactly this version" : "this very build, by its absolute path"}${windows(release)}. \`--sandbox\` and the settings of the environment, save the key, are carried into it.`,
    example(release, "codex", "Codex"),
    desktop(release),
    end,
  ].join("\n\n");

/** The text with what stands between the marks written anew. Throws where the marks are missing. */
export const withInstallText = (readme: string, release: Release): string => {
  const [before, rest] = readme.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error("README.md has no marks");
  const commands = /^(?:npx -y \S+|node dist\/\S+\.cjs) (?=--check)/gm;
  return `${before}${installText(release)}${after}`.replace(commands, `${programOf(release)} `);
};

if (process.argv[1]?.endsWith("readme.ts")) {
  const { name, version, repository } = JSON.parse(readFileSync("package.json", "utf8"));
  const release = { name, version, published: !repository.url.includes("/OWNER/") };
  writeFileSync("README.md", withInstallText(readFileSync("README.md", "utf8"), release));
}
