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

  const write = (message: object): void => {
    if (!stdout.writable) return;
    // It is of no use later, and a call may make any number of them.
    if ("method" in message && message.method === "notifications/progress" && isBlocked()) return;
    stdout.write(`${JSON.stringify(message)}\n`);
  };

  return {
    /** Writes a message now, or behind those that wait for the end of this turn. */
    write,
    /** Writes it at the end of this turn of the event loop, all such messages in one system call. */
    writeWithOthers: (message: object): void => {
      if (!corked) {
        corked = true;
        stdout.cork();
        setImmediate(uncork);
      }
      write(message);
    },
    /** Whether the client does not read what was written. */
    isBlocked,
  };
};
