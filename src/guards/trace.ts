import { randomUUID } from "node:crypto";
import { maxKeyCharacters } from "../lib/contract.ts";
import { escapeInvisible, isLongSecret, readings, redactOwn, type Secrets } from "../lib/text.ts";
import type { Audit, AuditEntry } from "./audit.ts";

const redacted = "[redacted]";

const withoutSpace = (text: string): string => text.replace(/\s+/g, "");

/** Whether the secret shows once what is invisible is gone. */
const hides = (name: string, secret: string): boolean =>
  readings.some((reading) => withoutSpace(reading(name)).includes(withoutSpace(secret)));

/**
 * A name from outside as it stands in an audit line: complete up to 256 characters, with what is
 * invisible written as `\u{…}` and the secrets taken out. A name that hides one between
 * invisible characters, blanks or terminal sequences is taken out as a whole.
 */
export const auditName = (name: string, secrets: Secrets): string => {
  const isHidden = (secret: string) => hides(name.replaceAll(secret, "|"), secret);
  if (secrets.filter(isLongSecret).some(isHidden)) return redacted;
  const plain = redactOwn(name, secrets);
  return plain.length > maxKeyCharacters
    ? `${escapeInvisible(plain.slice(0, maxKeyCharacters))}…`
    : escapeInvisible(plain);
};

/** What the audit says of a call from its start. */
export type TracedCall = {
  tool: string;
  clientName: string | undefined;
  clientVersion: string | undefined;
  sandbox: boolean;
  appId: string | undefined;
  userId: string | undefined;
  keys: readonly string[];
};

/** What the audit says of its end. */
export type TracedEnd = {
  status: string;
  code: string | null;
  updatedKeys: readonly string[];
  httpStatus: number | undefined;
  requestId: string | undefined;
  attempts: number;
  /** Of a look: who was found, and the names that were shown. */
  shown?: { userId: string; keys: readonly string[] };
};

type Options = {
  /** What must not enter the file. */
  secrets: Secrets;
  /** A monotonic clock in milliseconds. */
  now: () => number;
};

export type Trace = {
  /**
   * To be called right before the first request leaves, and again before the first that writes:
   * the file may be another one by then. Throws where the request must not leave.
   */
  attempt: () => void;
  /** To be called once, whatever became of the call. */
  end: (end: TracedEnd) => void;
};

const noTrace: Trace = { attempt: () => {}, end: () => {} };

/** The audit lines of one call; without an audit file there are none. */
export const startTrace = (
  audit: Audit | undefined,
  call: TracedCall,
  { secrets, now }: Options,
): Trace => {
  if (audit === undefined) return noTrace;
  const started = now();
  const id = randomUUID();
  let entry: AuditEntry | undefined;

  const named = (name: string): string => auditName(name, secrets);
  const namedOrNull = (name: string | undefined) => (name === undefined ? null : named(name));
  const beginning = () => ({
    call_id: id,
    time: new Date().toISOString(),
    tool: call.tool,
    client: namedOrNull(call.clientName),
    client_version: namedOrNull(call.clientVersion),
    sandbox: call.sandbox,
    app_id: namedOrNull(call.appId),
    user_id: namedOrNull(call.userId),
    keys: call.keys.map(named),
  });

  return {
    attempt: () => {
      entry = audit.attempt({ event: "attempt", ...beginning() });
    },
    end: (end) => {
      const { shown } = end;
      const ending = {
        ...beginning(),
        ...(shown && { user_id: named(shown.userId), keys: shown.keys.map(named) }),
        status: end.status,
        code: end.code,
        updated_keys: end.updatedKeys.map(named),
        http_status: end.httpStatus ?? null,
        request_id: end.requestId ?? null,
        attempts: end.attempts,
        ms: Math.round(now() - started),
      };
      if (entry) entry.outcome({ event: "outcome", ...ending });
      else audit.refused({ event: "refused", ...ending });
    },
  };
};
