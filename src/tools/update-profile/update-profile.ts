import type { Config } from "../../config/config.ts";
import type { Audit, AuditEntry } from "../../guards/audit.ts";
import { confirmationOf } from "../../guards/confirmation.ts";
import { createKeyCheck } from "../../guards/key-policy.ts";
import { createBrake } from "../../guards/rate-limit.ts";
import { plainName, redact } from "../../lib/text.ts";
import type { PreludeClient } from "../../prelude/client.ts";
import { startDeadline } from "../../profile/deadline.ts";
import { createTurns } from "../../profile/turns.ts";
import { type Write, type Written, writeProfile } from "../../profile/write.ts";
import { askOperator, type FailureFacts } from "../messages.ts";
import { type Failure, failure, success } from "../result.ts";
import type { Asked, ToolCall } from "../tool.ts";
import { createArgumentParser, type Parsed, refusedKeyIssues } from "./arguments.ts";
import type { UpdateResult } from "./schema.ts";

export type Dependencies = {
  config: Config;
  /** True: an embedded simulation stands in for the API, and results say so. */
  sandbox: boolean;
  /** Loaded at the first write, since most conversations never make one. */
  client: () => Promise<PreludeClient>;
  audit: Audit | undefined;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
};

type Outcome = Failure | Written | Asked;

const refused = (code: Failure["code"], facts: FailureFacts = {}): Failure => ({
  code,
  wrote: "none",
  facts,
});

const isFailure = (outcome: Outcome): outcome is Failure => "code" in outcome;

const endings = {
  declined: "confirmation_declined",
  timeout: "confirmation_timeout",
  unavailable: "confirmation_unavailable",
} as const;

const tooLargeToShow = { tooLargeToShow: true };

const noClient = {
  cause: "the connection could not be set up",
  advice: askOperator("check HTTPS_PROXY and HTTP_PROXY (http:// and https:// proxies work)"),
};

/** The use case: arguments -> guards -> one PATCH (or a few) -> what is true now and what to do next. */
export const createUpdateProfile = (deps: Dependencies) => {
  const { config, sandbox, audit, now = () => performance.now() } = deps;
  const turns = createTurns();
  const brake = createBrake(config.maxWritesPerMinute, now);
  const parse = createArgumentParser(config);
  const refusedKeys = createKeyCheck(config);
  const named = (name: string): string => plainName(redact(name, config.apiKey));
  const fixed = { appFixed: config.appId !== undefined, userFixed: config.userId !== undefined };

  /** What can be refused at once; the brake comes last, so that only real attempts use it up. */
  const refusal = (parsed: Parsed, call: ToolCall): Failure | undefined => {
    if (config.apiKey === undefined && !sandbox) return refused("not_configured");
    const { keys, cause } = refusedKeys(parsed.keys) ?? { keys: [] };
    const refusals = refusedKeyIssues(keys);
    const paths = new Set(refusals.map((issue) => issue.path));
    // What a refused key holds does not matter any more.
    const others = parsed.issues.filter((issue) => !paths.has(issue.path));
    if (others.length > 0) {
      const issues = [...others, ...refusals];
      const advice = parsed.advice ? { advice: parsed.advice } : {};
      return { ...refused("invalid_arguments", advice), issues };
    }
    if (keys.length > 0) {
      const { allowedKeys } = config;
      const lists = { keys, ...(allowedKeys && { allowedKeys }) };
      return refused("key_not_allowed", { ...lists, lookAlike: cause !== undefined });
    }
    // A call that brings an answer used up its place when the question was asked.
    const waitMs = call.resumed ? undefined : brake.take();
    if (waitMs === undefined) return undefined;
    return refused("too_many_writes", { retryAfterSeconds: Math.ceil(waitMs / 1000) });
  };

  const confirm = async (write: Write, call: ToolCall): Promise<Failure | Asked | undefined> => {
    const confirmation = confirmationOf(write);
    if (!confirmation) return refused("confirmation_unavailable", tooLargeToShow);
    const answer = await call.confirm(confirmation);
    if (answer === "accepted") return undefined;
    if (typeof answer === "object") return answer;
    return refused(endings[answer]);
  };

  /** Waits for the user's turn, asks the person where the operator wants that, and writes. */
  const takeTurn = async (write: Write, call: ToolCall): Promise<Outcome> => {
    const { timeoutMs } = config;
    const deadline = startDeadline(call.signal, timeoutMs);
    // Waiting for a person, in this call or in one before it, must not use up Prelude's time.
    if (config.confirm) deadline.pause();
    let release: (() => void) | undefined;
    try {
      release = await turns.take(`${write.appId}/${write.userId}`, deadline.signal);
    } catch {
      deadline.stop();
      return refused("timeout", { waitedForTurn: true, timeoutMs });
    }
    try {
      if (config.confirm) {
        const unconfirmed = await confirm(write, call);
        if (unconfirmed) return unconfirmed;
        deadline.restart();
      }
      const client = await deps.client().catch(() => undefined);
      if (!client) return { ...refused("unreachable", noClient), retryable: false };
      return await writeProfile(write, { client, deadline, timeoutMs, progress: call.progress });
    } finally {
      release();
      deadline.stop();
    }
  };

  const resultOf = (parsed: Parsed, outcome: Failure | Written): UpdateResult => {
    const to = { ...parsed.target, sandbox };
    if (!isFailure(outcome)) return success(to, outcome);
    return failure(to, { ...outcome, facts: { ...fixed, ...outcome.facts } });
  };

  /** Handles one call. Throws only on a defect of this server. */
  return async (call: ToolCall): Promise<UpdateResult | Asked> => {
    const started = now();
    const parsed = parse(call.arguments);
    let entry: AuditEntry | undefined;
    try {
      entry = audit?.begin();
    } catch {
      return resultOf(parsed, refused("audit_unavailable"));
    }
    let outcome: Outcome | undefined;
    let result: UpdateResult | undefined;
    try {
      outcome = refusal(parsed, call) ?? (await takeTurn(parsed.write as Write, call));
      if ("question" in outcome) return outcome;
      result = resultOf(parsed, outcome);
      return result;
    } finally {
      entry?.write({
        time: new Date().toISOString(),
        client: call.clientName === undefined ? null : named(call.clientName),
        client_version: call.clientVersion === undefined ? null : named(call.clientVersion),
        sandbox,
        app_id: parsed.target.appId === undefined ? null : named(parsed.target.appId),
        user_id: parsed.target.userId === undefined ? null : named(parsed.target.userId),
        keys: parsed.keys.slice(0, maxAuditedKeys).map(named),
        status: result?.status ?? (outcome && "question" in outcome ? "not_updated" : "unknown"),
        code: auditCode(call.signal.aborted, outcome),
        http_status: result?.error?.http_status ?? null,
        attempts: outcome === undefined || "question" in outcome ? 0 : (outcome.attempts ?? 0),
        ms: Math.round(now() - started),
        request_id: result?.error?.request_id ?? null,
      });
    }
  };
};

export type UpdateProfile = ReturnType<typeof createUpdateProfile>;

/** Key names that one audit line holds at most. */
const maxAuditedKeys = 1_000;

/** What the audit says of a call: its error code, or why there was no result. */
const auditCode = (cancelled: boolean, outcome: Outcome | undefined): string | null => {
  if (cancelled) return "cancelled";
  if (outcome && "question" in outcome) return "confirmation_asked";
  if (outcome === undefined) return "internal_error";
  return isFailure(outcome) ? outcome.code : null;
};
