import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const read = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8"));

type Bundle = {
  entry: { fileName: string };
  packages: { name: string; license: string }[];
  chunks: { fileName: string; imports: string[]; modules: string[] }[];
};
type Locked = {
  version?: string;
  resolved?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  link?: boolean;
  hasInstallScript?: boolean;
};
type Manifest = Record<string, unknown> & { scripts?: Record<string, string> };

const manifest = read<Manifest>("package.json");
const lock = read<{ lockfileVersion: number; packages: Record<string, Locked> }>(
  "package-lock.json",
);
const bundle = read<Bundle>("out/bundle.json");
const { "": root, ...packages } = lock.packages;
const entries = Object.entries(packages);
const nameOf = (path: string) =>
  path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

describe("what ships", () => {
  it("holds code of these packages and of no other", () => {
    expect(bundle.packages).toEqual([
      { name: "@modelcontextprotocol/sdk", license: "MIT" },
      { name: "undici", license: "MIT" },
      { name: "zod", license: "MIT" },
      { name: "zod-to-json-schema", license: "ISC" },
    ]);
  });

  it("loads nothing but its own chunks and what is built into Node", () => {
    const own = new Set([bundle.entry, ...bundle.chunks].map(({ fileName }) => fileName));
    const builtIn = new Set(builtinModules.map((name) => `node:${name}`));
    const isKnown = (name: string) =>
      own.has(name) || builtIn.has(name.replace(/^(?:node:)?/, "node:"));
    const imports = bundle.chunks.flatMap((chunk) => chunk.imports);
    expect(imports.filter((name) => !isKnown(name))).toEqual([]);
    // The record speaks of the files that are there, no more and no fewer.
    const folder = dirname(bundle.chunks[0]?.fileName ?? "");
    const files = readdirSync(join("dist", folder)).map((name) => `${folder}/${name}`);
    expect([bundle.entry.fileName, ...files].sort()).toEqual([...own].sort());
  });

  it("has no use for other processes, other contexts or datagrams", () => {
    const code = [...bundle.chunks]
      .map(({ fileName }) => readFileSync(`dist/${fileName}`, "utf8"))
      .join("\n");
    expect(code).not.toMatch(
      /require\(["'`](?:node:)?(?:child_process|vm|cluster|dgram|repl|inspector)["'`]\)/,
    );
  });

  it("installs nothing beside itself", () => {
    for (const kind of [
      "dependencies",
      "optionalDependencies",
      "peerDependencies",
      "bundleDependencies",
      "bundledDependencies",
    ]) {
      expect([kind, Object.keys((manifest[kind] as object | undefined) ?? {})]).toEqual([kind, []]);
    }
    for (const script of ["preinstall", "install", "postinstall", "prepare"]) {
      expect(manifest.scripts).not.toHaveProperty(script);
    }
  });
});

describe("the lock file", () => {
  it("holds an integrity for every package, and the name of no host", () => {
    expect(lock.lockfileVersion).toBe(3);
    expect(entries.length).toBeGreaterThan(100);
    const bad = entries.filter(
      ([, { integrity, link }]) => link || !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ""),
    );
    expect(bad.map(([path]) => path)).toEqual([]);
    expect(
      entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path),
    ).toEqual([]);
    expect(entries.filter(([, { version }]) => !/^\d+\.\d+\.\d+/.test(version ?? ""))).toEqual([]);
  });
});

describe("npm ci --ignore-scripts", () => {
  // A package for another platform is never installed, and a native part comes ready-made in one.
  const withScripts = () =>
    entries.flatMap(([path, { hasInstallScript }]) => {
      let scripts: Record<string, string> = {};
      let files: string[] = [];
      try {
        scripts = read<Manifest>(`${path}/package.json`).scripts ?? {};
        files = readdirSync(path);
      } catch {
        // Not for this platform.
      }
      const runs = ["preinstall", "install", "postinstall"].some((name) => name in scripts);
      // npm builds a package with this file even if it names no script.
      return hasInstallScript || runs || files.includes("binding.gyp") ? [nameOf(path)] : [];
    });

  it("suffices: only esbuild, which tsx brings, has an install script, and works without it", () => {
    // The script puts the binary of the platform's package in the place of the launcher that finds it.
    expect(withScripts()).toEqual(["esbuild"]);
  });
});
