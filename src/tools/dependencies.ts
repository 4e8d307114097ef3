import type { Config } from "../config/config.ts";
import { type Audit, startTrace, type Trace } from "../guards/audit.ts";
import type { RateLimit } from "../guards/rate-limit.ts";
import { isObject } from "../lib/json.ts";
import type { Secrets } from "../lib/text.ts";
import type { PreludeClient } from "../prelude/client.ts";
import type { ToolCall } from "./tool.ts";

/** What the use case of a tool works with. */
export type Dependencies = {
  config: Config;
  /** True: an embedded simulation stands in for the API, and results say so. */
  sandbox: boolean;
  /** What must not be shown; grows when a new key is read. */
  secrets: Secrets;
  /** Loaded at the first call that sends something, since most conversations make none. */
  client: () => Promise<PreludeClient>;
  audit: Audit | undefined;
  /** Counts every read of a profile, those that are made for a write included. */
  reads: RateLimit;
  /** Whether the server is about to end, and no call may begin to send. */
  isStopping: () => boolean;
  /** A monotonic clock in milliseconds. */
  now: () => number;
};

/** What a call is about, as far as its arguments tell. */
type Subject = { appId?: string; userId?: string; keys: readonly string[] };

/** An id as the call names it, whether its argument is declared or not. */
const askedFor = (args: unknown, name: "app_id" | "user_id"): string | undefined => {
  const id = isObject(args) ? args[name] : undefined;
  return typeof id === "string" ? id : undefined;
};

/** The audit lines of one call of a tool. */
export const traceOf = (
  { audit, sandbox, secrets, now }: Dependencies,
  tool: string,
  { clientName, clientVersion, arguments: args }: ToolCall,
  subject: Subject,
): Trace =>
  startTrace(
    audit,
    {
      tool,
      clientName,
      clientVersion,
      sandbox,
      appId: subject.appId,
      userId: subject.userId,
      askedAppId: askedFor(args, "app_id"),
      askedUserId: askedFor(args, "user_id"),
      keys: subject.keys,
    },
    { secrets, now },
  );

/** What the audit says of a call that sent nothing. */
export const nothingSent = {
  updatedKeys: [],
  httpStatus: undefined,
  requestId: undefined,
  attempts: 0,
};
