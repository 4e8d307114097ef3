import type { Config } from "../config/config.ts";
import type { TracedCall } from "../guards/audit.ts";
import type { Person, Question } from "../guards/confirmation.ts";

/** What the operator fixed or limited, as far as it changes the published tools. */
export type ToolScope = Pick<Config, "appId" | "userId" | "allowedKeys"> &
  Partial<Pick<Config, "read" | "write">>;

/** Arguments that are no part of a tool because the operator fixed the app or the user. */
export const fixedNames = ({ appId, userId }: ToolScope): ReadonlySet<string> =>
  new Set([
    ...(appId === undefined ? [] : ["app_id"]),
    ...(userId === undefined ? [] : ["user_id", "email", "phone"]),
  ]);

export type ToolCall = TracedCall & {
  arguments: unknown;
  person: Person;
  /** Aborted when the client cancels the call or goes away, or when the server ends. */
  signal: AbortSignal;
  /** Tells the client that the call is waiting, and for what. */
  progress: (message: string) => void;
};

export type ToolResult = {
  status: string;
  error?: { code: string; request_id?: string | undefined } | undefined;
};

export type Tool = {
  name: string;
  /** What `tools/list` says of it (MCP 2025-11-25, `Tool`). */
  definition: () => Promise<object>;
  call: (call: ToolCall) => Promise<ToolResult | Question>;
};
