import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A package that code was taken from, with the text of its licence. */
export type BundledPackage = { name: string; version: string; license: string; text: string };

type Manifest = { name: string; version?: string; license: string };

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** The folder of the package that a module belongs to; undefined for our own modules. */
const packageFolder = (id: string): string | undefined => {
  if (!id.includes("node_modules")) return undefined;
  let folder = dirname(id);
  // Folders inside a package may have a package.json of their own, without a version.
  while (!(existsSync(join(folder, "package.json")) && manifestOf(folder).version)) {
    folder = dirname(folder);
  }
  return folder;
};

const describe = (folder: string): BundledPackage => {
  const { name, version = "", license } = manifestOf(folder);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence file`);
  return { name, version, license, text: readFileSync(join(folder, file), "utf8").trim() };
};

/** The packages that the modules belong to, by name. */
export const packagesOf = (moduleIds: readonly string[]): BundledPackage[] =>
  [...new Set(moduleIds.map(packageFolder))]
    .filter((folder) => folder !== undefined)
    .map(describe)
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** The licences of everything that is bundled, as one text. */
export const noticesText = (packages: readonly BundledPackage[]): string =>
  packages
    .map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text}\n`)
    .join(`\n${"-".repeat(80)}\n\n`);
