import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isFresh } from "../support/fresh-build.ts";

const sources = ["package.json", "package-lock.json", "src/a/b.ts", "scripts/build/build.ts"];

/** A repository whose sources are of second 100 and whose build is of second 200. */
const repository = () => {
  const root = mkdtempSync(join(tmpdir(), "fresh-build-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const write = (path: string) => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), "");
  };
  const touch = (path: string, second: number) => utimesSync(join(root, path), second, second);
  const built = ["dist/0123456789/main.cjs", "out/bundle.json"];
  for (const path of [...sources, ...built]) write(path);
  for (const path of ["src", "src/a", "scripts", "scripts/build", ...sources]) touch(path, 100);
  for (const path of built) touch(path, 200);
  return {
    root,
    write,
    touch,
    remove: (path: string) => rmSync(join(root, path), { recursive: true }),
  };
};

test("a build that is newer than all its sources is fresh", () => {
  const { root, write } = repository();
  write("test/new.test.ts");
  write("scripts/other.ts");
  expect(isFresh(root)).toBe(true);
});

test.each(sources)("a change of %s makes it stale", (path) => {
  const { root, touch } = repository();
  touch(path, 300);
  expect(isFresh(root)).toBe(false);
});

test.each(["src/a/b.ts", "scripts/build/build.ts"])("so does the end of %s", (path) => {
  const { root, remove } = repository();
  remove(path);
  expect(isFresh(root)).toBe(false);
});

test.each(["dist", "out/bundle.json"])("without %s there is no build", (path) => {
  const { root, remove } = repository();
  remove(path);
  expect(isFresh(root)).toBe(false);
});
