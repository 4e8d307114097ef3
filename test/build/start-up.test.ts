import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { startServer } from "../support/server-process.ts";

type Chunk = {
  fileName: string;
  bytes: number;
  imports: string[];
  modules: string[];
};

// Written by the build: what went into which file.
const { chunks } = JSON.parse(readFileSync("out/bundle.json", "utf8")) as { chunks: Chunk[] };
const chunk = (name: string) => chunks.find(({ fileName }) => fileName.endsWith(`/${name}.cjs`));

/** Modules of each chunk, by package; our own by file name. */
const packagesOf = (modules: readonly string[]) =>
  new Set(
    modules.map((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1]).filter((name) => name),
  );

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

describe("what a conversation pays for before the first call", () => {
  const start = chunk("main") as Chunk;

  /** What a start can do without: the work itself, the other commands, a tool beyond its definition. */
  const late = [
    /^src\/(?:prelude|profile|sandbox)\//,
    /^src\/cli\/(?!args|serve)/,
    /^src\/tools\/(?:messages|reasons|error|dependencies|failure-facts)\b/,
    /^src\/tools\/[\w-]+\/(?!definition)/,
  ];

  test("the SDK's server, zod, and of our own rooms none that is needed later", () => {
    expect(packagesOf(start.modules)).toEqual(new Set(["@modelcontextprotocol/sdk", "zod"]));
    const ours = start.modules.filter((id) => id.startsWith("src/"));
    expect(ours).toContain("src/main.ts");
    expect(ours.filter((id) => late.some((room) => room.test(id)))).toEqual([]);
  });

  test("no undici, no ajv, no zod v3, no JSON Schema conversion, no locale but the default", () => {
    const unwanted = start.modules.filter(
      (id) =>
        /undici|ajv|zod-to-json-schema|zod\/v3\/|locales\/(?!en\.js)/.test(id) &&
        !id.endsWith("ajv-provider.js"),
    );
    expect(unwanted).toEqual([]);
  });

  test("no other chunk, and no built-in module that is slow to load", () => {
    expect(
      start.imports.filter(
        (name) => !["node:buffer", "node:fs", "node:path", "node:util"].includes(name),
      ),
    ).toEqual([]);
  });

  test.each([
    ["main", 178],
    ["client", 560],
    ["schema", 90],
    ["update-profile", 28],
    ["sandbox", 4],
    ["hosts", 7],
  ])("%s is at most %i kB", (name, kilobytes) => {
    expect((chunk(name)?.bytes ?? Number.POSITIVE_INFINITY) / 1024).toBeLessThanOrEqual(kilobytes);
  });

  test("listing the tool loads no further file", async () => {
    expect(await loadedAfter("list")).toEqual(["prelude-profile-mcp.cjs", "main.cjs"]);
  });

  test("a call that is refused does not load the HTTP client either", async () => {
    const files = await loadedAfter("call");
    expect(files).toContain("update-profile.cjs");
    expect(files).not.toContain("client.cjs");
    expect(files).not.toContain("sandbox.cjs");
  });
});
