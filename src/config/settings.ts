import { maxRequests } from "../lib/contract.ts";
import { logLevels } from "../lib/log.ts";
import { quoteList } from "../lib/names.ts";
import { apiKey } from "./key.ts";
import * as readers from "./readers.ts";

export type Setting<Value> = {
  name: string;
  /** One line for --help and the registry's listing. */
  words: string;
  /** Never shown, never repeated, and not a default of anything. */
  secret?: true;
  /** Unless false, the operator forbids or watches something by it, and what nobody can have meant stops the start. */
  guard?: false;
  read: readers.Reader<Value>;
  /** What --check calls it, and how it shows the value in force. */
  label: string;
  show: (value: Value, sandbox: boolean) => string;
} & (
  | { /** As the operator would write it. */ default: string }
  | { default?: undefined /** The value where nothing is set. */; unset: Value }
);

const row = <Value>(setting: Setting<Value>): Setting<Value> => setting;

const fixedTo = (id: string | undefined): string =>
  id === undefined ? "chosen by the agent" : `fixed to ${id}`;

const perMinute = (most: number, what: string): string =>
  most === 0 ? "none" : `${most} calls per minute ${what}`;

/**
 * Every setting, by what the code calls its value. A row is all there is to a setting: `Config`,
 * --help and --check are made from it, and tests hold manifest.json, server.json and README.md to it.
 */
const settingsByKey = {
  apiKey: row<string | undefined>({
    name: "PRELUDE_API_KEY",
    words: "Prelude management API key",
    secret: true,
    guard: false,
    read: apiKey,
    unset: undefined,
    label: "api key",
    show: (key, sandbox) => {
      if (sandbox) return "not needed (sandbox)";
      return key === undefined ? "NOT SET" : "set (hidden)";
    },
  }),
  apiKeyFile: row({
    name: "PRELUDE_API_KEY_FILE",
    words: "file to read the key from instead",
    guard: false,
    read: readers.path("/run/secrets/prelude-api-key"),
    unset: undefined,
    label: "api key file",
    show: (file) => file ?? "none",
  }),
  appId: row({
    name: "PRELUDE_APP_ID",
    words: "fixes the app; unset: the tool asks for app_id",
    read: readers.appId,
    unset: undefined,
    label: "app",
    show: fixedTo,
  }),
  userId: row({
    name: "PRELUDE_USER_ID",
    words: "fixes the user; unset: the tool asks for user_id",
    read: readers.userId,
    unset: undefined,
    label: "user",
    show: fixedTo,
  }),
  allowedKeys: row({
    name: "PRELUDE_ALLOWED_KEYS",
    words: "comma-separated profile keys that may be written; unset: any",
    read: readers.keyList,
    unset: undefined,
    label: "allowed keys",
    show: (keys) =>
      keys === undefined ? "any key that is not blocked" : `only ${quoteList(keys, 100)}`,
  }),
  blockedKeys: row({
    name: "PRELUDE_BLOCKED_KEYS",
    words: "comma-separated profile keys that may never be written",
    read: readers.keyList,
    unset: [],
    label: "blocked keys",
    show: (keys) => (keys.length === 0 ? "none" : quoteList(keys, 100)),
  }),
  read: row({
    name: "PRELUDE_READ",
    words: "keys: get_user_profile shows key names; values: values too",
    read: readers.oneOf(["off", "keys", "values"]),
    default: "off",
    label: "reading",
    show: (mode) => {
      const what = mode === "keys" ? "which keys a profile has" : "keys and values";
      return mode === "off" ? "off" : `the agent may see ${what}`;
    },
  }),
  write: row({
    name: "PRELUDE_WRITE",
    words: "dry-run: nothing is written; off: no update_user_profile",
    read: readers.oneOf(["on", "dry-run", "off"]),
    default: "on",
    label: "writing",
    show: (mode) =>
      ({
        on: "on",
        "dry-run": "dry run: each write is rehearsed, none is sent",
        off: "off: update_user_profile is not offered",
      })[mode],
  }),
  confirm: row({
    name: "PRELUDE_CONFIRM",
    words: "true: ask the person before each write",
    read: readers.flag,
    default: "false",
    label: "confirmation",
    show: (on) => (on ? "the person is asked before each write" : "off"),
  }),
  maxWritesPerMinute: row({
    name: "PRELUDE_MAX_WRITES_PER_MINUTE",
    words: `writing calls per minute, up to ${maxRequests} PATCHes each; 0: no limit`,
    read: readers.wholeNumber(0, 1_000_000, "120"),
    default: "120",
    label: "write limit",
    show: (most) => perMinute(most, `may write, each with up to ${maxRequests} PATCHes`),
  }),
  maxReadsPerMinute: row({
    name: "PRELUDE_MAX_READS_PER_MINUTE",
    words: "calls of get_user_profile per minute; 0: no limit",
    read: readers.wholeNumber(0, 1_000_000, "60"),
    default: "60",
    label: "read limit",
    show: (most) => perMinute(most, "may read"),
  }),
  auditLog: row({
    name: "PRELUDE_AUDIT_LOG",
    words: "file for JSON lines about each call, without values",
    read: readers.path("/home/me/prelude-profile.jsonl"),
    unset: undefined,
    label: "audit",
    show: (file) => file ?? "off",
  }),
  auditMeta: row({
    name: "PRELUDE_AUDIT_META",
    words: "members of _meta that the audit records, at most 8",
    read: readers.metaList,
    default: "traceparent,threadId,openai/session",
    label: "audit meta",
    show: (names) => quoteList(names, 100),
  }),
  baseUrl: row({
    name: "PRELUDE_BASE_URL",
    words: "address of the API",
    guard: false,
    read: readers.address("https://api.prelude.dev"),
    default: "https://api.prelude.dev",
    label: "base url",
    show: (url, sandbox) => (sandbox ? "embedded sandbox, nothing real is changed" : url),
  }),
  timeoutMs: row({
    name: "PRELUDE_TIMEOUT_MS",
    words: "deadline of one call with its retries, in ms",
    guard: false,
    read: readers.wholeNumber(1, 600_000, "30000 (milliseconds)"),
    default: "30000",
    label: "timeout",
    show: (ms) => `${ms} ms per call`,
  }),
  logLevel: row({
    name: "PRELUDE_LOG_LEVEL",
    words: `${logLevels.slice(0, -1).join(", ")} or ${logLevels.at(-1)}; to stderr`,
    guard: false,
    read: readers.oneOf(logLevels),
    default: "error",
    label: "log",
    show: (level) => level,
  }),
};

type Rows = typeof settingsByKey;

export type Config = {
  [Key in keyof Rows]: Rows[Key] extends Setting<infer Value> ? Value : never;
};

export const rows: { [Key in keyof Config]: Setting<Config[Key]> } = settingsByKey;

export const configKeys = Object.keys(rows) as readonly (keyof Config)[];

export const settings = Object.values(settingsByKey);

export const describeSettings = (config: Config, sandbox: boolean): Record<string, string> => {
  const shown = <Key extends keyof Config>(key: Key) =>
    [rows[key].label, rows[key].show(config[key], sandbox)] as const;
  return Object.fromEntries(configKeys.map(shown));
};
