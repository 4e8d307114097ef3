import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Each server under test is a process of its own; a slow machine must not turn into a red test.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The tests wait for other processes most of the time.
    maxWorkers: 3,
  },
});
