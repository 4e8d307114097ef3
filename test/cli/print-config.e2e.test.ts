import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hostNames } from "../../src/cli/hosts.ts";
import { runCli } from "../support/run-cli.ts";
import { app, builtServer, user } from "../support/server-process.ts";

const key = "sk_live_print_config_4711";
const folder = mkdtempSync(join(tmpdir(), "print config "));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const keyFile = join(folder, "the key");
writeFileSync(keyFile, `${key}\n`);

/** All that the text says: with its links decoded. */
const readable = (out: string): string => {
  const links = [...out.matchAll(/^(?:cursor|vscode|lmstudio):\S+$/gm)].map(([link]) => link);
  const configs = links.map((link) => new URL(link).searchParams.get("config") ?? "");
  const decoded = configs.map((config) => Buffer.from(config, "base64").toString());
  return [out, ...links.map(decodeURIComponent), ...decoded].join("\n");
};

type Block = { command: string; args: string[]; env: Record<string, string> };

/** What the host `windsurf` is to start; all JSON hosts have these members. */
const printed = async (env: Record<string, string> = {}, ...flags: string[]) => {
  const { code, out, err } = await runCli(["--print-config", "windsurf", ...flags], env);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const [, block = ""] = out.split("\n\n");
  const { mcpServers } = JSON.parse(block) as { mcpServers: Record<string, Block> };
  return { out, entry: mcpServers["prelude-profile"] as Block };
};

describe("--print-config", () => {
  it.each(hostNames)(
    "for %s names this build, and no package that is not ours yet",
    async (host) => {
      const { code, out } = await runCli(["--print-config", host]);
      expect(code).toBe(0);
      expect(readable(out)).not.toMatch(/\bnpx\b[\s\S]{0,40}prelude-profile-mcp/);
      expect(out).toContain(JSON.stringify(builtServer).slice(1, -1));
    },
  );

  it.each([
    ["Claude Code", "claude-code"],
    ["LM_Studio", "lm-studio"],
    [" CURSOR ", "cursor"],
  ])("takes %j for %s", async (spelt, host) => {
    const [loose, exact] = [
      await runCli(["--print-config", spelt]),
      await runCli(["--print-config", host]),
    ];
    expect(loose).toEqual(exact);
  });

  it.each([
    ["curser", "; did you mean cursor?"],
    ["emacs", "jetbrains"],
    ["", "jetbrains"],
  ])("does not know %j, and lists those it does", async (name, end) => {
    const { code, out, err } = await runCli(["--print-config", name]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("--print-config takes one of claude-desktop, ");
    expect(err.split("\n")[0]).toMatch(new RegExp(`${end.replace("?", "\\?")}$`));
  });

  it("carries every guard that the environment sets, and the sandbox", async () => {
    const guards = {
      PRELUDE_APP_ID: app,
      PRELUDE_USER_ID: user,
      PRELUDE_ALLOWED_KEYS: "first_name,locale",
      PRELUDE_BLOCKED_KEYS: "role",
      PRELUDE_CONFIRM: "true",
      PRELUDE_MAX_WRITES_PER_MINUTE: "7",
      PRELUDE_TIMEOUT_MS: "45000",
    };
    const { entry } = await printed(guards, "--sandbox");
    expect(entry.env).toEqual(guards);
    expect(entry.args).toEqual([builtServer, "--sandbox"]);
  });

  it("leaves out what is at its default or blank", async () => {
    const { entry } = await printed({ PRELUDE_CONFIRM: "false", PRELUDE_APP_ID: "  " });
    expect(Object.keys(entry.env)).toEqual(["PRELUDE_API_KEY"]);
  });

  it("makes a path absolute, for the host stands in another folder", async () => {
    const { entry } = await printed({ PRELUDE_AUDIT_LOG: "node_modules/.cache/trail.jsonl" });
    expect(entry.env.PRELUDE_AUDIT_LOG).toBe(resolve("node_modules/.cache/trail.jsonl"));
  });

  it.each(hostNames)("never prints the key to %s, wherever it stands", async (host) => {
    const places = [
      { env: { PRELUDE_API_KEY: key }, exit: 0 },
      { env: { PRELUDE_API_KEY_FILE: keyFile }, exit: 0 },
      { env: { PRELUDE_API_KEY: key, PRELUDE_ALLOWED_KEYS: `a,${key}` }, exit: 2 },
      { env: { PRELUDE_API_KEY_FILE: keyFile, PRELUDE_APP_ID: key }, exit: 2 },
    ];
    for (const { env, exit } of places) {
      const { code, out, err } = await runCli(["--print-config", host], env);
      expect(code).toBe(exit);
      expect(readable(out) + err).not.toContain(key);
    }
  });

  it("names the file of the key, absolute, and asks for no variable", async () => {
    const { entry, out } = await printed({ PRELUDE_API_KEY_FILE: keyFile });
    expect(entry.env).toEqual({ PRELUDE_API_KEY_FILE: keyFile });
    expect(out).not.toContain("PASTE_");
  });

  it("prints nothing for settings that would stop the start, and lists them all", async () => {
    const { code, out, err } = await runCli(["--print-config", "zed"], {
      PRELUDE_USER_ID: "jane",
      PRELUDE_ALLOW_KEYS: "a",
    });
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("PRELUDE_USER_ID must be");
    expect(err).toContain("did you mean PRELUDE_ALLOWED_KEYS?");
  });

  it("says which variables of the network a host would not hand on, without their values", async () => {
    const { out } = await printed({ HTTPS_PROXY: "http://jane:secret@proxy:1", no_proxy: "x" });
    expect(out).toContain("HTTPS_PROXY, NO_PROXY");
    expect(out).not.toContain("secret");
    expect((await printed()).out).not.toContain("HTTPS_PROXY");
    // The sandbox needs no network.
    const inSandbox = await printed({ HTTPS_PROXY: "http://proxy:1" }, "--sandbox");
    expect(inSandbox.out).not.toContain("HTTPS_PROXY");
  });
});
