import { describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { type Command, parseArgv } from "../../src/cli/args.ts";
import { settings } from "../../src/config/settings.ts";
import { runCli } from "../support/run-cli.ts";
import { app, user } from "../support/server-process.ts";

describe("parseArgv", () => {
  it.each<[argv: string[], command: Command]>([
    [[], { kind: "serve", sandbox: false }],
    [["--sandbox"], { kind: "serve", sandbox: true }],
    [["--sandbox", "--sandbox"], { kind: "serve", sandbox: true }],
    // The field of a desktop app's settings, filled, switched off and left empty.
    [["--sandbox=true"], { kind: "serve", sandbox: true }],
    [["--sandbox=false"], { kind: "serve", sandbox: false }],
    [[`--sandbox=\${user_config.sandbox}`], { kind: "serve", sandbox: false }],
    [["--check"], { kind: "check", sandbox: false, json: false }],
    [["--check", "--json"], { kind: "check", sandbox: false, json: true }],
    [["--json", "--sandbox", "--check"], { kind: "check", sandbox: true, json: true }],
    [["--print-config", "cursor"], { kind: "print-config", host: "cursor", sandbox: false }],
    [["--print-config=zed"], { kind: "print-config", host: "zed", sandbox: false }],
    [["--print-config"], { kind: "print-config", host: "", sandbox: false }],
    [["--print-config="], { kind: "print-config", host: "", sandbox: false }],
    [["--sandbox", "--print-config", "zed"], { kind: "print-config", host: "zed", sandbox: true }],
    [["--help"], { kind: "help" }],
    [["-h"], { kind: "help" }],
    [["--version"], { kind: "version" }],
    [["-v"], { kind: "version" }],
    [["--check", "--help", "--version"], { kind: "help" }],
  ])("%j", (argv, command) => {
    expect(parseArgv(argv)).toEqual(command);
  });

  const noFlag = "there is an argument that is not a flag; settings are environment variables";

  it.each<[argv: string[], problems: string[]]>([
    [["--snadbox"], ["unknown flag --snadbox; did you mean --sandbox?"]],
    [["--SANDBOX"], ["unknown flag --SANDBOX; did you mean --sandbox?"]],
    [["-sandbox"], ["unknown flag -sandbox; did you mean --sandbox?"]],
    [["--chek"], ["unknown flag --chek; did you mean --check?"]],
    [
      ["--print-confg", "zed"],
      ["unknown flag --print-confg; did you mean --print-config?", noFlag],
    ],
    [["sandbox"], [noFlag]],
    [[""], [noFlag]],
    [["-"], [noFlag]],
    [["--"], [noFlag]],
    [["--sandbox=yes"], ["--sandbox takes true or false"]],
    [["--help="], ["--help takes no value"]],
    [["--json"], ["--json goes with --check"]],
    [["--sandbox", "--json"], ["--json goes with --check"]],
    [
      ["--check", "--print-config", "zed"],
      ["--check and --print-config are two commands; give one of them"],
    ],
    [
      ["--chek", "x", "--json=1"],
      ["unknown flag --chek; did you mean --check?", noFlag, "--json takes no value"],
    ],
  ])("%j is refused, every problem named", (argv, problems) => {
    expect(parseArgv(argv)).toEqual({ kind: "usage", problems });
  });

  it.each([
    "sk_live_abcdef",
    "--api-key=sk_live_abcdef",
    "--sk_live_abcdef",
    "-ksk_live_abcdef",
    "-k=sk_live_abcdef",
    "PRELUDE_API_KEY=sk_live_abcdef",
    "--print-config=--sandbox sk_live_abcdef",
    "--sandbox=sk_live_abcdef",
    "-kabcdefghijklmnop",
    "--abcdefghijklmnopqrstuvwxyz",
  ])("%j is never repeated, for it may hold the key", (argument) => {
    const command = parseArgv([argument]);
    const said = command.kind === "usage" ? command.problems.join() : "";
    for (const secret of ["sk_live_abcdef", "abcdefghijklmnop"]) expect(said).not.toContain(secret);
  });
});

describe("the built file", () => {
  it.each([["--help"], ["-h"]])("%s documents every flag and every setting", async (flag) => {
    const { code, out, err } = await runCli([flag]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const { name, words } of settings) expect(out).toMatch(new RegExp(`${name}\\s+${words}`));
    for (const name of ["--sandbox", "--check", "--json", "--print-config", "--version"]) {
      expect(out).toContain(name);
    }
  });

  it.each([["--version"], ["-v"]])("%s prints the version alone", async (flag) => {
    expect(await runCli([flag])).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
  });

  it("ends with 2 on a wrong flag, says which on stderr, and nothing on stdout", async () => {
    expect(await runCli(["--snadbox", "--json=1"])).toEqual({
      code: 2,
      out: "",
      err: [
        "prelude-profile-mcp: unknown flag --snadbox; did you mean --sandbox?",
        "prelude-profile-mcp: --json takes no value",
        "prelude-profile-mcp: not started; --help lists all flags and settings",
        "",
      ].join("\n"),
    });
  });

  it("ends with 2 on a host that it does not know, and lists those that it does", async () => {
    const { code, out, err } = await runCli(["--print-config", "emacs"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("--print-config takes one of claude-desktop, ");
  });

  it("says with --check, in plain words, which guards are in force", async () => {
    const { code, out } = await runCli(["--check", "--sandbox"], {
      PRELUDE_APP_ID: app,
      PRELUDE_USER_ID: user,
      PRELUDE_ALLOWED_KEYS: "first_name,plan",
      PRELUDE_BLOCKED_KEYS: "role",
      PRELUDE_CONFIRM: "true",
      PRELUDE_MAX_WRITES_PER_MINUTE: "5",
    });
    expect(code).toBe(0);
    for (const line of [
      `app           fixed to ${app}`,
      `user          fixed to ${user}`,
      'allowed keys  only "first_name", "plan"',
      'blocked keys  "role"',
      "confirmation  the person is asked before each write",
      "write limit   5 writes per minute",
      "audit         off",
    ]) {
      expect(out).toContain(`  ${line}\n`);
    }
  });

  it("says with --check which guards are not", async () => {
    const { out } = await runCli(["--check", "--sandbox"], { PRELUDE_MAX_WRITES_PER_MINUTE: "0" });
    for (const line of [
      "app           chosen by the agent",
      "user          chosen by the agent",
      "allowed keys  any key that is not blocked",
      "blocked keys  none",
      "confirmation  off",
      "write limit   off",
    ]) {
      expect(out).toContain(`  ${line}\n`);
    }
  });
});
