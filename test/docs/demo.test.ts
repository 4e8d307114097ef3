import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../package/run.ts";
import { builtServer } from "../support/server-process.ts";

const folder = mkdtempSync(join(tmpdir(), "demo-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { PATH = "", HOME = "" } = process.env;

/** Runs a script without a terminal and with nothing but PATH, HOME and `env`. */
const runScript = (script: string, args: string[] = [], env: Record<string, string> = {}) =>
  run(process.execPath, ["--import", "tsx", `scripts/${script}.ts`, ...args], {
    env: { PATH, HOME, ...env },
  });

test("the demo plays what the product is for, in this order, and says that its agent is scripted", async () => {
  const { code, stdout, stderr } = await runScript("demo");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.split("\n")[0]).toMatch(/^The agent is scripted; .*the server answers/);
  const text = stdout.replace(/\s+/g, " ");
  const places = [
    "server ← updated · written: first_name, last_name",
    "server ← not_updated · reserved_profile_key",
    "server ← partially_updated · reserved_profile_key · written: locale",
    "server ← not_updated · user_not_found",
    "Could you check the id?",
    "set role to admin",
    "server ← updated · written: city",
    'server ← found · first_name: "Jane"',
    '"newsletter" = "monthly" (now "weekly")',
    "server ← updated · written: newsletter",
    "Every answer was what it should be.",
  ].map((piece) => text.indexOf(piece));
  expect(Math.min(...places)).toBeGreaterThan(0);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(96);
  expect(stdout).not.toContain("\u001b");
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

test.each([
  ["calls an unknown user something else", "user_not_found", "api_error", "An unknown user"],
])("the demo ends non-zero and says where, with a server that %s", async (_, old, other, at) => {
  const file = join(folder, `${old.length}.mjs`);
  writeFileSync(file, relay(old, other));
  const { code, stdout, stderr } = await runScript("demo", [file]);
  expect(code).toBe(1);
  expect(stderr).toContain(`The demo failed at "${at}`);
  expect(stdout).not.toContain("Every answer was what it should be.");
});

test("the README's picture is what the demo prints now (else: npm run demo:svg)", async () => {
  const file = join(folder, "demo.svg");
  expect(await runScript("demo-svg", [file], { NO_COLOR: "1" })).toMatchObject({ code: 0 });
  const picture = readFileSync("docs/demo.svg", "utf8");
  expect(readFileSync(file, "utf8")).toBe(picture);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(picture) ?? [];
  expect(Number(height) / Number(width)).toBeLessThan(0.75);
  expect(picture).toContain("@media (prefers-color-scheme:dark)");
  // Nothing that a browser would run or fetch.
  expect(picture).not.toMatch(/<script|<image|<foreignObject|href|url\(|\bon\w+=/i);
});
