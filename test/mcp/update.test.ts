import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { publish } from "../../scripts/build/publish.ts";
import { builtFiles } from "../support/fresh-build.ts";
import { app, startServer, user } from "../support/server-process.ts";

// An update while servers run: `git pull && npm ci && npm run build`, under their feet.

const root = mkdtempSync(join(tmpdir(), "update-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The build under test in a `dist` of its own. */
const dist = join(root, "dist");
beforeAll(() => {
  for (const file of builtFiles()) cpSync(join("dist", file), join(dist, file));
});

const call = { app_id: app, user_id: user, profile: { first_name: "Jane" } };

/** A server that has answered, but loaded nothing that a call needs. */
const running = async (env: Record<string, string> = {}) => {
  const file = join(dist, "prelude-profile-mcp.cjs");
  const server = startServer({ command: [process.execPath, file, "--sandbox"], env });
  await server.initialize();
  return server;
};

let builds = 0;
const build = (): string => {
  const staged = mkdtempSync(join(root, "staged-"));
  builds += 1;
  writeFileSync(join(staged, "main.cjs"), `// build ${builds}`);
  return publish(staged, dist);
};

it("a server goes on working through the next four builds, and then says that it must be restarted", async () => {
  const server = await running({ PRELUDE_READ: "keys" });
  const other = await running();
  for (let i = 0; i < 4; i++) build();
  expect((await server.callTool(call)).structured.status).toBe("updated");

  build();
  const { structured, isError } = await other.callTool(call);
  expect(isError).toBe(true);
  expect(structured).toMatchObject({
    status: "not_updated",
    updated_keys: [],
    error: {
      code: "files_replaced",
      message: expect.stringContaining("Nothing was written"),
      retryable: false,
      next_step: expect.stringContaining("must be restarted"),
    },
  });
  expect(other.stderr()).toContain("update_user_profile: files_replaced (call ");

  const read = await server.call("get_user_profile", { app_id: app, user_id: user });
  expect(read.structured).toMatchObject({ status: "not_read", error: { code: "files_replaced" } });
  // What is loaded already goes on working.
  expect((await server.callTool(call)).structured.status).toBe("updated");
  await server.close();
  await other.close();
});
