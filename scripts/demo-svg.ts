import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { drawTerminal } from "./terminal-svg.ts";

// Draws what `demo.ts --short` really prints as pictures of a terminal, a wide one and one for
// phones, into the folder that is given.

const words =
  "An agent does what a person asks, handles a ticket without the order hidden in it, and puts a call in a wrong shape right in one further call.";

const playDemo = (): string[] => {
  const { NO_COLOR: _, ...env } = process.env;
  const demo = fileURLToPath(new URL("demo.ts", import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", demo, "--short"],
    {
      env: { ...env, FORCE_COLOR: "1" },
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`the demo failed, so there is no picture\n${stderr}`);
  return stdout.trimEnd().split("\n");
};

const [folder = "docs"] = process.argv.slice(2);
const lines = playDemo();
const about = { title: "npm run demo", description: words };
writeFileSync(join(folder, "demo.svg"), drawTerminal(lines, about));
writeFileSync(join(folder, "demo-narrow.svg"), drawTerminal(lines, { ...about, columns: 44 }));
