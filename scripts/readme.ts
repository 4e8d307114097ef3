import { readFileSync, writeFileSync } from "node:fs";

// Writes the parts of the documents that depend on whether the package is published: until then its
// name on npm may be anybody's, so nothing may tell people to start it by that name.

type Release = { name: string; version: string; published: boolean };

const begin = "<!-- Written by npm run readme. -->";
const end = "<!-- End of what npm run readme writes. -->";

/** The documents that say how the program is started. */
export const documents = ["README.md", "docs/clients.md"] as const;

/** How a command of this package is started from a terminal. */
export const programOf = ({ name, version, published }: Release): string =>
  published ? `npx -y ${name}@${version}` : `node dist/${name}.cjs`;

const installText = (release: Release): string => {
  const print = `${programOf(release)} --print-config claude-code`;
  const [lead, commands, build, bundle] = release.published
    ? ["This", print, "exactly this version", "open the `.mcpb` file of a release"]
    : [
        "The package is not on npm yet, so run it from a clone of this repository. This",
        `npm ci\nnpm run build\n${print}`,
        "this very build, by its absolute path",
        "open the file that `npm run bundle:mcpb` writes to `out/`",
      ];
  return `${lead}

\`\`\`sh
${commands}
\`\`\`

prints the entry for Claude Code, the command that adds it, and how the key gets there. It starts ${build}, with \`--sandbox\` if given and the environment's settings, except the key. For Claude Desktop ${bundle} instead; [the other clients](docs/clients.md).`;
};

/** A document with what depends on the release written anew. */
export const withRelease = (text: string, release: Release): string => {
  const started = new RegExp(
    `(?:npx -y ${release.name}@\\S+|node dist/${release.name}\\.cjs)(?= --)`,
    "g",
  );
  const [before, after] = [text.split(begin)[0], text.split(end)[1]];
  const whole =
    after === undefined ? text : `${before}${begin}\n\n${installText(release)}\n\n${end}${after}`;
  return whole.replace(started, programOf(release));
};

if (process.argv[1]?.endsWith("readme.ts")) {
  const { name, version, repository } = JSON.parse(readFileSync("package.json", "utf8"));
  const release = { name, version, published: !repository.url.includes("/OWNER/") };
  for (const file of documents) {
    writeFileSync(file, withRelease(readFileSync(file, "utf8"), release));
  }
}
