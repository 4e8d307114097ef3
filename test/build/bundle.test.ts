import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundle } from "../../scripts/build/bundle.ts";

const bundled = async (code: string): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "bundle-"));
  writeFileSync(join(folder, "main.ts"), code);
  await bundle(join(folder, "main.ts"), join(folder, "out"));
  return readFileSync(join(folder, "out", "main.cjs"), "utf8");
};

test("what is not ASCII is escaped", async () => {
  expect(await bundled('export const text = "“é”";')).toContain("\\u201c\\u00e9\\u201d");
});

test.each(["export const form = /^[\\“]$/;", "export const raw = String.raw`“`;"])(
  "where an escape would mean something else, the build stops: %s",
  async (code) => {
    await expect(bundled(code)).rejects.toThrow("cannot be written in ASCII");
  },
);
