import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { publish } from "../../scripts/build/publish.ts";

const root = mkdtempSync(join(tmpdir(), "publish-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const stage = (text: string): string => {
  const staged = mkdtempSync(join(root, "staged-"));
  writeFileSync(join(staged, "main.cjs"), text);
  return staged;
};

/** A `dist` with a build for each text, the oldest first. */
const distWith = (texts: string[]) => {
  const dist = mkdtempSync(join(root, "dist-"));
  const names = texts.map((text, second) => {
    const name = publish(stage(text), dist);
    utimesSync(join(dist, name), second + 1, second + 1);
    return name;
  });
  const folders = () => readdirSync(dist).filter((name) => name !== ".npmignore");
  return { dist, names, folders };
};

test("the same build again is the same folder, whole, and the newest", () => {
  const { dist, names, folders } = distWith(["a", "b", "c", "d", "e"]);
  const [first = ""] = names;
  writeFileSync(join(dist, first, "main.cjs"), "damaged");
  expect(publish(stage("a"), dist)).toBe(first);
  expect(readFileSync(join(dist, first, "main.cjs"), "utf8")).toBe("a");
  publish(stage("f"), dist);
  expect(folders()).toContain(first);
});

test("npm leaves out every build but the newest", () => {
  const { dist, names } = distWith(["a", "b", "c"]);
  const ignored = readFileSync(join(dist, ".npmignore"), "utf8").trim().split("\n");
  expect(ignored.sort()).toEqual(
    names
      .slice(0, 2)
      .map((name) => `/${name}/`)
      .sort(),
  );
});
