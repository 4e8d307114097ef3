import { basename } from "node:path";
import { type OutputChunk, type Plugin, rolldown } from "rolldown";

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
): Promise<OutputChunk[]> => {
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
  const { output } = await build.write({
    dir,
    format: "cjs",
    minify: true,
    comments: { legal: false },
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
    codeSplitting: { groups: [{ name, tags: ["$initial"] }] },
  });
  return output.filter((item) => item.type === "chunk");
};
