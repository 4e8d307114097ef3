import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type OutputChunk, type Plugin, rolldown } from "rolldown";

export type Chunk = Pick<OutputChunk, "fileName" | "imports" | "moduleIds" | "code">;

/**
 * Code in ASCII, of which V8 keeps a byte a character; one quotation mark of print makes a file twice
 * as large in memory. In `String.raw`, and behind a backslash, an escape would mean something else.
 */
const inAscii = (code: string): string => {
  const odd = /String\.raw|(?<!\\)(?:\\\\)*\\[^\0-\x7f]/.exec(code);
  if (odd) throw new Error(`cannot be written in ASCII: ${odd[0]}`);
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return code.replace(/[^\0-\x7f]/g, escaped);
};

/**
 * Bundles a program and what it imports as minified CommonJS for the oldest Node supported: one file
 * for all that its start loads, others for what dynamic imports load later. A warning stops it.
 *
 * CommonJS, because Node 20's loader of ES modules takes a tenth of the CPU time of our start; on
 * Node 24 there is no difference.
 */
export const bundle = async (
  file: string,
  dir: string,
  plugins: Plugin[] = [],
): Promise<Chunk[]> => {
  const name = basename(file, ".ts");
  const build = await rolldown({
    input: { [name]: file },
    platform: "node",
    plugins,
    transform: { target: "node20" },
    // How long a plugin took depends on the machine and is no defect.
    checks: { pluginTimings: false },
    onLog: (level, log) => {
      throw new Error(`${level}: ${log.message}`);
    },
  });
  const { output } = await build.generate({
    format: "cjs",
    minify: true,
    comments: { legal: false },
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
    codeSplitting: { groups: [{ name, tags: ["$initial"] }] },
  });
  const chunks = output.filter((item) => item.type === "chunk");
  mkdirSync(dir, { recursive: true });
  return chunks.map(({ fileName, imports, moduleIds, code }) => {
    const written = inAscii(code);
    writeFileSync(join(dir, fileName), written);
    return { fileName, imports, moduleIds, code: written };
  });
};
