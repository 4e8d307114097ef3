import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { OutputChunk } from "rolldown";
import { bundle } from "./bundle.ts";
import { type BundledPackage, noticesText, packagesOf } from "./notices.ts";
import { tricks } from "./tricks.ts";

// Writes dist/ from src/, and out/bundle.json: what went where.

type Manifest = { bin: Record<string, string>; engines: { node: string } };

const { bin, engines }: Manifest = JSON.parse(readFileSync("package.json", "utf8"));
const [binFile = ""] = Object.values(bin);

const writeEntry = (): void => {
  const entry = readFileSync("src/entry.cjs", "utf8");
  const minimumNode = engines.node.replace(">=", "");
  writeFileSync(binFile, `#!/usr/bin/env node\n${entry.replace("MINIMUM_NODE", minimumNode)}`);
  chmodSync(binFile, 0o755);
};

/** For the tests that guard the start-up path and the supply chain. */
const recordOf = (chunks: readonly OutputChunk[], packages: readonly BundledPackage[]) => ({
  packages: packages.map(({ name, license }) => ({ name, license })),
  entry: { fileName: relative("dist", binFile), imports: ["chunks/main.cjs"] },
  chunks: chunks.map(({ fileName, code, imports, moduleIds }) => ({
    fileName: `chunks/${fileName}`,
    bytes: Buffer.byteLength(code),
    imports: imports.map((name) => (name.endsWith(".cjs") ? `chunks/${name}` : name)),
    modules: moduleIds.map((id) => relative(".", id)),
  })),
});

// The record goes first and comes last: where it is newer than the sources, the build is whole.
const record = "out/bundle.json";
rmSync(record, { force: true });
rmSync("dist", { recursive: true, force: true });
const plugins = Object.values(tricks).map((trick) => trick());
const chunks = await bundle({ main: "src/main.ts" }, "dist/chunks", plugins);
writeEntry();
const packages = packagesOf(chunks.flatMap((chunk) => chunk.moduleIds));
writeFileSync("dist/THIRD-PARTY-NOTICES.txt", noticesText(packages));
mkdirSync("out", { recursive: true });
writeFileSync(record, `${JSON.stringify(recordOf(chunks, packages), null, 2)}\n`);
