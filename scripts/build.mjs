import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { rolldown } from "rolldown";
import { lazySchemas } from "./lazy-schemas.mjs";
import { noticesText, packagesOf } from "./notices.mjs";

const { bin, engines } = JSON.parse(readFileSync("package.json", "utf8"));
const [binFile] = Object.values(bin);

/** Runs `*.wire.ts` now and ships the values that it exports, as JSON. */
const evaluateWire = () => ({
  name: "evaluate-wire",
  async load(id) {
    if (!id.endsWith(".wire.ts")) return null;
    const bundle = await rolldown({ input: id, platform: "node" });
    const { output } = await bundle.generate({ format: "esm", codeSplitting: false });
    const url = `data:text/javascript,${encodeURIComponent(output[0].code)}`;
    const values = { ...(await import(url)) };
    assert.deepEqual(JSON.parse(JSON.stringify(values)), values, `${id}: not plain JSON`);
    return Object.entries(values)
      .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`)
      .join("\n");
  },
});

/** The SDK's server names ajv as its default validator; ours is given another, so it is never made. */
const withoutAjv = () => {
  let found = false;
  return {
    name: "without-ajv",
    load(id) {
      if (!/sdk[\\/]dist[\\/]esm[\\/]validation[\\/]ajv-provider\.js$/.test(id)) return null;
      found = true;
      return 'export class AjvJsonSchemaValidator { constructor() { throw new Error("not bundled"); } }';
    },
    buildEnd: () => assert(found, "the SDK no longer imports validation/ajv-provider.js"),
  };
};

rmSync("dist", { recursive: true, force: true });
// CommonJS, because Node's ESM loader alone costs a third of a bare start.
const bundle = await rolldown({
  input: { main: "src/main.ts" },
  platform: "node",
  plugins: [evaluateWire(), withoutAjv(), lazySchemas()],
  transform: { target: "node20" },
  // How long a plugin took depends on the machine and is no defect.
  checks: { pluginTimings: false },
  onLog: (level, log) => {
    throw new Error(`${level}: ${log.message}`);
  },
});
const { output } = await bundle.write({
  dir: "dist/chunks",
  format: "cjs",
  minify: true,
  comments: { legal: false },
  entryFileNames: "[name].cjs",
  chunkFileNames: "[name].cjs",
});
const entry = readFileSync("src/entry.cjs", "utf8");
const minimumNode = engines.node.replace(">=", "");
writeFileSync(binFile, `#!/usr/bin/env node\n${entry.replace("MINIMUM_NODE", minimumNode)}`);
chmodSync(binFile, 0o755);

const chunks = output.filter((item) => item.type === "chunk");
const packages = packagesOf(chunks.flatMap((chunk) => chunk.moduleIds));
writeFileSync("dist/THIRD-PARTY-NOTICES.txt", noticesText(packages));

// What went where, for the tests that guard the start-up path and the supply chain.
mkdirSync("out", { recursive: true });
const record = {
  packages: packages.map(({ name, license }) => ({ name, license })),
  entry: { fileName: relative("dist", binFile), imports: ["chunks/main.cjs"] },
  chunks: chunks.map(({ fileName, code, imports, moduleIds }) => ({
    fileName: `chunks/${fileName}`,
    bytes: Buffer.byteLength(code),
    imports: imports.map((name) => (name.endsWith(".cjs") ? `chunks/${name}` : name)),
    modules: moduleIds.map((id) => relative(".", id)),
  })),
};
writeFileSync("out/bundle.json", `${JSON.stringify(record, null, 2)}\n`);
