import { foreignText, type Secrets } from "./text.ts";

/** From the quietest on: each tells what those before it do. */
export const logLevels = ["silent", "error", "info", "debug"] as const;
type LogLevel = (typeof logLevels)[number];
const maxLine = 2_000;
/** Unread log lines, in bytes, above which further ones are dropped. */
const maxUnread = 64 * 1024;

type Say = (message: string) => void;
/** `debug` is there only where it is heard. */
export type Log = { error: Say; info: Say; debug: Say | undefined };

/**
 * A log that goes to stderr, one line per message, with the secrets removed. stdout belongs to the
 * protocol. A client that does not read stderr loses lines; it must not stop the server.
 */
export const createLog = (level: LogLevel, secrets: Secrets): Log => {
  const at = (messageLevel: LogLevel) => (message: string) => {
    if (logLevels.indexOf(messageLevel) > logLevels.indexOf(level)) return;
    const { stderr } = process;
    if (stderr.listenerCount("error") === 0) stderr.on("error", () => {});
    if (stderr.writableLength > maxUnread) return;
    stderr.write(`prelude-profile-mcp: ${foreignText(message, secrets, maxLine)}\n`);
  };
  return {
    error: at("error"),
    info: at("info"),
    debug: level === "debug" ? at("debug") : undefined,
  };
};

/** What kind of error it is and where it was thrown, without its message, which can hold anything. */
export const placeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return `a ${typeof error} was thrown`;
  const { name, message, stack = "" } = error;
  const frames = stack.slice(stack.indexOf(message) + message.length);
  return `${name} ${/^ +at .*$/m.exec(frames)?.[0].trim() ?? ""}`.trim();
};
