import { appIdPattern, userIdPattern } from "../lib/contract.ts";
import { logLevels } from "../lib/log.ts";
import { quoteList } from "../lib/names.ts";
import { apiKey } from "./key.ts";
import { keyList } from "./key-list.ts";
import {
  address,
  appId,
  flag,
  milliseconds,
  oneOf,
  path,
  type Reader,
  userId,
  wholeNumber,
} from "./readers.ts";

/** A field in the settings of a desktop app (`user_config` of the bundle's manifest). */
type FormField = {
  type: "string" | "number" | "boolean";
  title: string;
  description: string;
  min?: number;
  max?: number;
  required?: true;
  sensitive?: true;
};

/** What a registry needs to know of a variable beyond its words and its default. */
type RegistryField = {
  isRequired?: true;
  format?: "number" | "boolean" | "filepath";
  choices?: readonly string[];
};

export type Setting<Name extends string, Value> = {
  name: Name;
  /** One line for --help and the registry's listing. */
  words: string;
  /** Never shown, never repeated, and not a default of anything. */
  secret?: true;
  /** What the operator forbids or watches by it; a value that nobody can have meant stops the start. */
  guard?: true;
  read: Reader<Value>;
  /** What --check calls it, and how it shows the value in force. */
  label: string;
  show: (value: Value, sandbox: boolean) => string;
  /** Undefined: the bundle does not offer it. */
  form?: FormField;
  registry?: RegistryField;
} & (
  | { /** As the operator would write it. */ default: string }
  | { default?: undefined /** The value where nothing is set. */; unset: Value }
);

const row = <const Name extends string, Value>(
  setting: Setting<Name, Value>,
): Setting<Name, Value> => setting;

const perMinute = (most: number, what: string): string =>
  most === 0 ? "off" : `${most} ${what} per minute`;

const readModes = ["off", "keys", "values"] as const;

/**
 * Every setting, by what the code calls its value. A row is all there is to a setting: `Config`,
 * --help, --check, manifest.json and server.json are made from it, and tests hold the README to it.
 */
const settingsByKey = {
  apiKey: row<"PRELUDE_API_KEY", string | undefined>({
    name: "PRELUDE_API_KEY",
    words: "Prelude management API key",
    secret: true,
    read: apiKey,
    unset: undefined,
    label: "api_key",
    show: (key, sandbox) => {
      if (sandbox) return "not needed (sandbox)";
      return key === undefined ? "NOT SET" : "set (hidden)";
    },
    form: {
      type: "string",
      title: "Management API key",
      description:
        "From the Prelude dashboard: Settings, API Keys. With the sandbox, any word will do.",
      required: true,
      sensitive: true,
    },
    registry: { isRequired: true },
  }),
  apiKeyFile: row({
    name: "PRELUDE_API_KEY_FILE",
    words: "file to read the key from instead",
    read: path("/run/secrets/prelude-api-key"),
    unset: undefined,
    label: "api_key_file",
    show: (file) => file ?? "none",
    registry: { format: "filepath" },
  }),
  appId: row({
    name: "PRELUDE_APP_ID",
    words: "fixes the app; unset: the tool asks for app_id",
    guard: true,
    read: appId(appIdPattern),
    unset: undefined,
    label: "app",
    show: (id) => (id === undefined ? "chosen by the agent" : `fixed to ${id}`),
    form: {
      type: "string",
      title: "App ID",
      description:
        "The only app whose users may be updated, e.g. 54e9ujn. Empty: the assistant names the app.",
    },
  }),
  userId: row({
    name: "PRELUDE_USER_ID",
    words: "fixes the user; unset: the tool asks for user_id",
    guard: true,
    read: userId(userIdPattern),
    unset: undefined,
    label: "user",
    show: (id) => (id === undefined ? "chosen by the agent" : `fixed to ${id}`),
    form: {
      type: "string",
      title: "User ID",
      description: "The only user who may be updated (usr_…). Empty: the assistant names the user.",
    },
  }),
  allowedKeys: row({
    name: "PRELUDE_ALLOWED_KEYS",
    words: "comma-separated profile keys that may be written; unset: all",
    guard: true,
    read: keyList,
    unset: undefined,
    label: "allowed_keys",
    show: (keys) =>
      keys === undefined ? "any key that is not blocked" : `only ${quoteList(keys, 100)}`,
    form: {
      type: "string",
      title: "Allowed profile keys",
      description: "The only profile keys that may be written, separated by commas. Empty: all.",
    },
  }),
  blockedKeys: row({
    name: "PRELUDE_BLOCKED_KEYS",
    words: "comma-separated profile keys that may never be written",
    guard: true,
    read: keyList,
    unset: [],
    label: "blocked_keys",
    show: (keys) => (keys.length === 0 ? "none" : quoteList(keys, 100)),
    form: {
      type: "string",
      title: "Blocked profile keys",
      description: "Profile keys that may never be written, separated by commas. Empty: none.",
    },
  }),
  read: row({
    name: "PRELUDE_READ",
    words: "keys: get_user_profile shows key names; values: values too",
    guard: true,
    read: oneOf(readModes),
    default: "off",
    label: "reading",
    show: (mode) =>
      ({
        off: "off",
        keys: "the agent may see which keys a profile has",
        values: "the agent may see keys and values",
      })[mode],
    form: {
      type: "string",
      title: "Reading profiles",
      description:
        "off: profiles are never read. keys: the assistant sees which keys a profile has. values: it sees the values too.",
    },
    registry: { choices: readModes },
  }),
  confirm: row({
    name: "PRELUDE_CONFIRM",
    words: "true: ask the person before each write",
    guard: true,
    read: flag,
    default: "false",
    label: "confirmation",
    show: (on) => (on ? "the person is asked before each write" : "off"),
    form: {
      type: "boolean",
      title: "Ask before each write",
      description: "Ask you before each write. Updates are refused where the app cannot ask.",
    },
    registry: { format: "boolean" },
  }),
  /** 0: no limit. */
  maxWritesPerMinute: row({
    name: "PRELUDE_MAX_WRITES_PER_MINUTE",
    words: "limit for a runaway agent; 0: off",
    guard: true,
    read: wholeNumber(0, 1_000_000, 120),
    default: "120",
    label: "write_limit",
    show: (most) => perMinute(most, "writes"),
    form: {
      type: "number",
      title: "Writes per minute",
      description: "The most writes in one minute. 0: no limit.",
      min: 0,
      max: 1_000_000,
    },
    registry: { format: "number" },
  }),
  /** 0: no limit. */
  maxReadsPerMinute: row({
    name: "PRELUDE_MAX_READS_PER_MINUTE",
    words: "the same for reads; 0: off",
    guard: true,
    read: wholeNumber(0, 1_000_000, 60),
    default: "60",
    label: "read_limit",
    show: (most) => perMinute(most, "reads"),
    form: {
      type: "number",
      title: "Reads per minute",
      description: "The most reads in one minute. 0: no limit.",
      min: 0,
      max: 1_000_000,
    },
    registry: { format: "number" },
  }),
  /** An absolute path. */
  auditLog: row({
    name: "PRELUDE_AUDIT_LOG",
    words: "file that records each call as JSON lines, without values",
    guard: true,
    read: path("/var/log/prelude-profile.jsonl"),
    unset: undefined,
    label: "audit",
    show: (file) => file ?? "off",
    form: {
      type: "string",
      title: "Audit file",
      description: "Full path of a file that records each call, without values. Empty: none.",
    },
    registry: { format: "filepath" },
  }),
  /** Without a slash at the end. */
  baseUrl: row({
    name: "PRELUDE_BASE_URL",
    words: "address of the API",
    read: address("https://api.prelude.dev"),
    default: "https://api.prelude.dev",
    label: "base_url",
    show: (url, sandbox) => (sandbox ? "embedded sandbox, nothing real is changed" : url),
    form: {
      type: "string",
      title: "API address",
      description: "Address of Prelude's API. Change it only if Prelude gave you another one.",
    },
  }),
  timeoutMs: row({
    name: "PRELUDE_TIMEOUT_MS",
    words: "deadline of one call with its retries, in ms",
    read: milliseconds(1, 600_000, 30_000),
    default: "30000",
    label: "timeout",
    show: (ms) => `${ms} ms per call`,
    form: {
      type: "number",
      title: "Timeout in milliseconds",
      description: "The longest that one update may take, with all its retries.",
      min: 1_000,
      max: 600_000,
    },
    registry: { format: "number" },
  }),
  logLevel: row({
    name: "PRELUDE_LOG_LEVEL",
    words: `${logLevels.slice(0, -1).join(", ")} or ${logLevels.at(-1)}; to stderr`,
    read: oneOf(logLevels),
    default: "error",
    label: "log",
    show: (level) => level,
    form: {
      type: "string",
      title: "Log level",
      description: "How much goes into the app's log: silent, error, info or debug.",
    },
    registry: { choices: logLevels },
  }),
};

type Rows = typeof settingsByKey;
export type SettingName = Rows[keyof Rows]["name"];
type ValueOf<Row> = Row extends Setting<string, infer Value> ? Value : never;

/** The settings as the code uses them; what each is stands in its row. */
export type Config = { [Key in keyof Rows]: ValueOf<Rows[Key]> };

/** The rows, in a form that lets generic code keep a row and its value together. */
export const rows: { [Key in keyof Config]: Setting<SettingName, Config[Key]> } = settingsByKey;

const isKey = (name: string): name is keyof Config => Object.hasOwn(settingsByKey, name);
export const configKeys: readonly (keyof Config)[] = Object.keys(settingsByKey).filter(isKey);

/** Every setting, in the order in which people read them. */
export const settings = Object.values(settingsByKey);
