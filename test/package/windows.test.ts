import { expect } from "vitest";
import { posix } from "../support/posix.ts";
import { run } from "./run.ts";

posix(
  "test:windows says how to get Wine where there is none, with a status of its own",
  async () => {
    const tsx = ["--import", "tsx", "scripts/test-windows.ts"];
    const { code, stdout } = await run(process.execPath, tsx, { env: { PATH: "/nowhere" } });
    expect(code).toBe(77);
    expect(stdout).toContain("apt-get install --no-install-recommends wine wine64");
  },
);
