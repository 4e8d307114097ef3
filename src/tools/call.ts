import type { Config } from "../config/config.ts";
import { type Audit, startTrace, type Trace } from "../guards/audit.ts";
import type { Question } from "../guards/confirmation.ts";
import type { Log } from "../lib/log.ts";
import type { Secrets } from "../lib/text.ts";
import type { PreludeClient } from "../prelude/client.ts";
import type { Tool, ToolCall, ToolResult } from "./tool.ts";

// What every call passes; loaded at the start, so the tools are not imported.

export type Dependencies = {
  config: Config;
  /** True: an embedded simulation stands in for the API, and results say so. */
  sandbox: boolean;
  /** What must not be shown; grows when a new key is read. */
  secrets: Secrets;
  /** Loaded at the first call that sends something, since most conversations make none. */
  client: () => Promise<PreludeClient>;
  audit: Audit | undefined;
  log: Log;
  /** Whether the server is about to end, and no call may begin to send. */
  isStopping: () => boolean;
  /** A monotonic clock in milliseconds. */
  now: () => number;
};

/** Handles a call, and tells its trace what only the audit says. Rejects only on a defect of this server. */
export type UseCase = (call: ToolCall, trace: Trace) => Promise<ToolResult | Question>;

/** Whether an error says that a file of this server is gone, which it loads when it needs it. */
export const isMissingFile = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND";

export const replacedText =
  "This server's files were replaced while it ran, as by an update. Nothing was written.";

/** All code is loaded before a request leaves. The table of sentences may be among what is gone. */
const replaced = {
  code: "files_replaced",
  message: replacedText,
  retryable: false,
  next_step:
    "Say that this server must be restarted; in most clients a reconnect or a new session does it. Until then every call ends like this one.",
};

/** Codes of failures that only the operator can help. */
const forOperator: ReadonlySet<string> = new Set([
  "unauthorized",
  "forbidden",
  "session_disabled",
  "unexpected_response",
  "audit_unavailable",
  "not_configured",
  "files_replaced",
]);

/**
 * Runs the calls of one tool: each leaves its lines in the audit, also one that a defect ends, and
 * a line in the log where only the operator can help.
 *
 * @param undone the result of a call that did nothing, without its error
 */
export const createCaller = (
  deps: Dependencies,
  tool: string,
  undone: ToolResult & Record<string, unknown>,
  load: () => Promise<UseCase>,
): Tool["call"] => {
  const { auditMeta, appId, userId } = deps.config;
  const options = { ...deps, tool, auditMeta };
  return async (call) => {
    const trace = startTrace(deps.audit, call, options);
    trace.about({ appId, userId });
    const finish = (result: ToolResult): ToolResult => {
      const { code = null, request_id } = result.error ?? {};
      // That the client cancelled the call is all there is to say then.
      const isCancelled = call.signal.aborted && !deps.isStopping();
      trace.end(result.status, isCancelled ? "cancelled" : code);
      if (code !== null && forOperator.has(code)) {
        const request = request_id === undefined ? "" : `, request ${request_id}`;
        deps.log.error(`${tool}: ${code} (call ${call.id}${request})`);
      }
      return result;
    };
    try {
      const useCase = await load();
      const ended = await useCase(call, trace);
      if ("status" in ended) return finish(ended);
      trace.end(undone.status, "confirmation_asked");
      return ended;
    } catch (error) {
      if (isMissingFile(error)) return finish({ ...undone, error: replaced });
      trace.end("unknown", "internal_error");
      throw error;
    }
  };
};
