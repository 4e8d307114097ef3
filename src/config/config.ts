import { foldKey } from "../guards/key-policy.ts";
import { appIdPattern, userIdPattern } from "../lib/contract.ts";
import { quote } from "../lib/text.ts";
import { type LogLevel, logLevels, meantSetting, type SettingName, settings } from "./settings.ts";

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
    if (text !== undefined && !pattern.test(text)) problems.push(`${name} must be ${form}`);
    return text;
  };

  const keys = (name: SettingName): string[] | undefined => {
    const text = get(name);
    if (text === undefined) return undefined;
    const names = [...new Set(text.split(",").map((key) => key.trim()))].filter(
      (key) => key !== "",
    );
    if (names.length === 0) problems.push(`${name} is set but names no key`);
    // A list in another notation would be a guard that matches nothing.
    const odd = names.find((key) => /[\s"'`;[\]{}$]/.test(key));
    if (odd !== undefined) {
      problems.push(
        `${name} must be names separated by commas, without quotes, brackets or spaces; ${quote(odd)} is none`,
      );
    }
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
      // Without the path: it may be the key, put into the wrong variable.
      const { code = "unknown error" } = error as { code?: string };
      problems.push(`${name} must be a path to a readable file (${code})`);
      return undefined;
    }
  }
  if (text === undefined) return undefined;
  const key = text.trim().replace(/^bearer(?:\s+|$)/i, "");
  if (key === "") problems.push(`${name} holds no key`);
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

const nearMisses = (env: Environment): string[] =>
  Object.keys(env).flatMap((name) => {
    if (settings.some((setting) => setting.name === name)) return [];
    const meant = settingOf(env[name]) === undefined ? undefined : meantSetting(name);
    return meant ? [`${name} is not a setting; did you mean ${meant}?`] : [];
  });
