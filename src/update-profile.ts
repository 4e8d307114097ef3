import { createArgumentParser, type Parsed, refusedKeyIssues } from "./arguments.ts";
import type { Audit, AuditEntry } from "./audit.ts";
import { createBrake } from "./brake.ts";
import type { Config } from "./config.ts";
import { type Answer, type Confirmation, confirmationOf } from "./confirmation.ts";
import { startDeadline } from "./deadline.ts";
import { createKeyCheck } from "./policy.ts";
import type { PreludeClient } from "./prelude/client.ts";
import type { FailureFacts } from "./recovery.ts";
import { type Failure, failure, success, type Target } from "./result.ts";
import { plainName } from "./text.ts";
import type { UpdateResult } from "./tool.ts";
import { createTurns } from "./turns.ts";
import { type Write, type Written, writeProfile } from "./write-profile.ts";

export type Dependencies = {
  config: Config;
  /** True: an embedded simulation stands in for the API, and results say so. */
  sandbox: boolean;
  /** Loaded at the first call, since most conversations never make one. */
  client: () => Promise<PreludeClient>;
  audit: Audit | undefined;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
};

export type Call = {
  /** The `arguments` of the tool call, unchecked. */
  arguments: unknown;
  /** Aborted when the client cancels the call or goes away. */
  signal: AbortSignal;
  clientName: string | undefined;
  clientVersion: string | undefined;
  /** Asks the person. Resolves with `accepted` only if the person said so; after `asked`, the result is void. */
  confirm: (confirmation: Confirmation) => Promise<Answer>;
  /** Tells the client that the call is waiting, and for what. */
  progress: (message: string) => void;
};

/** The use case: arguments -> guards -> one PATCH (or a few) -> what is true now and what to do next. */
export const createUpdateProfile = (deps: Dependencies) => {
  const { config, sandbox, audit, now = () => performance.now() } = deps;
  const turns = createTurns();
  const brake = createBrake(config.maxWritesPerMinute, now);
  const parse = createArgumentParser(config);
  const refusedKeys = createKeyCheck(config);
  const pins = { appPinned: config.appId !== undefined, userPinned: config.userId !== undefined };

  /** What can be refused at once; the brake comes last, so that only real attempts use it up. */
  const refusal = (parsed: Parsed): Failure | undefined => {
    if (config.apiKey === undefined && !sandbox) return refused("not_configured");
    const { keys, cause } = refusedKeys(parsed.keys) ?? { keys: [] };
    if (parsed.issues.length > 0) {
      const issues = [...parsed.issues, ...refusedKeyIssues(keys, config.allowedKeys)];
      return {
        ...refused("invalid_arguments", parsed.advice ? { advice: parsed.advice } : {}),
        issues,
      };
    }
    if (keys.length > 0) {
      const { allowedKeys } = config;
      return refused("key_not_allowed", {
        keys,
        ...(cause && { cause }),
        ...(allowedKeys && { allowedKeys }),
      });
    }
    const waitMs = brake.take();
    return waitMs === undefined
      ? undefined
      : refused("too_many_writes", { retryAfterSeconds: Math.ceil(waitMs / 1000) });
  };

  const confirm = async (write: Write, call: Call): Promise<Failure | undefined> => {
    const answer = await call.confirm(confirmationOf(write.appId, write.userId, write.profile));
    if (answer === "accepted") return undefined;
    return refused(answer === "declined" ? "confirmation_declined" : "confirmation_unavailable");
  };

  /** Waits for the user's turn, asks the person where the operator wants that, and writes. */
  const takeTurn = async (write: Write, call: Call): Promise<Failure | Written> => {
    const { timeoutMs } = config;
    const deadline = startDeadline(call.signal, timeoutMs);
    try {
      // Waiting for a person, in this call or in one before it, must not use up Prelude's time.
      if (config.confirm) deadline.pause();
      const release = await turns.take(`${write.appId}/${write.userId}`, deadline.signal);
      try {
        if (config.confirm) {
          const unconfirmed = await confirm(write, call);
          if (unconfirmed) return unconfirmed;
          deadline.restart();
        }
        const client = await deps.client();
        return await writeProfile(write, { client, deadline, timeoutMs, progress: call.progress });
      } finally {
        release();
      }
    } catch (error) {
      if (!deadline.signal.aborted) throw error;
      const cause = `Earlier calls for the same user took longer than the deadline of ${timeoutMs} ms`;
      return refused("timeout", { cause });
    } finally {
      deadline.stop();
    }
  };

  const run = async (
    parsed: Parsed,
    call: Call,
  ): Promise<{ result: UpdateResult; attempts: number }> => {
    const to: Target = {
      ...(parsed.appId !== undefined && { appId: parsed.appId }),
      ...(parsed.userId !== undefined && { userId: parsed.userId }),
      sandbox,
    };
    const outcome = refusal(parsed) ?? (await takeTurn(parsed as Parsed & Write, call));
    if (!("code" in outcome)) {
      return { result: success(to, outcome.keys, outcome.attempts), attempts: outcome.attempts };
    }
    const facts = { ...pins, ...outcome.facts };
    return { result: failure(to, { ...outcome, facts }), attempts: outcome.attempts ?? 0 };
  };

  /** Handles one call. Throws only on a defect of this server. */
  return async (call: Call): Promise<UpdateResult> => {
    const started = now();
    const parsed = parse(call.arguments);
    let entry: AuditEntry | undefined;
    try {
      entry = audit?.begin();
    } catch {
      return failure({ sandbox }, refused("audit_unavailable"));
    }
    let asked = false;
    const confirm = async (confirmation: Confirmation): Promise<Answer> => {
      const answer = await call.confirm(confirmation);
      asked = answer === "asked";
      return answer;
    };
    let done: { result?: UpdateResult; attempts: number } = { attempts: 0 };
    try {
      const outcome = await run(parsed, { ...call, confirm });
      done = outcome;
      return outcome.result;
    } finally {
      const { result, attempts } = done;
      entry?.write({
        time: new Date().toISOString(),
        client: call.clientName === undefined ? null : plainName(call.clientName),
        client_version: call.clientVersion === undefined ? null : plainName(call.clientVersion),
        app_id: parsed.appId ?? null,
        user_id: parsed.userId ?? null,
        keys: parsed.keys.map(plainName),
        status: result?.status ?? "unknown",
        code: auditCode(call.signal.aborted, asked, result),
        http_status: result?.error?.http_status ?? null,
        attempts,
        ms: Math.round(now() - started),
        request_id: result?.error?.request_id ?? null,
      });
    }
  };
};

export type UpdateProfile = ReturnType<typeof createUpdateProfile>;

/** What the audit says of a call: its error code, or why there was no result. */
const auditCode = (
  cancelled: boolean,
  asked: boolean,
  result: UpdateResult | undefined,
): string | null => {
  if (cancelled) return "cancelled";
  if (asked) return "confirmation_asked";
  return result ? (result.error?.code ?? null) : "internal_error";
};

const refused = (code: Failure["code"], facts: FailureFacts = {}): Failure => ({
  code,
  wrote: "none",
  facts,
});
