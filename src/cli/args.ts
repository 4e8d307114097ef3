import { nearest } from "../config/did-you-mean.ts";
import { isUnset } from "../config/unset.ts";

export type Command =
  | { kind: "serve"; sandbox: boolean }
  | { kind: "check"; sandbox: boolean; json: boolean }
  | { kind: "print-config"; host: string; sandbox: boolean }
  | { kind: "help" }
  | { kind: "version" }
  | { kind: "usage"; problems: string[] };

const flags = ["--sandbox", "--check", "--json", "--print-config", "--help", "--version"] as const;

/**
 * What the command line asks for. Settings are environment variables only: an argument would show
 * the API key in the list of processes.
 */
export const parseArgv = (argv: readonly string[]): Command => {
  const problems: string[] = [];
  const seen = new Set<string>();
  let host: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const [name, value] = splitFlag(argv[i] as string);
    if (name === "-h") seen.add("--help");
    else if (name === "-v") seen.add("--version");
    else if (!flags.includes(name as (typeof flags)[number])) problems.push(unknown(name));
    else if (name === "--print-config") {
      host = value ?? argv[++i] ?? "";
      seen.add(name);
    } else if (name === "--sandbox" && value !== undefined) {
      // From a field of a desktop app's settings, which may be left empty.
      if (value === "true") seen.add(name);
      else if (value !== "false" && !isUnset(value)) problems.push(`${name} takes true or false`);
    } else if (value !== undefined) problems.push(`${name} takes no value`);
    else seen.add(name);
  }
  if (problems.length > 0) return { kind: "usage", problems };
  if (seen.has("--help")) return { kind: "help" };
  if (seen.has("--version")) return { kind: "version" };
  const sandbox = seen.has("--sandbox");
  const json = seen.has("--json");
  if (seen.has("--check") && host !== undefined) {
    return {
      kind: "usage",
      problems: ["--check and --print-config are two commands; give one of them"],
    };
  }
  if (json && !seen.has("--check"))
    return { kind: "usage", problems: ["--json goes with --check"] };
  if (host !== undefined) return { kind: "print-config", host, sandbox };
  return seen.has("--check") ? { kind: "check", sandbox, json } : { kind: "serve", sandbox };
};

const splitFlag = (arg: string): [name: string, value: string | undefined] => {
  const equals = arg.indexOf("=");
  return equals < 0 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
};

const unknown = (name: string): string => {
  // Nothing that may be the key: somebody may have tried to pass it this way.
  if (!/^--?[a-z]{1,12}(?:-[a-z]{1,12})*$/i.test(name)) {
    return "there is an argument that is not a flag; settings are environment variables";
  }
  const near = nearest(name.toLowerCase(), flags, (distance) => distance <= 3);
  return `unknown flag ${name}${near ? `; did you mean ${near}?` : ""}`;
};
