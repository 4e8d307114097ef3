import manifest from "../../package.json" with { type: "json" };
import { runCli } from "../support/run-cli.ts";
import { builtServer } from "../support/server-process.ts";

type Env = Record<string, string>;
type Options = { command?: string[]; names?: Record<string, string> };

/** Nothing that the operator may have put into a setting as a key is ever said again. */
const secrets = /sk_|4f9c1d7e2b|correct-horse/;

/** A text without what differs from one machine, one run or one release to the next. */
const neutral = (text: string, names: Record<string, string>): string => {
  const named = Object.entries(names).reduce(
    (said, [what, name]) => said.replaceAll(what, name),
    text,
  );
  return named
    .replaceAll(builtServer, "<this file>")
    .replace(/(?:\/[\w.@+-]+)+\/node(?=["'\s])/g, "<node>")
    .replace(/127\.0\.0\.1:\d+/g, "<upstream>")
    .replace(/^(?:cursor|vscode|lmstudio):\S+$/gm, "<link>")
    .replaceAll(manifest.version, "<version>");
};

/**
 * Runs the built file to its end: its exit code, and what it said in words that are the same on
 * every machine. `names` gives words for what only this test knows, such as a folder of its own.
 */
export const run = async (args: string[], env: Env = {}, options: Options = {}) => {
  const { code, out, err } = await runCli(args, env, options.command);
  if (secrets.test(out + err)) throw new Error("what may be the key was repeated");
  const { names = {} } = options;
  return { exit: code, out: neutral(out, names), err: neutral(err, names) };
};

/** The same of `--check --json`, whose answer is one line of JSON. */
export const runJson = async (args: string[], env: Env = {}, options: Options = {}) => {
  const { exit, out, err } = await run(["--check", "--json", ...args], env, options);
  if (out.indexOf("\n") !== out.length - 1) throw new Error(`not one line: ${out}`);
  return { exit, err, answer: JSON.parse(out) };
};
