import type { Writable } from "node:stream";

/** Unread output, in bytes, above which it counts as blocked. */
const maxUnreadBytes = 1024 * 1024;

/** Writes messages, a line each. */
export const createOutput = (stdout: Writable) => {
  let corked = false;
  const uncork = (): void => {
    corked = false;
    stdout.uncork();
  };
  const isBlocked = (): boolean => stdout.writableLength > maxUnreadBytes;
  return {
    /**
     * Writes a message at once, or, where others are to be expected, together with those of the same
     * turn of the event loop in one system call.
     */
    write: (message: object, expectsOthers: boolean): void => {
      if (!stdout.writable) return;
      // It is of no use later, and a call may make any number of them.
      if ("method" in message && message.method === "notifications/progress" && isBlocked()) return;
      if (expectsOthers && !corked) {
        corked = true;
        stdout.cork();
        setImmediate(uncork);
      }
      stdout.write(`${JSON.stringify(message)}\n`);
    },
    /** Whether the client does not read what was written. */
    isBlocked,
  };
};
