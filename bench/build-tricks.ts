import { resolve } from "node:path";
import type { Plugin } from "rolldown";
import { bundle } from "../scripts/build/bundle.ts";
import { tricks } from "../scripts/build/tricks.ts";
import { otherNode } from "./installed.ts";
import { measureStart } from "./start-up.ts";

// Usage: npm run bench:build [RUNS]
// What each trick of the build gives: builds without one of them at a time, interleaved.

const [runs = "41"] = process.argv.slice(2);

/** Without evaluate-wire, a module that was to be loaded later is needed at once. */
const quiet: Plugin = { name: "quiet", onLog: () => false };

const build = async (without?: string): Promise<string> => {
  const plugins = Object.entries(tricks).flatMap(([name, trick]) =>
    name === without ? [] : [trick()],
  );
  const folder = `out/tricks/${without ?? "all"}`;
  await bundle({ main: "src/main.ts" }, folder, [...plugins, quiet]);
  return resolve(folder, "main.cjs");
};

const report = async (node: string, files: Record<string, string>): Promise<void> => {
  const servers = Object.entries(files).map(([name, file]) => [name, [node, file]]);
  const start = await measureStart(node, Object.fromEntries(servers), Number(runs));
  const saved = (name: string, field: "init_ms" | "cpu_ms"): string => {
    const [all, without] = [start.all?.[field]?.p50, start[name]?.[field]?.p50];
    if (all === undefined || without === undefined) throw new Error(`${name} was not measured`);
    return `${(100 * (1 - all / without)).toFixed(0)} %`;
  };
  console.log(node);
  for (const name of Object.keys(tricks)) {
    const [time, cpu] = [saved(name, "init_ms"), saved(name, "cpu_ms")];
    console.log(`  ${name} saves ${time} of the time to initialize, ${cpu} of its CPU time`);
  }
};

const files: Record<string, string> = { all: await build() };
for (const name of Object.keys(tricks)) files[name] = await build(name);
for (const node of [process.execPath, otherNode(24)]) await report(node, files);
