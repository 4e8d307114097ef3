import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { drawTerminal } from "./terminal-svg.ts";

// Draws what `demo.mjs --short` really prints as pictures of a terminal, a wide one and one for
// phones, into the folder that is given.

const words =
  "An agent's call meets a reserved key; it follows next_step, and the second call writes the other keys.";

const playDemo = (): string[] => {
  const { NO_COLOR: _, ...env } = process.env;
  const demo = fileURLToPath(new URL("demo.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [demo, "--short"], {
    env: { ...env, FORCE_COLOR: "1" },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the demo failed, so there is no picture\n${stderr}`);
  return stdout.trimEnd().split("\n");
};

const [folder = "docs"] = process.argv.slice(2);
const lines = playDemo();
const about = { title: "npm run demo", description: words };
writeFileSync(join(folder, "demo.svg"), drawTerminal(lines, about));
writeFileSync(join(folder, "demo-narrow.svg"), drawTerminal(lines, { ...about, columns: 44 }));
