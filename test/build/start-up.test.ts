import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { startServer } from "../support/server-process.ts";

/** Files that the process loaded until it had answered, from its own require cache. */
const loadedAfter = async (use: "list" | "call"): Promise<string[]> => {
  const report =
    'process.on("exit",()=>process.stderr.write("LOADED "+JSON.stringify(Object.keys(require.cache))+"\\n"))';
  const probe = `data:text/javascript,import{createRequire}from"node:module";const require=createRequire("file:///");${encodeURIComponent(report)}`;
  const server = startServer({
    command: [process.execPath, "--import", probe, "dist/prelude-profile-mcp.cjs"],
  });
  await server.initialize();
  await server.request("tools/list");
  if (use === "call") await server.callTool({});
  await server.close();
  const line = /LOADED (.*)/.exec(server.stderr())?.[1] ?? "[]";
  return (JSON.parse(line) as string[]).map((file) => basename(file));
};

test("its files are in ASCII, which takes half the memory", () => {
  const { chunks } = JSON.parse(readFileSync("out/bundle.json", "utf8"));
  for (const { fileName } of chunks) {
    expect(readFileSync(`dist/${fileName}`, "utf8"), fileName).toMatch(/^[\0-\x7f]+$/);
  }
});

test("who only lists the tool waits for no further file", async () => {
  expect(await loadedAfter("list")).toEqual(["prelude-profile-mcp.cjs", "main.cjs"]);
});

test("a call that is refused does not load the HTTP client", async () => {
  const files = await loadedAfter("call");
  expect(files).toContain("update-profile.cjs");
  expect(files).not.toContain("client.cjs");
  expect(files).not.toContain("sandbox.cjs");
});
