import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rereadKeyFile } from "../../src/config/key.ts";
import { temporaryFolder } from "../support/guarded.ts";
import { runCli } from "../support/run-cli.ts";
import { builtServer } from "../support/server-process.ts";

describe("a key file", () => {
  it("that is a pipe is not read again: that would hold the server", () => {
    const pipe = join(temporaryFolder(), "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(rereadKeyFile(pipe)).toBeUndefined();
  });

  it("may be a pipe that a shell makes of a command", async () => {
    const script = 'PRELUDE_API_KEY_FILE=<(sleep 0.2; echo sk_1) exec "$0" "$@"';
    const command = ["bash", "-c", script, process.execPath, builtServer];
    const env = { PRELUDE_BASE_URL: "http://127.0.0.1:1", PRELUDE_TIMEOUT_MS: "300" };
    const { out } = await runCli(["--check", "--json"], env, command);
    expect(JSON.parse(out)).toMatchObject({ settings: { api_key: true } });
  });
});
