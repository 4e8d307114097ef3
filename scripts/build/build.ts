import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { bundle, type Chunk } from "./bundle.ts";
import { type BundledPackage, noticesText, packagesOf } from "./notices.ts";
import { publish } from "./publish.ts";
import { tricks } from "./tricks.ts";

// Writes dist/ from src/, and out/bundle.json: what went where.

type Manifest = { bin: Record<string, string>; engines: { node: string } };

const { bin, engines }: Manifest = JSON.parse(readFileSync("package.json", "utf8"));
const [binFile = ""] = Object.values(bin);

/** At once: a client may start the server at any moment. */
const writeEntry = (folder: string): void => {
  const entry = readFileSync("src/entry.cjs", "utf8")
    .replace("MINIMUM_NODE", engines.node.replace(">=", ""))
    .replace("BUILD_FOLDER", folder);
  writeFileSync(`${binFile}.new`, `#!/usr/bin/env node\n${entry}`);
  chmodSync(`${binFile}.new`, 0o755);
  renameSync(`${binFile}.new`, binFile);
};

/** For packing, and for the tests that guard the start-up path and the supply chain. */
const recordOf = (
  folder: string,
  chunks: readonly Chunk[],
  packages: readonly BundledPackage[],
) => ({
  packages: packages.map(({ name, license }) => ({ name, license })),
  entry: { fileName: relative("dist", binFile), imports: [`${folder}/main.cjs`] },
  notices: "THIRD-PARTY-NOTICES.txt",
  chunks: chunks.map(({ fileName, code, imports, moduleIds }) => ({
    fileName: `${folder}/${fileName}`,
    bytes: Buffer.byteLength(code),
    imports: imports.map((name) => (name.endsWith(".cjs") ? `${folder}/${name}` : name)),
    modules: moduleIds.map((id) => relative(".", id)),
  })),
});

// The record goes first and comes last: where it is newer than the sources, the build is whole.
const record = "out/bundle.json";
const staged = "out/chunks";
rmSync(record, { force: true });
rmSync(staged, { recursive: true, force: true });
const plugins = Object.values(tricks).map((trick) => trick());
const chunks = await bundle("src/main.ts", staged, plugins);
mkdirSync("dist", { recursive: true });
const folder = publish(staged, "dist");
const packages = packagesOf(chunks.flatMap((chunk) => chunk.moduleIds));
writeFileSync("dist/THIRD-PARTY-NOTICES.txt", noticesText(packages));
writeEntry(folder);
writeFileSync(record, `${JSON.stringify(recordOf(folder, chunks, packages), null, 2)}\n`);
