import { shortName } from "../lib/names.ts";
import { foldKey } from "../lib/text.ts";
import { readKeyFile } from "./key.ts";
import { meansSandbox, meantSetting } from "./near-miss.ts";
import type { Reading } from "./readers.ts";
import { type Config, configKeys, rows, type SettingName, settings } from "./settings.ts";
import { isPlaceholder, isUnset, isWordForNothing } from "./unset.ts";

export type { Config } from "./settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export type ConfigResult =
  | { config: Config; warnings: string[]; problems?: never }
  | { problems: string[]; config?: never; warnings?: never };

/** What is found out while reading: the values so far, and all that is to be said. */
type Found = { values: Partial<Config>; problems: string[]; warnings: string[] };

/**
 * Turns environment variables into the configuration, or lists every problem at once. No problem
 * and no warning repeats a value: it may be the key in the wrong variable.
 *
 * @param readFile reads the key file as text; throws as `fs.readFileSync` does
 * @param cwd the folder that relative paths start from
 */
export const readConfig = (
  env: Environment,
  readFile: (path: string) => string,
  cwd: () => string = process.cwd,
): ConfigResult => {
  const found: Found = { values: {}, problems: nearMisses(env), warnings: [] };
  for (const key of configKeys) readSetting(key, env, cwd, found);
  const { values, problems, warnings } = found;
  takeKeyFromFile(found, readFile);
  problems.push(...overlap(values), ...leakedKey(values, env));
  return problems.length === 0 && isComplete(values) ? { config: values, warnings } : { problems };
};

const isComplete = (values: Partial<Config>): values is Config =>
  configKeys.every((key) => Object.hasOwn(values, key));

const readSetting = <Key extends keyof Config>(
  key: Key,
  env: Environment,
  cwd: () => string,
  found: Found,
): void => {
  const { name } = rows[key];
  const reading = readValue(key, env[name], cwd);
  if ("problem" in reading) {
    found.problems.push(`${name} ${reading.problem}`);
    return;
  }
  found.values[key] = reading.value;
  if (reading.warning !== undefined) found.warnings.push(`${name} ${reading.warning}`);
};

const readValue = <Key extends keyof Config>(
  key: Key,
  given: string | undefined,
  cwd: () => string,
): Reading<Config[Key]> => {
  const row = rows[key];
  const text = given?.trim();
  if (text === undefined || isUnset(text)) return valueOfUnset(key, cwd);
  // The key's own reader knows many more stand-ins.
  if (row.secret) return row.read.read(text, cwd);
  if (row.guard && (isPlaceholder(text) || isWordForNothing(text))) {
    return {
      problem: `holds a placeholder that nothing has replaced, or a word for nothing; it must be ${row.read.accepts}, or empty`,
    };
  }
  return /^\$\{[^}]*\}$/.test(text) ? valueOfUnset(key, cwd) : row.read.read(text, cwd);
};

const valueOfUnset = <Key extends keyof Config>(
  key: Key,
  cwd: () => string,
): Reading<Config[Key]> => {
  const row = rows[key];
  return row.default === undefined ? { value: row.unset } : row.read.read(row.default, cwd);
};

const takeKeyFromFile = (
  { values, problems, warnings }: Found,
  readFile: (path: string) => string,
): void => {
  const { apiKey, apiKeyFile } = values;
  if (apiKeyFile === undefined) return;
  if (apiKey !== undefined) {
    problems.push("PRELUDE_API_KEY and PRELUDE_API_KEY_FILE are both set; keep one of them");
    return;
  }
  const file = readKeyFile(apiKeyFile, readFile);
  if (file.problem !== undefined) {
    problems.push(`PRELUDE_API_KEY_FILE ${file.problem}`);
    return;
  }
  values.apiKey = file.key;
  if (file.warning !== undefined) warnings.push(`PRELUDE_API_KEY_FILE ${file.warning}`);
};

/** Keys that are both allowed and blocked, by their place, since their names may be no names. */
const overlap = ({ allowedKeys = [], blockedKeys = [] }: Partial<Config>): string[] => {
  const blocked = new Set(blockedKeys.map(foldKey));
  return allowedKeys.flatMap((key, index) =>
    blocked.has(foldKey(key))
      ? [
          `PRELUDE_ALLOWED_KEYS names a key (entry ${index + 1}) that PRELUDE_BLOCKED_KEYS blocks; remove it from one of them`,
        ]
      : [],
  );
};

/** Shortest key, in characters, that is not the whole of another value by chance. */
const shortestTold = 5;

/** Shortest key, in characters, that is no part of another value by chance. */
const shortestLong = 16;

/** Settings that hold the key as well: it would get into a URL, a schema or the name of a file. */
const leakedKey = ({ apiKey, ...values }: Partial<Config>, env: Environment): string[] => {
  if (apiKey === undefined || apiKey.length < shortestTold) return [];
  const isLong = apiKey.length >= shortestLong;
  const isIn = (text = ""): boolean => (isLong ? text.includes(apiKey) : text.trim() === apiKey);
  return configKeys
    .filter((key) => key !== "apiKeyFile" && Object.hasOwn(values, key))
    .map((key) => rows[key].name)
    .filter((name) => isIn(env[name]))
    .map((name) => `${name} holds the API key, which belongs into PRELUDE_API_KEY only`);
};

const names: readonly SettingName[] = settings.map(({ name }) => name);

const nearMisses = (env: Environment): string[] =>
  Object.keys(env).flatMap((name) => {
    if (isUnset(env[name]) || names.some((known) => known === name)) return [];
    if (meansSandbox(name, env[name])) {
      return [`${shortName(name)} is not a setting; the flag --sandbox turns the sandbox on`];
    }
    const meant = meantSetting(name, names);
    return meant ? [`${shortName(name)} is not a setting; did you mean ${meant}?`] : [];
  });
