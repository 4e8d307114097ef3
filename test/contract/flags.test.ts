import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { app, builtServer } from "../support/server-process.ts";
import { run } from "./command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "contract-"));
const links = resolve(`out/links-${process.pid}`);
afterAll(() => {
  for (const made of [folder, links]) rmSync(made, { recursive: true, force: true });
});

describe("flags", () => {
  it.concurrent.for([
    [["--help"]],
    [["-h", "--version"]],
    [["--version"]],
    [["-v"]],
    [["--snadbox", "-chek", "sandbox", "--json=1", "--sandbox=yes", "--help="]],
    [["--json"]],
    [["--check", "--print-config", "zed"]],
    [["--sandbox=true", "--check=1"]],
    [["--api-key=sk_live_4f9c1d7e2b", "--sk_live_4f9c1d7e2b", "sk_live_4f9c1d7e2b"]],
    [["--print-config"]],
    [["--print-config", "curser"]],
    [["--print-config=emacs"]],
    [["--print-config", "sk_live_4f9c1d7e2b"]],
    [[`--sandbox=\${user_config.sandbox}`]],
    [["--sandbox=false"]],
  ])("%j", async ([flags = []], { expect }) => {
    expect(await run(flags)).toMatchSnapshot();
  });
});

describe("--print-config prints what starts this very server", () => {
  const settings = {
    PRELUDE_API_KEY: "sk_live_4f9c1d7e2b",
    PRELUDE_APP_ID: app,
    PRELUDE_ALLOWED_KEYS: "first_name,plan",
    PRELUDE_TIMEOUT_MS: "30000",
    PRELUDE_CONFIRM: "true",
  };

  it.concurrent.for([
    ...["claude-desktop", "claude-code", "cursor", "vscode", "windsurf", "zed", "codex"],
    ...["gemini-cli", "goose", "lm-studio", "jetbrains"],
  ])(
    "in %s, with the settings but the key and what is at its default",
    async (host, { expect }) => {
      expect(
        await run(["--print-config", host], {
          ...settings,
          PRELUDE_ALLOWED_KEYS: "first_name,plan",
        }),
      ).toMatchSnapshot();
    },
  );

  it.concurrent("however the client is spelt", async ({ expect }) => {
    const [spelt, plain] = await Promise.all(
      ["Claude Code", "claude-code"].map((host) => run(["--print-config", host])),
    );
    expect(spelt).toEqual(plain);
  });

  it.concurrent.for(["windsurf", "codex", "goose"])(
    "in %s for a key in a file, by an absolute path",
    async (host, { expect }) => {
      const file = join(folder, host);
      writeFileSync(file, "sk_live_4f9c1d7e2b\n");
      const env = { PRELUDE_API_KEY_FILE: file, PRELUDE_AUDIT_LOG: "audit.jsonl" };
      const names = { [file]: "<key file>", [resolve("audit.jsonl")]: "<here>/audit.jsonl" };
      expect(await run(["--print-config", host], env, { names })).toMatchSnapshot();
    },
  );

  it.concurrent.for(["claude-code", "codex"])("in %s for the sandbox", async (host, { expect }) => {
    const env = { HTTPS_PROXY: "http://127.0.0.1:9" };
    expect(await run(["--print-config", host, "--sandbox"], env)).toMatchSnapshot();
  });

  it.concurrent("with what the network needs, by name", async ({ expect }) => {
    const env = { HTTPS_PROXY: "http://user:word@127.0.0.1:9", NODE_EXTRA_CA_CERTS: "/ca.pem" };
    const { out, err } = await run(["--print-config", "zed"], env);
    expect(out + err).not.toContain("user:word");
    expect(err.slice(err.lastIndexOf("\n- "))).toMatchSnapshot();
  });

  it.concurrent("with a word about an audit file whose folder is missing", async ({ expect }) => {
    const { exit, err } = await run(["--print-config", "zed"], { PRELUDE_AUDIT_LOG: "/no/such/a" });
    expect(err).toContain("\n- PRELUDE_AUDIT_LOG's folder is missing: no start.\n");
    expect(exit).toBe(0);
  });

  it.concurrent("but not for settings that stop the start", async ({ expect }) => {
    const env = { PRELUDE_USER_ID: "jane", PRELUDE_ALLOW_KEYS: "a" };
    expect(await run(["--print-config", "zed"], env)).toMatchSnapshot();
  });

  it.concurrent("but not where a list of keys holds the API key", async ({ expect }) => {
    const env = { PRELUDE_API_KEY: "key-1", PRELUDE_ALLOWED_KEYS: "a,key-1" };
    expect(await run(["--print-config", "zed"], env)).toMatchSnapshot();
  });

  // A link below a folder for temporary files is none that lasts, nor is this row's in such a clone.
  const cannotLast = process.platform === "win32" || /[\\/]te?mp[\\/]/i.test(links);
  it.skipIf(cannotLast)("naming a Node that survives an update: the link in PATH", async () => {
    mkdirSync(links, { recursive: true });
    symlinkSync(process.execPath, join(links, "node"));
    const command = [process.execPath, builtServer];
    const options = { command, names: { [links]: "<links>" } };
    const { out } = await run(["--print-config", "zed"], { PATH: links }, options);
    expect(out).toContain('"command": "<links>/node"');
  });
});
