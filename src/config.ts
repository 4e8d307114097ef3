import { appIdPattern, userIdPattern } from "./limits.ts";
import { foldKey } from "./policy.ts";
import { quote } from "./text.ts";

export const logLevels = ["silent", "error", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

export type Config = {
  /** Undefined: the server starts and lists its tool, and every call answers `not_configured`. */
  apiKey: string | undefined;
  appId: string | undefined;
  userId: string | undefined;
  allowedKeys: readonly string[] | undefined;
  blockedKeys: readonly string[];
  confirm: boolean;
  /** 0: no limit. */
  maxWritesPerMinute: number;
  auditLog: string | undefined;
  /** Without a slash at the end. */
  baseUrl: string;
  timeoutMs: number;
  logLevel: LogLevel;
};

export type Setting = {
  name: string;
  /** One line for --help, the README and the registry's listing. */
  text: string;
  secret?: true;
  default?: string;
};

/** Every setting; README, manifest.json and server.json are held equal to this list by a test. */
export const settings = [
  { name: "PRELUDE_API_KEY", text: "Prelude management API key", secret: true },
  { name: "PRELUDE_API_KEY_FILE", text: "file to read the key from instead" },
  { name: "PRELUDE_APP_ID", text: "pins the app; unset: the tool asks for app_id" },
  { name: "PRELUDE_USER_ID", text: "pins the user; unset: the tool asks for user_id" },
  {
    name: "PRELUDE_ALLOWED_KEYS",
    text: "comma-separated profile keys that may be written; unset: all",
  },
  { name: "PRELUDE_BLOCKED_KEYS", text: "comma-separated profile keys that may never be written" },
  { name: "PRELUDE_CONFIRM", text: "true: ask the person before each write", default: "false" },
  {
    name: "PRELUDE_MAX_WRITES_PER_MINUTE",
    text: "brake on a runaway agent; 0: off",
    default: "120",
  },
  { name: "PRELUDE_AUDIT_LOG", text: "file that gets one JSON line per call, without values" },
  { name: "PRELUDE_BASE_URL", text: "address of the API", default: "https://api.prelude.dev" },
  {
    name: "PRELUDE_TIMEOUT_MS",
    text: "deadline of one call with its retries, in ms",
    default: "30000",
  },
  { name: "PRELUDE_LOG_LEVEL", text: "silent, error, info or debug; to stderr", default: "error" },
] as const satisfies readonly Setting[];

export type SettingName = (typeof settings)[number]["name"];

type Environment = Readonly<Record<string, string | undefined>>;

export type ConfigResult =
  | { config: Config; problems?: never }
  | { config?: never; problems: string[] };

/**
 * Turns environment variables into the configuration, or lists every problem at once. No value of
 * a secret is ever part of a problem.
 *
 * @param readFile reads the key file as text; throws as `fs.readFileSync` does
 */
export const readConfig = (env: Environment, readFile: (path: string) => string): ConfigResult => {
  const problems: string[] = [...nearMisses(env)];
  const get = (name: SettingName): string | undefined => settingOf(env[name]);

  const number = (name: SettingName, fallback: number, min: number, max: number): number => {
    const text = get(name);
    if (text === undefined) return fallback;
    if (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    problems.push(`${name} must be a whole number from ${min} to ${max}, not ${quote(text)}`);
    return fallback;
  };

  const id = (name: SettingName, pattern: RegExp, form: string): string | undefined => {
    const text = get(name);
    if (text !== undefined && !pattern.test(text))
      problems.push(`${name} must be ${form}, not ${quote(text)}`);
    return text;
  };

  const keys = (name: SettingName): string[] | undefined => {
    const text = get(name);
    if (text === undefined) return undefined;
    const names = [...new Set(text.split(",").map((key) => key.trim()))].filter(
      (key) => key !== "",
    );
    if (names.length === 0) problems.push(`${name} is set but names no key`);
    return names;
  };

  const flag = (name: SettingName): boolean => {
    const text = get(name)?.toLowerCase();
    if (text === undefined || text === "false" || text === "0") return false;
    if (text !== "true" && text !== "1")
      problems.push(`${name} must be true or false, not ${quote(text)}`);
    return true;
  };

  const allowedKeys = keys("PRELUDE_ALLOWED_KEYS");
  const blockedKeys = keys("PRELUDE_BLOCKED_KEYS") ?? [];
  const foldedBlocked = new Set(blockedKeys.map(foldKey));
  for (const key of allowedKeys ?? []) {
    if (foldedBlocked.has(foldKey(key))) {
      problems.push(
        `${quote(key)} is in PRELUDE_ALLOWED_KEYS and in PRELUDE_BLOCKED_KEYS; remove it from one of them`,
      );
    }
  }

  const logLevel = get("PRELUDE_LOG_LEVEL") ?? "error";
  if (!logLevels.includes(logLevel as LogLevel)) {
    problems.push(
      `PRELUDE_LOG_LEVEL must be one of ${logLevels.join(", ")}, not ${quote(logLevel)}`,
    );
  }

  const config: Config = {
    apiKey: readKey(get, readFile, problems),
    appId: id("PRELUDE_APP_ID", appIdPattern, "an app id such as 54e9ujn"),
    userId: id("PRELUDE_USER_ID", userIdPattern, "a user id that starts with usr_"),
    allowedKeys,
    blockedKeys,
    confirm: flag("PRELUDE_CONFIRM"),
    maxWritesPerMinute: number("PRELUDE_MAX_WRITES_PER_MINUTE", 120, 0, 1_000_000),
    auditLog: get("PRELUDE_AUDIT_LOG"),
    baseUrl: baseUrl(get("PRELUDE_BASE_URL") ?? "https://api.prelude.dev", problems),
    timeoutMs: number("PRELUDE_TIMEOUT_MS", 30_000, 1, 600_000),
    logLevel: logLevel as LogLevel,
  };
  return problems.length > 0 ? { problems } : { config };
};

/** Blank values and literal placeholders (`${user_config.x}`, `${VAR}`) are what hosts pass for "not set". */
const settingOf = (text: string | undefined): string | undefined => {
  const trimmed = text?.trim();
  return !trimmed || /^\$\{[^}]*\}$/.test(trimmed) ? undefined : trimmed;
};

const readKey = (
  get: (name: SettingName) => string | undefined,
  readFile: (path: string) => string,
  problems: string[],
): string | undefined => {
  const file = get("PRELUDE_API_KEY_FILE");
  const inline = get("PRELUDE_API_KEY");
  const name = file === undefined ? "PRELUDE_API_KEY" : "PRELUDE_API_KEY_FILE";
  if (file !== undefined && inline !== undefined) {
    problems.push("PRELUDE_API_KEY and PRELUDE_API_KEY_FILE are both set; keep one of them");
    return undefined;
  }
  let text = inline;
  if (file !== undefined) {
    try {
      text = readFile(file);
    } catch (error) {
      problems.push(
        `${name} cannot be read (${(error as { code?: string }).code ?? "unknown error"}): ${quote(file)}`,
      );
      return undefined;
    }
    if (text.trim() === "") problems.push(`${name} is empty: ${quote(file)}`);
  }
  const key = text
    ?.trim()
    .replace(/^bearer\s+/i, "")
    .trim();
  if (key === undefined || key === "") {
    if (inline !== undefined) problems.push(`${name} holds the word Bearer and no key`);
    return undefined;
  }
  // A line break in a header value would let undici put the key into its own error message.
  if (/[^\u0020-\u007e\u00a0-\u00ff]/.test(key)) {
    problems.push(
      `${name} holds a character that cannot be part of a key (a control character, or one outside Latin-1); paste the key again`,
    );
  }
  return key;
};

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);

const baseUrl = (text: string, problems: string[]): string => {
  const bad = (reason: string): string => {
    problems.push(`PRELUDE_BASE_URL ${reason}`);
    return text;
  };
  if (!URL.canParse(text)) return bad("is not a URL");
  const url = new URL(text);
  if (url.username || url.password) return bad("must not contain a user name or a password");
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    return bad(
      "must start with https:// (http:// only on the loopback address), because the API key travels with each request",
    );
  }
  if (url.search || url.hash) return bad("must not have a query or a fragment");
  return (url.origin + url.pathname).replace(/\/+$/, "");
};

const prefix = "PRELUDE_";
const guards = ["ALLOWED", "BLOCKED", "CONFIRM", "MAX_WRITES", "AUDIT"];

/** The known setting that `name` is probably meant to be, or undefined if it is somebody else's. */
export const meantSetting = (name: string): SettingName | undefined => {
  const upper = name.toUpperCase();
  if (!upper.startsWith(prefix)) return undefined;
  const rest = upper.slice(prefix.length);
  const guard = guards.find((word) => rest.startsWith(word));
  let best: { name: SettingName; distance: number } | undefined;
  for (const setting of settings) {
    const known = setting.name.slice(prefix.length);
    const distance = editDistance(rest, known);
    const near =
      distance <= (known.length >= 8 ? 3 : 2) || (guard !== undefined && known.startsWith(guard));
    if (near && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { name: setting.name, distance };
  }
  return best?.name;
};

const nearMisses = (env: Environment): string[] =>
  Object.keys(env).flatMap((name) => {
    if (settings.some((setting) => setting.name === name)) return [];
    const meant = settingOf(env[name]) === undefined ? undefined : meantSetting(name);
    return meant ? [`${name} is not a setting; did you mean ${meant}?`] : [];
  });

/** Letters to insert, delete, change or swap with their neighbour between two short names. */
export const editDistance = (a: string, b: string): number => {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, i) => i);
  const at = (row: number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = at(old, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(older, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(change, swap, at(old, j) + 1, at(row, j - 1) + 1));
    }
    [older, old] = [old, row];
  }
  return at(old, b.length);
};
