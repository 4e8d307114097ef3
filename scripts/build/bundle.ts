import { type OutputChunk, type Plugin, rolldown } from "rolldown";

/**
 * Bundles a program and what it imports as minified CommonJS for the oldest Node supported, one file
 * per dynamic import. A warning stops it.
 *
 * CommonJS, because Node 20's loader of ES modules takes a tenth of the CPU time of our start; on
 * Node 24 there is no difference.
 */
export const bundle = async (
  input: Record<string, string>,
  dir: string,
  plugins: Plugin[] = [],
): Promise<OutputChunk[]> => {
  const build = await rolldown({
    input,
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
  });
  return output.filter((item) => item.type === "chunk");
};
