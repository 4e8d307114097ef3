import { defineConfig } from "vitest/config";

/** What floods, kills, waits, packs or plays the demo again and again: `npm run test:slow`, and CI. */
const slow = [
  "test/mcp/{lifecycle,revisions,update}.test.ts",
  "test/fuzz/**/*.test.ts",
  "test/long-life.test.ts",
  "test/docs/demo.test.ts",
  "test/package/**/*.test.ts",
];

const common = {
  // Each server under test is a process of its own; a slow machine must not turn into a red test.
  testTimeout: 60_000,
  hookTimeout: 60_000,
  setupFiles: ["test/support/no-leak-warnings.ts"],
};

export default defineConfig({
  test: {
    // The tests wait for other processes most of the time.
    maxWorkers: 3,
    // A green run is short: a dot for each test where a person waits, else the sum alone.
    reporters: process.stdout.isTTY ? ["dot"] : ["minimal"],
    // Of the whole run, not of each project: one build, and before the first test.
    globalSetup: "test/support/fresh-build.ts",
    projects: [
      { test: { ...common, name: "quick", include: ["test/**/*.test.ts"], exclude: slow } },
      { test: { ...common, name: "slow", include: slow } },
    ],
  },
});
