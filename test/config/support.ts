import { type Config, readConfig as read } from "../../src/config/config.ts";

export { read };

export const problemsOf = (env: Record<string, string>): string[] => read(env).problems ?? [];

export const defaults: Config = {
  apiKey: undefined,
  apiKeyFile: undefined,
  appId: undefined,
  userId: undefined,
  allowedKeys: undefined,
  blockedKeys: [],
  read: "off",
  write: "on",
  confirm: false,
  maxWritesPerMinute: 120,
  maxReadsPerMinute: 60,
  auditLog: undefined,
  auditMeta: ["traceparent", "threadId", "openai/session"],
  baseUrl: "https://api.prelude.dev",
  timeoutMs: 30_000,
  logLevel: "error",
};

/** What a host or a template passes on where it knows no value. */
export const dollar = (name: string) => `\${${name}}`;

/** What surely means "not set". */
export const blanks = ["", "\t\n", dollar("user_config.api_key"), ` ${dollar("user_config.x")} `];

/** What stands for a value that nothing has filled in, and words for nothing. */
export const standIns = [
  ...[dollar("VAR"), dollar("env:VAR"), dollar("VAR:-"), dollar(""), ` ${dollar("VAR")} `],
  ...["$VAR", "$env:VAR", "$(cat key)", "%VAR%", "{{var}}", "{{ .Values.x }}", "{env:VAR}"],
  ...["#{Var}#", "<VAR>", "<your value>", "undefined", "null", "none", "NULL", " Undefined "],
];
