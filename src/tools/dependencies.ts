import type { Config } from "../config/config.ts";
import { type Audit, startTrace, type Trace, type TracedEnd } from "../guards/audit.ts";
import type { RateLimit } from "../guards/rate-limit.ts";
import type { Secrets } from "../lib/text.ts";
import type { PreludeClient } from "../prelude/client.ts";
import type { ReadArguments } from "./arguments.ts";
import type { Failed } from "./result.ts";
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
  /** Counts the calls of `get_user_profile`. */
  reads: RateLimit;
  /** Whether the server is about to end, and no call may begin to send. */
  isStopping: () => boolean;
  /** A monotonic clock in milliseconds. */
  now: () => number;
};

/** The audit lines of one call of a tool. */
export const traceOf = (
  { audit, sandbox, secrets, now }: Dependencies,
  tool: string,
  { clientName, clientVersion }: ToolCall,
  { target: { appId, userId }, asked }: ReadArguments<unknown>,
  keys: readonly string[],
): Trace => {
  const { appId: askedAppId, userId: askedUserId } = asked;
  const ids = { appId, userId, askedAppId, askedUserId };
  const traced = { tool, clientName, clientVersion, sandbox, keys, ...ids };
  return startTrace(audit, traced, { secrets, now });
};

/** What the audit says of a call that sent nothing. */
export const nothingSent = {
  updatedKeys: [],
  httpStatus: undefined,
  requestId: undefined,
  attempts: 0,
};

/** The code of a call for the audit: that the client cancelled it is all there is to say then. */
export const auditCode = (
  { signal }: ToolCall,
  { isStopping }: Dependencies,
  error: { code: string } | undefined,
): string | null => (signal.aborted && !isStopping() ? "cancelled" : (error?.code ?? null));

/** A failure, with the end of the server as its cause where that cut the call off. */
export const inViewOfEnd = (
  failed: Failed,
  { signal }: ToolCall,
  { isStopping }: Dependencies,
): Failed => (signal.aborted && isStopping() ? { ...failed, code: "stopping" } : failed);

/** Runs a call, and leaves a line in the audit also of one that a defect ends. */
export const traced = async <Result>(
  trace: Trace,
  status: string,
  run: () => Promise<{ result: Result; end: TracedEnd }>,
): Promise<Result> => {
  try {
    const { result, end } = await run();
    trace.end(end);
    return result;
  } catch (error) {
    trace.end({ ...nothingSent, status, code: "internal_error" });
    throw error;
  }
};
