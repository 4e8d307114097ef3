import type { WriteProgress } from "../profile/write.ts";

/** What a call is waiting for, in words for a person who watches (MCP, progress notifications). */

export const askingText = "Asking the person to approve the write";

/** @param seconds waited so far, of `most` */
export const waitingText = (seconds: number, most: number): string =>
  `Waiting for the person to approve the write (${seconds} of ${most} s)`;

export const writeText = (progress: WriteProgress): string => {
  if (progress.step === "search") {
    const { trying, of } = progress;
    return `Looking for the keys that Prelude reserves: trying ${trying} of ${of}`;
  }
  const { attempt, waitMs, httpStatus } = progress;
  const why =
    httpStatus === undefined
      ? "The connection to Prelude failed"
      : `Prelude answered ${httpStatus}`;
  return `${why} at attempt ${attempt}; repeating in ${(waitMs / 1000).toFixed(1)} s`;
};
