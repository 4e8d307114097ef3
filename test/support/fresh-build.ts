import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

// What dist is made of. Folders count, too: theirs is the time of the last file that came or went.
const sources = ["package.json", "package-lock.json", "src", "scripts/build"];
/** Removed first and written last by the build. */
const record = "out/bundle.json";

const timeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const newest = (path: string): number => {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const below = isFolder ? readdirSync(path, { recursive: true, encoding: "utf8" }) : [];
  return Math.max(timeOf(path), ...below.map((name) => timeOf(join(path, name))));
};

/** Whether dist is there, whole, and newer than everything that it is made of. */
export const isFresh = (root: string): boolean => {
  const built = timeOf(join(root, record));
  return (
    timeOf(join(root, "dist")) > 0 && sources.every((path) => newest(join(root, path)) < built)
  );
};

type Built = { entry: { fileName: string }; notices: string; chunks: { fileName: string }[] };

/** The files of this build, as paths in dist, which holds those of earlier builds, too. */
export const builtFiles = (): string[] => {
  const { entry, notices, chunks }: Built = JSON.parse(readFileSync(record, "utf8"));
  return [entry.fileName, notices, ...chunks.map(({ fileName }) => fileName)];
};

/**
 * Vitest's global setup, run once before the first test of all projects: builds what is not fresh,
 * so that no test meets a stale build.
 */
export const setup = (): void => {
  if (isFresh(".")) return;
  execFileSync(process.execPath, ["--import", "tsx", "scripts/build/build.ts"], {
    stdio: "inherit",
  });
};
