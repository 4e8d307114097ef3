import { config } from "zod/v4/core";
import { minimumNode } from "./about.wire.ts";

// Imported before everything else: the SDK's schemas must find the setting, and a Node that is too
// old must get one clear line before it stumbles over something newer.

const numbers = (version: string): number[] => version.split(".").map(Number);

const isOlder = (version: string, minimum: string): boolean => {
  const [have, want] = [numbers(version), numbers(minimum)];
  const differs = want.findIndex((part, i) => part !== have[i]);
  return differs >= 0 && (have[differs] as number) < (want[differs] as number);
};

if (isOlder(process.versions.node, minimumNode)) {
  process.stderr.write(
    `prelude-profile-mcp needs Node.js ${minimumNode} or newer; this is ${process.versions.node}\n`,
  );
  process.exit(1);
}

// zod would compile a parser for each schema; most of the SDK's are used once or never.
config({ jitless: true });
