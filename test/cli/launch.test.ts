import { describe, expect, it } from "vitest";
import { nodePath, type Place, programOf } from "../../src/cli/launch.ts";

const release = { name: "prelude-profile-mcp", version: "1.2.3", published: true };

const at = (script: string, of: Partial<Place> = {}): Place => ({
  platform: "linux",
  node: "/usr/bin/node",
  script,
  searchPath: "/usr/bin",
  realpath: (file) => file,
  ...of,
});

const npmScripts = [
  "/home/me/.npm/_npx/0a1b/node_modules/prelude-profile-mcp/dist/prelude-profile-mcp.cjs",
  "/usr/lib/node_modules/prelude-profile-mcp/dist/prelude-profile-mcp.cjs",
  "C:\\Users\\me\\AppData\\Roaming\\npm\\node_modules\\prelude-profile-mcp\\dist\\prelude-profile-mcp.cjs",
];
const otherScripts = [
  "/home/me/src/prelude-profile-mcp/dist/prelude-profile-mcp.cjs",
  "/home/me/node_modules/other/prelude-profile-mcp/dist/prelude-profile-mcp.cjs",
  "/app/prelude-profile-mcp.cjs",
];

describe("programOf", () => {
  it.each(npmScripts)("published and installed by npm, %s: that version by npx", (script) => {
    expect(programOf(at(script), release)).toEqual({
      command: "npx",
      args: ["-y", "prelude-profile-mcp@1.2.3"],
    });
  });

  it("the same on Windows, where npx is a script", () => {
    const windows = { platform: "win32", node: "C:\\node\\node.exe", searchPath: "" } as const;
    expect(programOf(at(npmScripts[2] ?? "", windows), release)).toEqual({
      command: "cmd",
      args: ["/c", "npx", "-y", "prelude-profile-mcp@1.2.3"],
    });
  });

  it.each(npmScripts)("not published, %s: this file, for the name may be anybody's", (script) => {
    const program = programOf(at(script), { ...release, published: false });
    expect(program).toEqual({ command: "/usr/bin/node", args: [script] });
  });

  it.each(otherScripts)("published, but %s is not from npm: this file", (script) => {
    expect(programOf(at(script), release).args).toEqual([script]);
  });

  it("a link of npm to a clone is the clone", () => {
    const clone = "/home/me/src/prelude-profile-mcp/dist/prelude-profile-mcp.cjs";
    const place = at(npmScripts[1] ?? "", { realpath: () => clone });
    expect(programOf(place, release).args).toEqual([clone]);
  });
});

describe("nodePath", () => {
  const links: Record<string, string> = {
    "/opt/homebrew/bin/node": "/opt/homebrew/Cellar/node/24.1.0/bin/node",
    "/run/user/1/fnm_multishells/9_1/bin/node": "/home/me/.fnm/v24/bin/node",
    "/home/me/.volta/bin/node": "/home/me/.volta/bin/volta-shim",
    "C:\\Program Files\\nodejs\\node.exe": "C:\\nvm\\v24\\node.exe",
  };
  const existing = new Set([...Object.keys(links), ...Object.values(links), "/usr/bin/node"]);
  const realpath = (file: string): string => {
    if (!existing.has(file)) throw new Error("ENOENT");
    return links[file] ?? file;
  };

  it.each<[why: string, node: string, searchPath: string | undefined, expected: string]>([
    ["found in PATH", "/usr/bin/node", "/no:/usr/bin", "/usr/bin/node"],
    [
      "a path that survives an upgrade",
      "/opt/homebrew/Cellar/node/24.1.0/bin/node",
      "/usr/bin:/opt/homebrew/bin",
      "/opt/homebrew/bin/node",
    ],
    [
      "a folder that ends with the shell is no such path",
      "/home/me/.fnm/v24/bin/node",
      "/run/user/1/fnm_multishells/9_1/bin",
      "/home/me/.fnm/v24/bin/node",
    ],
    [
      "another Node in PATH",
      "/home/me/.fnm/v24/bin/node",
      "/usr/bin",
      "/home/me/.fnm/v24/bin/node",
    ],
    [
      "a shim in PATH",
      "/home/me/.fnm/v24/bin/node",
      "/home/me/.volta/bin",
      "/home/me/.fnm/v24/bin/node",
    ],
    ["relative folders in PATH", "/usr/bin/node", ".::bin", "/usr/bin/node"],
    ["no PATH", "/usr/bin/node", undefined, "/usr/bin/node"],
  ])("%s", (_, node, searchPath, expected) => {
    expect(nodePath(at("/x", { node, searchPath, realpath }))).toBe(expected);
  });

  it("knows the PATH of Windows", () => {
    const place = {
      platform: "win32",
      node: "C:\\nvm\\v24\\node.exe",
      searchPath: "C:\\Windows;C:\\Program Files\\nodejs\\",
      realpath,
    } as const;
    expect(nodePath(at("C:\\x", place))).toBe("C:\\Program Files\\nodejs\\node.exe");
  });
});
