import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** Builds that stay, the new one included. */
const maxBuilds = 5;

const hashOf = (folder: string): string => {
  const hash = createHash("sha256");
  for (const file of readdirSync(folder).sort()) {
    hash.update(file).update(readFileSync(join(folder, file)));
  }
  return hash.digest("hex").slice(0, 10);
};

const copyChanged = (from: string, to: string): void => {
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from)) {
    const [source, target] = [join(from, file), join(to, file)];
    const isThere = existsSync(target) && readFileSync(target).equals(readFileSync(source));
    if (!isThere) copyFileSync(source, target);
  }
};

/** The folders of other builds, the newest first. */
const othersIn = (dist: string, name: string): string[] => {
  const timeOf = (folder: string) => statSync(join(dist, folder)).mtimeMs;
  return readdirSync(dist, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== name)
    .map((entry) => entry.name)
    .sort((a, b) => timeOf(b) - timeOf(a));
};

/**
 * Puts a build into a folder of `dist` that is named after what is in it. A server that runs loads
 * most of its files later, so those of the last five builds stay; a package takes only the new ones.
 *
 * @returns the folder's name
 */
export const publish = (staged: string, dist: string): string => {
  const name = hashOf(staged);
  copyChanged(staged, join(dist, name));
  const now = new Date();
  utimesSync(join(dist, name), now, now);
  const others = othersIn(dist, name);
  const gone = others.splice(maxBuilds - 1);
  for (const folder of gone) rmSync(join(dist, folder), { recursive: true });
  writeFileSync(join(dist, ".npmignore"), others.map((folder) => `/${folder}/\n`).join(""));
  return name;
};
