import { describe, expect, it } from "vitest";
import { type Command, parseArgv } from "../../src/cli/args.ts";

const serve = (sandbox: boolean): Command => ({ kind: "serve", sandbox });
const check = (sandbox: boolean, json: boolean): Command => ({ kind: "check", sandbox, json });
const print = (host: string, sandbox = false): Command => ({ kind: "print-config", host, sandbox });

it.each<[argv: string[], command: Command]>([
  [[], serve(false)],
  [["--sandbox", "--sandbox"], serve(true)],
  // The field of a desktop app's settings, filled, switched off and left empty.
  [["--sandbox=true"], serve(true)],
  [["--sandbox=false"], serve(false)],
  [["--sandbox="], serve(false)],
  [[`--sandbox=\${user_config.sandbox}`], serve(false)],
  [["--check"], check(false, false)],
  [["--json", "--sandbox", "--check"], check(true, true)],
  [["--print-config=zed"], print("zed")],
  [["--sandbox", "--print-config", "zed"], print("zed", true)],
  [["--print-config"], print("")],
  [["-h"], { kind: "help" }],
  [["-v"], { kind: "version" }],
  [["--check", "--help", "--version"], { kind: "help" }],
])("%j is understood", (argv, command) => {
  expect(parseArgv(argv)).toEqual(command);
});

const noFlag = "there is an argument that is not a flag; settings are environment variables";

it.each<[argv: string[], problems: string[]]>([
  [["--SANDBOX"], ["unknown flag --SANDBOX; did you mean --sandbox?"]],
  [
    ["--print-confg", "zed"],
    ["unknown flag --print-confg; did you mean --print-config?", noFlag],
  ],
  [["--verbose"], ["unknown flag --verbose"]],
  [["sandbox", "-", ""], [noFlag]],
  [["--"], [noFlag]],
  [["-sandbox"], [noFlag]],
  [["--sandbox=yes"], ["--sandbox takes true or false"]],
  [
    ["--help=", "--json=1"],
    ["--help takes no value", "--json takes no value"],
  ],
  [["--sandbox", "--json"], ["--json goes with --check"]],
  [
    ["--check", "--print-config", "zed"],
    ["--check and --print-config are two commands; give one of them"],
  ],
])("%j is refused, every problem named once", (argv, problems) => {
  expect(parseArgv(argv)).toEqual({ kind: "usage", problems });
});

describe("an argument is never repeated that may be the key", () => {
  it.each([
    ...["sk_live_abcdef", "--api-key=sk_live_abcdef", "--sk_live_abcdef", "-ksk_live_abcdef"],
    ...["-k=sk_live_abcdef", "PRELUDE_API_KEY=sk_live_abcdef", "--sandbox=sk_live_abcdef"],
    ...["-kabcdefghijklmnop", "--abcdefghijklmnopqrstuvwxyz"],
  ])("%j", (argument) => {
    const command = parseArgv([argument]);
    const said = command.kind === "usage" ? command.problems.join() : "";
    expect(said).not.toMatch(/abcdef|unknown flag -k/);
    expect(said).not.toBe("");
  });
});
