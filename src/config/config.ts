import { shortName } from "../lib/names.ts";
import { foldKey } from "../lib/text.ts";
import { readKeyFile } from "./key.ts";
import { misspelt } from "./names.ts";
import type { Reading } from "./readers.ts";
import { type Config, configKeys, rows, settings } from "./settings.ts";
import { isStandIn, isUnset } from "./values.ts";

export type { Config } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Turns environment variables, and the key file that they name, into the configuration, or lists
 * every problem at once. No problem and no warning repeats a value: it may be the key in the wrong
 * variable.
 */
export const readConfig = (env: Environment) => {
  const values: Partial<Config> = {};
  const problems = misspeltNames(env);
  const warnings = emptyGuards(env);
  const take = <Key extends keyof Config>(key: Key, name: string, read: Reading<Config[Key]>) => {
    if ("problem" in read) {
      problems.push(`${name} ${read.problem}`);
      return;
    }
    values[key] = read.value;
    if (read.warning !== undefined) warnings.push(`${name} ${read.warning}`);
  };
  for (const key of configKeys) take(key, rows[key].name, readValue(key, env));
  const { apiKeyFile } = values;
  if (apiKeyFile !== undefined && values.apiKey !== undefined) {
    problems.push("PRELUDE_API_KEY and PRELUDE_API_KEY_FILE are both set; keep one of them");
  } else if (apiKeyFile !== undefined) {
    take("apiKey", rows.apiKeyFile.name, readKeyFile(apiKeyFile));
  }
  if (values.write === "off" && values.read === "off") problems.push(noTool);
  problems.push(...overlap(values), ...leakedKey(values, env));
  return problems.length === 0 && isComplete(values) ? { config: values, warnings } : { problems };
};

const isComplete = (values: Partial<Config>): values is Config =>
  configKeys.every((key) => Object.hasOwn(values, key));

const readValue = <Key extends keyof Config>(key: Key, env: Environment): Reading<Config[Key]> => {
  const row = rows[key];
  const text = env[row.name]?.trim() ?? "";
  // A host that knows no value passes on `${X}`; where nothing is guarded, that is no value.
  const isForgiven = row.guard === false && !row.secret && /^\$\{[^}]*\}$/.test(text);
  if (isUnset(text) || isForgiven) {
    return row.default === undefined ? { value: row.unset } : row.read.read(row.default);
  }
  if (row.guard !== false && isStandIn(text)) {
    const problem = `holds a placeholder that nothing has replaced, or a word for nothing; it must be ${row.read.accepts}, or empty`;
    return { problem };
  }
  return row.read.read(text);
};

const misspeltNames = (env: Environment): string[] => {
  const known = settings.map(({ name }) => name);
  return Object.entries(env).flatMap(([name, value]) => {
    const hint = isUnset(value) ? undefined : misspelt(name, known);
    return hint === undefined ? [] : [`${shortName(name)} is not a setting; ${hint}`];
  });
};

/** What a template leaves behind whose value is missing: the operator may count on a guard. */
const emptyGuards = (env: Environment): string[] => {
  const empty = settings.filter(({ guard, name }) => guard !== false && env[name]?.trim() === "");
  const names = empty.map(({ name }) => name).join(", ");
  return names === "" ? [] : [`set and empty, which counts as not set: ${names}`];
};

const noTool =
  "PRELUDE_WRITE is off and PRELUDE_READ too, so there is no tool to offer; set PRELUDE_READ to keys or values";

/** Keys that are both allowed and blocked, by their place, since their names may be no names. */
const overlap = ({ allowedKeys = [], blockedKeys = [] }: Partial<Config>): string[] => {
  const blocked = new Set(blockedKeys.map(foldKey));
  const problemOf = (entry: number) =>
    `PRELUDE_ALLOWED_KEYS names a key (entry ${entry}) that PRELUDE_BLOCKED_KEYS blocks; remove it from one of them`;
  return allowedKeys.flatMap((key, i) => (blocked.has(foldKey(key)) ? [problemOf(i + 1)] : []));
};

/** Shortest key, in characters, that stands nowhere by chance: people test with `test`. */
const shortestTold = 5;

/** Settings that hold the key as well: it would get into a URL, a schema or the name of a file. */
const leakedKey = ({ apiKey, ...values }: Partial<Config>, env: Environment): string[] => {
  if (apiKey === undefined || apiKey.length < shortestTold) return [];
  return configKeys
    .filter((key) => key !== "apiKeyFile" && Object.hasOwn(values, key))
    .map((key) => rows[key].name)
    .filter((name) => env[name]?.includes(apiKey))
    .map((name) => `${name} holds the API key, which belongs into PRELUDE_API_KEY only`);
};
