import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { settings } from "../../src/config/settings.ts";

type Step = { uses?: string; run?: string; with?: Record<string, unknown> };
type Job = {
  uses?: string;
  steps?: Step[];
  permissions?: Record<string, string>;
};
type Workflow = { permissions: Record<string, string>; jobs: Record<string, Job> };

const text = (file: string) => readFileSync(file, "utf8");
const pkg = JSON.parse(text("package.json"));
const binFile = basename(String(Object.values(pkg.bin)[0]));

const folder = ".github/workflows";
const workflows = readdirSync(folder).map((name) => {
  const source = text(join(folder, name));
  return { name, source, workflow: parse(source) as Workflow };
});
const stepsOf = (workflow: Workflow) =>
  Object.values(workflow.jobs).flatMap(({ steps = [] }) => steps);

describe.each(workflows)("$name", ({ source, workflow }) => {
  test("pins each action to a commit and says which version that is", () => {
    const used = [...source.matchAll(/uses: (?!\.\/)(.*)/g)].map(([, action]) => action);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used) {
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  });

  test("runs scripts that exist", () => {
    const scripts = stepsOf(workflow).flatMap(({ run = "" }) => [
      ...[...run.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => pkg.scripts[String(name)]),
      ...[...run.matchAll(/(?:node|tsx) (scripts\/\S+)/g)].map(([, file]) =>
        existsSync(String(file)),
      ),
    ]);
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.every(Boolean)).toBe(true);
  });

  test("keeps the checkout's token out of reach and puts no expression into a shell", () => {
    const steps = stepsOf(workflow);
    for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
      expect(step.with).toMatchObject({ "persist-credentials": false });
    }
    expect(steps.filter(({ run }) => run?.includes("${{"))).toEqual([]);
  });
});

test("a release gives each job the rights that it needs and no other", () => {
  const { workflow } = workflows.find(({ name }) => name === "release.yml") ?? expect.fail();
  const rights = Object.entries(workflow.jobs).map(([name, job]) => [name, job.permissions]);
  expect(workflow.permissions).toEqual({});
  expect(Object.fromEntries(rights)).toEqual({
    test: { contents: "read" },
    npm: { contents: "read", "id-token": "write" },
    bundle: { contents: "write" },
    registry: { contents: "read", "id-token": "write" },
  });
});

describe("Dockerfile", () => {
  const lines = text("Dockerfile").split("\n");
  const [, ...final] = text("Dockerfile")
    .split(/^FROM /m)
    .slice(1);

  test("copies only what exists and what .dockerignore lets through", () => {
    const admitted = [...text(".dockerignore").matchAll(/^!(.+)$/gm)].map(([, name]) => name);
    const copied = lines
      .filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
      .flatMap((line) => line.split(" ").slice(1, -1));
    expect(copied.sort()).toEqual(admitted.sort());
    expect(copied.filter((name) => !existsSync(name))).toEqual([]);
  });

  test("runs the built file as a user without rights", () => {
    expect(final).toHaveLength(1);
    expect(final[0]).toMatch(/^USER 65532:65532$/m);
    expect(final[0]).toContain(`ENTRYPOINT ["node", "/app/${binFile}"]`);
  });

  test("holds no key, and no setting that a person did not give", () => {
    expect(lines.filter((line) => /^(?:ARG|ENV)\b/.test(line))).toEqual([]);
  });
});

test("docs/many-conversations.md shows a resource that parses and settings that exist", () => {
  const chapter = text("docs/many-conversations.md");
  const known: readonly string[] = settings.map(({ name }) => name);
  const named = [...chapter.matchAll(/\bPRELUDE_[A-Z_]+/g)].map(([name]) => name);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
  const [, block = ""] = /```yaml\n([\s\S]*?)```/.exec(chapter) ?? [];
  expect(parse(block)).toMatchObject({ kind: "MCPServer", spec: { transport: "stdio" } });
});
