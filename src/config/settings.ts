import { nearest } from "./did-you-mean.ts";

export const logLevels = ["silent", "error", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

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

const prefix = "PRELUDE_";
/** Words with which a misspelt guard begins; such a name is never taken for somebody else's. */
const guardWords = ["ALLOW", "BLOCK", "CONFIRM", "MAX_WRITES", "AUDIT"];
const words = (name: string): string => name.split("_").sort().join("_");

/** The known setting that `name` is probably meant to be, or undefined if it is somebody else's. */
export const meantSetting = (name: string): SettingName | undefined => {
  const upper = name.toUpperCase();
  if (!upper.startsWith(prefix)) return undefined;
  const rest = upper.slice(prefix.length);
  const guard = guardWords.find((word) => rest.startsWith(word));
  const names = settings.map((setting) => setting.name);
  return nearest(upper, names, (distance, candidate) => {
    const known = candidate.slice(prefix.length);
    return (
      distance <= 2 ||
      known === `${rest}_ID` ||
      known === `${rest}_MS` ||
      words(known) === words(rest) ||
      (guard !== undefined && known.startsWith(guard))
    );
  });
};
