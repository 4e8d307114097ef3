import { resolve } from "node:path";
import type { Plugin } from "rolldown";
import { bundle } from "../scripts/build/bundle.ts";
import { tricks } from "../scripts/build/tricks.ts";
import { otherNode } from "./processes.ts";
import { measureStart } from "./start-up.ts";

// Usage: npm run bench:build [RUNS]
// What each trick of the build gives: builds without one of them at a time, interleaved.

const [runs = "41"] = process.argv.slice(2);

/** Without evaluate-wire, a module that was to be loaded later is needed at once. */
const quiet: Plugin = { name: "quiet", onLog: () => false };

const build = async (without: string): Promise<string> => {
  const plugins = Object.entries(tricks).flatMap(([name, trick]) =>
    name === without ? [] : [trick()],
  );
  const folder = `out/tricks/${without}`;
  await bundle("src/main.ts", folder, [...plugins, quiet]);
  return resolve(folder, "main.cjs");
};

const files: [without: string, file: string][] = [];
for (const name of ["nothing", ...Object.keys(tricks)]) files.push([name, await build(name)]);

for (const node of [process.execPath, otherNode(24)]) {
  const commands = Object.fromEntries(files.map(([name, file]) => [name, [node, file]]));
  const { nothing: whole, ...others } = await measureStart(node, commands, Number(runs));
  const saved = (mine = Number.NaN, theirs = Number.NaN): string =>
    `${(100 * (1 - mine / theirs)).toFixed(0)} %`;
  console.log(node);
  for (const [name, { init_ms, cpu_ms }] of Object.entries(others)) {
    const time = saved(whole?.init_ms.p50, init_ms.p50);
    const cpu = saved(whole?.cpu_ms.p50, cpu_ms.p50);
    console.log(`  ${name} saves ${time} of the time to initialize, ${cpu} of its CPU time`);
  }
}
