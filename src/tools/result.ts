import type { Config } from "../config/config.ts";
import { quoted } from "../lib/names.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import type { Held } from "../profile/write.ts";
import type { ReadArguments } from "./arguments.ts";
import { shortened } from "./fields.ts";
import { type Failed, inWords, recovery } from "./messages.ts";
import { explain } from "./reasons.ts";

/** A call that Prelude, the network or this server's own limits ended. */
export const failedBy = (
  why: RequestFailure | Held,
  { attempts, retryAfterMs }: { attempts: number; retryAfterMs?: number | undefined },
  timeoutMs?: number,
): Failed => {
  const waitMs = "waitMs" in why ? why.waitMs : retryAfterMs;
  return {
    ...why,
    attempts,
    // No wait at all has been tried by then.
    retryAfterSeconds: waitMs ? Math.ceil(waitMs / 1000) : undefined,
    timeoutMs: why.code === "timeout" ? timeoutMs : undefined,
  };
};

/** A failure with what is known of its call, and with the server's end as its cause where that cut it off. */
export const inCall = (
  failed: Failed,
  { appId, userId }: Config,
  { target }: Pick<ReadArguments<unknown>, "target">,
  wasCutOff: boolean,
): Failed => ({
  ...failed,
  ...target,
  code: wasCutOff ? "stopping" : failed.code,
  appFixed: appId !== undefined,
  userFixed: userId !== undefined,
});

/** Names as a list in a result shows them: a huge call must not get a huge answer. */
export const listed = (keys: readonly string[]): string[] => keys.slice(0, 1_000);

export const isRetryable = ({ code, retryable }: Failed): boolean =>
  retryable ?? "retryable" in recovery[code];

/**
 * The `error` of any tool's result: what happened and what to do next.
 *
 * @param end how the message ends, full stop included
 * @param after what the next step says further, beginning with a space
 */
export const errorOf = (failed: Failed, end: string, after = "") => {
  const { code, issues, reason, httpStatus, apiMessage, keys = [] } = failed;
  const { what, next } = recovery[code];
  const words = reason && explain(reason, { ...failed.reasonDetail, httpStatus });
  const facts = { ...failed, ...words };
  const quote = apiMessage ? ` Prelude's words: ${quoted(apiMessage)}` : "";
  return {
    code,
    message: `${inWords(what, facts)}${end}${quote}`,
    keys: keys.length > 0 ? listed(keys) : undefined,
    issues: issues && shortened(issues),
    http_status: httpStatus,
    request_id: failed.requestId,
    retryable: isRetryable(failed),
    retry_after_seconds: failed.retryAfterSeconds,
    next_step: `${inWords(next, facts)}${after}`,
  };
};

/** What is to be said of any result; `ofIgnored`: where there are undeclared arguments. */
type Said = { sandbox: boolean; attempts: number; ofIgnored: string; note?: string };

/**
 * The one form of every result. A member that is undefined is not there in JSON.
 *
 * @param shown what only this tool's results have
 */
export const resultOf = <Status extends string, Shown extends object>(
  status: Status,
  { target, ignored, issues }: Pick<ReadArguments<unknown>, "target" | "ignored" | "issues">,
  { sandbox, attempts, ofIgnored, note }: Said,
  shown: Shown,
  error?: ReturnType<typeof errorOf>,
) => {
  // An answer about issues names undeclared arguments there.
  const isNoted = ignored.length > 0 && issues.length === 0;
  const notes = [note, isNoted ? ofIgnored : undefined].filter((one) => one !== undefined);
  return {
    status,
    app_id: target.appId,
    user_id: target.userId,
    ...shown,
    ignored_arguments: isNoted ? ignored : undefined,
    note: notes.join(" ") || undefined,
    attempts: attempts > 1 ? attempts : undefined,
    sandbox: sandbox || undefined,
    error,
  };
};
