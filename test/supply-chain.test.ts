import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));

type Locked = { resolved?: string; integrity?: string; hasInstallScript?: boolean; link?: boolean };

describe("what ships", () => {
  test("is our own code and four packages", () => {
    const { packages } = read("out/bundle.json") as {
      packages: { name: string; license: string }[];
    };
    expect(packages).toEqual([
      { name: "@modelcontextprotocol/sdk", license: "MIT" },
      { name: "undici", license: "MIT" },
      { name: "zod", license: "MIT" },
      { name: "zod-to-json-schema", license: "ISC" },
    ]);
  });

  test("carries the licence of each", () => {
    const notices = readFileSync("dist/THIRD-PARTY-NOTICES.txt", "utf8");
    for (const name of ["@modelcontextprotocol/sdk", "undici", "zod", "zod-to-json-schema"]) {
      expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((?:MIT|ISC)\\)$`, "m"));
    }
    expect(notices.match(/permission notice|copyright notice/gi)?.length).toBeGreaterThanOrEqual(4);
  });

  test("asks npm for nothing", () => {
    const {
      dependencies = {},
      peerDependencies = {},
      optionalDependencies = {},
    } = read("package.json");
    expect({ ...dependencies, ...peerDependencies, ...optionalDependencies }).toEqual({});
  });
});

describe("what builds it", () => {
  const { devDependencies, scripts } = read("package.json");
  const locked = Object.entries(
    read("package-lock.json").packages as Record<string, Locked>,
  ).filter(([path]) => path !== "");

  test("is pinned to exact versions", () => {
    for (const version of Object.values(devDependencies))
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("is locked by hash, from no registry in particular", () => {
    expect(locked.length).toBeGreaterThan(100);
    for (const [path, { resolved, integrity }] of locked) {
      expect(resolved, path).toBeUndefined();
      expect(integrity, path).toMatch(/^sha512-/);
    }
  });

  test("needs no script at installation", () => {
    const withScript = locked.filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(withScript.map(([path]) => path)).toEqual([]);
    expect(
      Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name)),
    ).toEqual([]);
  });
});
