import { parseArgs } from "node:util";
import { nearest } from "../config/names.ts";
import { isUnset } from "../config/values.ts";

const options = {
  sandbox: { type: "boolean" },
  check: { type: "boolean" },
  json: { type: "boolean" },
  "print-config": { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const;

const flags = Object.keys(options).map((name) => `--${name}`);

// Not strict: the messages of the strict parser repeat what was given, which may be the key.
const parse = (argv: readonly string[]) =>
  parseArgs({ args: [...argv], options, strict: false, tokens: true });

const noFlag = "there is an argument that is not a flag; settings are environment variables";

/** What is wrong with one argument; nothing of it is repeated that may be the key. */
const problemOf = (token: ReturnType<typeof parse>["tokens"][number]): string | undefined => {
  if (token.kind !== "option") return noFlag;
  const { name, rawName, value } = token;
  if (!Object.hasOwn(options, name)) {
    if (!/^--[a-z]{1,12}(?:-[a-z]{1,12})*$/i.test(rawName)) return noFlag;
    const near = nearest(rawName.toLowerCase(), flags, 3);
    return `unknown flag ${rawName}${near ? `; did you mean ${near}?` : ""}`;
  }
  if (name === "print-config" || value === undefined) return undefined;
  if (name !== "sandbox") return `--${name} takes no value`;
  // From a field of a desktop app's settings, which may be left empty.
  const isFlag = value === "true" || value === "false" || isUnset(value);
  return isFlag ? undefined : "--sandbox takes true or false";
};

const usage = (...problems: string[]) => ({ kind: "usage", problems }) as const;

/**
 * What the command line asks for. Settings are environment variables only: an argument would show
 * the API key in the list of processes.
 */
export const parseArgv = (argv: readonly string[]) => {
  const { values, tokens } = parse(argv);
  const problems = tokens.map(problemOf).filter((problem) => problem !== undefined);
  if (problems.length > 0) return usage(...new Set(problems));
  if (values.help) return { kind: "help" } as const;
  if (values.version) return { kind: "version" } as const;
  const sandbox = values.sandbox === true || values.sandbox === "true";
  const { check, json, "print-config": host } = values;
  if (check && host !== undefined) {
    return usage("--check and --print-config are two commands; give one of them");
  }
  if (json && !check) return usage("--json goes with --check");
  if (check) return { kind: "check", sandbox, json: json === true } as const;
  if (host === undefined) return { kind: "serve", sandbox } as const;
  return { kind: "print-config", host: typeof host === "string" ? host : "", sandbox } as const;
};
