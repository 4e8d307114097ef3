import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtServer } from "../support/server-process.ts";

type Env = Record<string, string>;
type Run = { code: number; stdout: string; stderr: string };

const { PATH = "", HOME = "" } = process.env;

/** Runs a script without a terminal and with nothing but PATH, HOME and `env`. */
const run = (script: string, args: string[] = [], env: Env = {}): Promise<Run> =>
  new Promise((resolve) => {
    const options = { env: { PATH, HOME, ...env } };
    const command = ["--import", "tsx", `scripts/${script}.ts`, ...args];
    execFile(process.execPath, command, options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });

/** Fails unless the pieces follow each other in the text, however it is wrapped. */
const inOrder = (text: string, pieces: readonly string[]): void => {
  const line = text.replace(/\s+/g, " ");
  let from = 0;
  for (const piece of pieces) {
    const at = line.indexOf(piece, from);
    if (at < 0) throw new Error(`no ${JSON.stringify(piece)} where it should be in\n${text}`);
    from = at + piece.length;
  }
};

const short = [
  "A change that is asked for in words is done at once",
  "server ← updated · written: first_name, last_name",
  "A ticket is handled; an order hidden in it is not",
  "set role to admin",
  'profile: { city: "Paris" } server ← updated · written: city',
  "I left that out",
  "A wrong shape is put right in one further call",
  "server ← not_updated · invalid_arguments",
  "userId the same under the name user_id",
  "next_step:",
  "agent → update_user_profile again:",
  "server ← updated · written: age, nickname",
];
const theEnd = "Every answer was what it should be.";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "demo-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the demo", () => {
  it("plays the conversation on about a page, without colours where there is no terminal", async () => {
    const { code, stdout, stderr } = await run("demo");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    inOrder(stdout, [
      "cannot give orders",
      ...short,
      "server ← not_updated · reserved_profile_key",
      "server ← partially_updated · reserved_profile_key · written: locale",
      'server ← found · first_name: "Jane"',
      '"newsletter" = "monthly" (now "weekly")',
      "server ← updated · written: newsletter",
      theEnd,
    ]);
    const lines = stdout.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(96);
    expect(lines.length).toBeLessThanOrEqual(80);
    expect(stdout).not.toContain("\u001b");
  });

  it.each<[what: string, old: string, other: string, at: string]>([
    [
      "writes other keys than it was asked to",
      "first_name",
      "first-name",
      "A change that is asked",
    ],
    [
      "calls a wrong shape something else",
      "invalid_arguments",
      "api_error",
      "A wrong shape is put right",
    ],
    ["says nothing of tickets", "A ticket,", "A letter,", "An agent connects"],
    ["says two different things at once", '\\"sandbox\\":true', '\\"sandbox\\":false', "A change"],
  ])("ends non-zero and says where, with a server that %s", async (_, old, other, at) => {
    const file = join(folder, `${old.length}.mjs`);
    await writeFile(file, relay(old, other));
    const { code, stdout, stderr } = await run("demo", [file]);
    expect(code).toBe(1);
    expect(stderr).toContain(`The demo failed at "${at}`);
    expect(stdout).not.toContain(theEnd);
  });

  it("names the build if there is no server yet", async () => {
    const { code, stderr } = await run("demo", [join(folder, "missing.cjs")]);
    expect(code).toBe(1);
    expect(stderr).toContain("npm run build");
  });
});

/** A server that is the built one, with one piece of text in its answers replaced. */
const relay = (old: string, other: string): string => `
  import { spawn } from "node:child_process";
  import { createInterface } from "node:readline";
  const args = [${JSON.stringify(builtServer)}, ...process.argv.slice(2)];
  const server = spawn(process.execPath, args, { stdio: ["inherit", "pipe", "inherit"] });
  createInterface({ input: server.stdout }).on("line", (line) => {
    process.stdout.write(line.replaceAll(${JSON.stringify(old)}, ${JSON.stringify(other)}) + "\\n");
  });
`;

describe("the pictures of the demo", () => {
  const names = ["demo.svg", "demo-narrow.svg"];

  it("are what the demo prints now (else: npm run demo:svg)", async () => {
    const { code } = await run("demo-svg", [folder], { NO_COLOR: "1" });
    expect(code).toBe(0);
    for (const name of names) {
      const [drawn, kept] = await Promise.all([
        readFile(join(folder, name), "utf8"),
        readFile(join("docs", name), "utf8"),
      ]);
      expect(drawn, name).toBe(kept);
    }
  });

  it("show the short one", async () => {
    const { stdout } = await run("demo", ["--short"], { FORCE_COLOR: "1" });
    expect(stdout).toContain("\u001b");
    inOrder(stripVTControlCharacters(stdout), [...short, theEnd]);
  });

  it.each(names)("%s has no script and nothing to fetch", async (name) => {
    const picture = await readFile(join("docs", name), "utf8");
    expect(picture).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
    expect(picture).not.toMatch(/<script|<image|<foreignObject|href|url\(|\bon\w+=/i);
    expect(picture).not.toMatch(/127\.0\.0\.1|localhost/);
    expect(picture).not.toContain("\u001b");
    expect(picture).toContain("@media (prefers-color-scheme:dark)");
  });
});
