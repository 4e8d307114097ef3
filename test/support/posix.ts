import { it } from "vitest";

/** A test of what only POSIX has (modes, FIFOs, signals, `/proc`): it says so, and Windows skips it. */
export const posix = (name: string, run: () => unknown): void => {
  it.skipIf(process.platform === "win32")(`posix: ${name}`, async () => {
    await run();
  });
};
