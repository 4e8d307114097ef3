import type { TracedCall } from "../guards/audit.ts";
import type { Person, Question } from "../guards/confirmation.ts";

/** What the operator fixed or limited, as far as it changes the published tools. */
export type ToolScope = {
  appId: string | undefined;
  userId: string | undefined;
  allowedKeys: readonly string[] | undefined;
  /** Whether profiles may be read, and how much of them is shown. */
  read?: "off" | "keys" | "values";
  /** Whether profiles may be written, or a write is only rehearsed. */
  write?: "on" | "dry-run" | "off";
};

/** Arguments that are no part of a tool because the operator fixed the app or the user. */
export const fixedNames = ({ appId, userId }: ToolScope): ReadonlySet<string> =>
  new Set([
    ...(appId === undefined ? [] : ["app_id"]),
    ...(userId === undefined ? [] : ["user_id", "email", "phone"]),
  ]);

export type JsonSchema = {
  type: "object";
  properties: Record<string, unknown>;
  required?: string[];
  [keyword: string]: unknown;
};

type Hint = "readOnlyHint" | "destructiveHint" | "idempotentHint" | "openWorldHint";

/** A tool as it goes over the wire (MCP 2025-11-25, `Tool`), all four hints given. */
export type ToolDefinition = {
  name: string;
  title: string;
  description: string;
  annotations: { title: string } & Record<Hint, boolean>;
  icons: readonly { src: string; mimeType?: string }[];
  inputSchema: JsonSchema;
  outputSchema: JsonSchema;
};

/** One `tools/call`, free of the protocol. */
export type ToolCall = TracedCall &
  Person & {
    /** The `arguments` of the call, unchecked. */
    arguments: unknown;
    /** Aborted when the client cancels the call or goes away, or when the server ends. */
    signal: AbortSignal;
    /** Tells the client that the call is waiting, and for what. */
    progress: (message: string) => void;
  };

/** What every result has in common: a status, and an error wherever the status is not the hoped-for one. */
export type ToolResult = { status: string; error?: { code: string } | undefined };

export type Asked = Question;

export type Tool = {
  name: string;
  /** Loaded when the tools are first listed. */
  definition: () => Promise<ToolDefinition>;
  /** Handles one call. Rejects only on a defect of this server. */
  call: (call: ToolCall) => Promise<ToolResult | Asked>;
};

/** Whether a call ended with a question instead of a result. */
export const isAsked = (outcome: ToolResult | Asked): outcome is Asked => "question" in outcome;
