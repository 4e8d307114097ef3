import type { Writable } from "node:stream";

/** Unread output, in bytes, above which it counts as blocked. */
const maxUnreadBytes = 1024 * 1024;

/** Writes messages, a line each. Those of one turn of the event loop leave in one system call. */
export const createOutput = (stdout: Writable) => {
  let corked = false;
  const uncork = (): void => {
    corked = false;
    stdout.uncork();
  };
  const isBlocked = (): boolean => stdout.writableLength > maxUnreadBytes;
  return {
    write: (message: object): void => {
      if (!stdout.writable) return;
      // It is of no use later, and a call may make any number of them.
      if ("method" in message && message.method === "notifications/progress" && isBlocked()) return;
      if (!corked) {
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
