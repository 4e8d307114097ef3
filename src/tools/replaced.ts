import type { Log } from "../lib/log.ts";
import type { Tool, ToolResult } from "./tool.ts";

/** Whether an error says that a file of this server is gone, which it loads when it needs it. */
export const isMissingFile = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND";

export const replacedText =
  "This server's files were replaced while it ran, as by an update. Nothing was written.";

const error = {
  code: "files_replaced",
  message: replacedText,
  retryable: false,
  next_step:
    "Say that this server must be restarted; in most clients a reconnect or a new session does it. Until then every call ends like this one.",
};

/**
 * A tool's call that says so if its code cannot be loaded any more. All of it is loaded before a
 * request leaves. The table of the other sentences may be among what is gone.
 *
 * @param nothingDone the result that says so, without its error
 */
export const unlessReplaced =
  (nothingDone: ToolResult & Record<string, unknown>, log: Log, call: Tool["call"]): Tool["call"] =>
  async (toolCall) => {
    try {
      return await call(toolCall);
    } catch (thrown) {
      if (!isMissingFile(thrown)) throw thrown;
      log.error("this server's files were replaced while it ran; it must be restarted");
      return { ...nothingDone, error };
    }
  };
