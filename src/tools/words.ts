import type { Config } from "../config/config.ts";
import type { WriteProgress } from "../profile/write.ts";

// What people read of a call at work, and what a dry run says of itself.

/** What the question to the person says of a dry run. */
export const dryRunQuestion =
  "Dry run: this server only rehearses; nothing will be written, whatever the answer.";

/** What the result of a write says that was only rehearsed. With reading, a question had a look sent. */
export const dryRunNote = ({ read, confirm }: Pick<Config, "read" | "confirm">): string => {
  const sent = read !== "off" && confirm ? "No write" : "Nothing";
  return `Dry run: this server only rehearses (PRELUDE_WRITE is dry-run). ${sent} was sent and nothing was written; say so. Keys that Prelude reserves show only in a real write.`;
};

export const askingText = "Asking the person to approve the write";

/** @param seconds waited so far, of `most` */
export const waitingText = (seconds: number, most: number): string =>
  `Waiting for the person to approve the write (${seconds} of ${most} s)`;

export const writeText = (progress: WriteProgress): string => {
  if (progress.step === "search") {
    return `Looking for the keys that Prelude reserves: trying ${progress.trying} of ${progress.of}`;
  }
  const { attempt, waitMs, httpStatus } = progress;
  const why = httpStatus ? `Prelude answered ${httpStatus}` : "The connection to Prelude failed";
  return `${why} at attempt ${attempt}; repeating in ${(waitMs / 1000).toFixed(1)} s`;
};
