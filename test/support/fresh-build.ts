import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

// What dist is made of. Folders count, too: theirs is the time of the last file that came or went.
const sources = ["package.json", "package-lock.json", "src", "scripts/build"];
/** Written by the build, last of all. */
const builtRecord = "out/bundle.json";

const mtimeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const newest = (path: string): number => {
  if (!statSync(path).isDirectory()) return mtimeOf(path);
  const below = readdirSync(path, { recursive: true, encoding: "utf8" });
  return Math.max(mtimeOf(path), ...below.map((name) => mtimeOf(join(path, name))));
};

const isFresh = (): boolean =>
  mtimeOf("dist") > 0 && mtimeOf(builtRecord) > Math.max(...sources.map(newest));

/**
 * Vitest's global setup, run once before the first test of all projects: builds unless dist is newer
 * than its sources, so that no test meets a stale build.
 */
export const setup = (): void => {
  if (isFresh()) return;
  execFileSync(process.execPath, ["--import", "tsx", "scripts/build/build.ts"], {
    stdio: "inherit",
  });
};
