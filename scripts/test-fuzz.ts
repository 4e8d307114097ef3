import { spawnSync } from "node:child_process";

// Usage: npm run test:fuzz [RUNS]
// The tests with random input and the long life, with more of both than the other commands have.
const [runs = "50000"] = process.argv.slice(2);
const env = { FUZZ_RUNS: runs, PROPERTY_RUNS: runs, LONG_LIFE_CALLS: runs, ...process.env };
const tests = ["test/fuzz", "test/long-life.test.ts", "test/profile", "test/guards/interleaving"];
const { status } = spawnSync("npx", ["vitest", "run", ...tests], {
  stdio: "inherit",
  env,
  shell: process.platform === "win32",
});
process.exitCode = status ?? 1;
