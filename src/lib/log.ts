import { foreignText, type Secrets } from "./text.ts";

export const logLevels = ["silent", "error", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

const rank: Record<LogLevel, number> = { silent: 0, error: 1, info: 2, debug: 3 };
const maxLine = 2_000;
/** Unread log lines, in bytes, above which further ones are dropped. */
const maxUnread = 64 * 1024;

type Level = Exclude<LogLevel, "silent">;
export type Log = Record<Level, (message: string) => void>;

/**
 * A log that goes to stderr, one line per message, with the secrets removed. stdout belongs to the
 * protocol. A client that does not read stderr loses lines; it must not stop the server.
 */
export const createLog = (level: LogLevel, secrets: Secrets): Log => {
  let guarded = false;
  const at = (messageLevel: Level) => (message: string) => {
    if (rank[messageLevel] > rank[level]) return;
    const { stderr } = process;
    if (!guarded) stderr.on("error", () => {});
    guarded = true;
    if (stderr.writableLength > maxUnread) return;
    stderr.write(`prelude-profile-mcp: ${foreignText(message, secrets, maxLine)}\n`);
  };
  return { error: at("error"), info: at("info"), debug: at("debug") };
};

/** What kind of error it is and where it was thrown, without its message, which can hold anything. */
export const placeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return `a ${typeof error} was thrown`;
  const { name, message, stack = "" } = error;
  const frames = stack.slice(stack.indexOf(message) + message.length);
  return `${name} ${/^ +at .*$/m.exec(frames)?.[0].trim() ?? ""}`.trim();
};
