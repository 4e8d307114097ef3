import { writeSync } from "node:fs";
import type { LogLevel } from "./config.ts";
import { redact, stripInvisible } from "./text.ts";

const rank: Record<LogLevel, number> = { silent: 0, error: 1, info: 2, debug: 3 };

export type Log = Record<Exclude<LogLevel, "silent">, (message: string) => void>;

/**
 * A log that goes to stderr, one line per message, with the secret removed. stdout belongs to the
 * protocol.
 */
export const createLog = (level: LogLevel, secret: string | undefined): Log => {
  const at = (messageLevel: Exclude<LogLevel, "silent">) => (message: string) => {
    if (rank[messageLevel] > rank[level]) return;
    const line = `prelude-profile-mcp: ${redact(stripInvisible(message), secret)}\n`;
    try {
      // Synchronous, so that the reason for an exit is out before the exit.
      writeSync(2, line);
    } catch {
      // Nobody reads stderr; there is nowhere left to say so.
    }
  };
  return { error: at("error"), info: at("info"), debug: at("debug") };
};
