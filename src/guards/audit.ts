import { appendFileSync, closeSync, openSync, readSync, statSync } from "node:fs";
import { maxKeyCharacters } from "../lib/contract.ts";
import { escapeInvisible, foreignText, type Secrets } from "../lib/text.ts";

/**
 * A line of the audit file. `attempt`: before the first request of a call leaves. `outcome`: what
 * became of it. `refused`: the one line of a call that sent nothing. Never a value of a profile,
 * never a secret.
 */
export type AuditLine = { event: "attempt" | "outcome" | "refused"; call_id: string };

/** Whether a file ends in a line without its break: a write was cut short, maybe in another life. */
const endsInHalfLine = (path: string, size: number): boolean => {
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    return readSync(file, last, 0, 1, size - 1) === 0 || last.toString() !== "\n";
  } catch {
    // It may be written but not read, and an empty line does no harm.
    return true;
  } finally {
    if (file !== undefined) closeSync(file);
  }
};

/**
 * Opens an audit file for appending. Throws where that is not possible.
 *
 * A line that was written in part is written again, whole, on a line of its own; so a line can be
 * twice in the file, but none is lost or glued to another.
 *
 * @param onLost called when a line could not be written: an outcome is kept, and no further attempt
 *   is let through before it is in the file; the line of a refused call is not kept
 */
export const openAudit = (path: string, onLost: (event: "outcome" | "refused") => void) => {
  /** Outcomes that are not in the file: at most one for each call that was in flight. */
  let kept = "";
  /** Whether the file may end in half a line. */
  let isUnsure = true;

  /** By path each time: a file that was moved or deleted is made again. */
  const append = (lines: string): void => {
    const stats = statSync(path, { throwIfNoEntry: false });
    // Opening a pipe that nobody reads would hold the process.
    if (stats?.isFIFO()) throw new Error("is a pipe");
    const start = isUnsure && endsInHalfLine(path, stats?.size ?? 0) ? "\n" : "";
    isUnsure = true;
    appendFileSync(path, start + lines, { mode: 0o600 });
    isUnsure = false;
  };

  const write = (line: AuditLine | undefined): void => {
    append(line === undefined ? kept : `${kept}${JSON.stringify(line)}\n`);
    kept = "";
  };

  const check = (): void => write(undefined);
  check();

  return {
    /** Throws where a line could not be appended now. */
    check,
    /** Throws unless the line is in the file, in full. */
    attempt: write,
    outcome: (line: AuditLine): void => {
      kept += `${JSON.stringify(line)}\n`;
      try {
        check();
      } catch {
        onLost("outcome");
      }
    },
    /** The call is refused whether its line can be written or not. */
    refused: (line: AuditLine): void => {
      try {
        write(line);
      } catch {
        onLost("refused");
      }
    },
  };
};

export type Audit = ReturnType<typeof openAudit>;

/** What the audit says of a call from its start. */
export type TracedCall = {
  tool: string;
  clientName: string | undefined;
  clientVersion: string | undefined;
  /** True: a simulation; nothing real was changed. */
  sandbox: boolean;
  appId: string | undefined;
  userId: string | undefined;
  /** Ids that the call itself names, whatever is fixed. */
  askedAppId?: string | undefined;
  askedUserId?: string | undefined;
  keys: readonly string[];
};

/** What the audit says of its end. */
export type TracedEnd = {
  status: string;
  /** The error's code; `cancelled`, `confirmation_asked` or `internal_error` where there was no result. */
  code: string | null;
  /** Names that Prelude acknowledged. */
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

/** A text that the client or the model chose. */
const foreign = (text: string | undefined, secrets: Secrets): string | null =>
  text === undefined ? null : foreignText(text, secrets, maxKeyCharacters);

/** Ids that were asked for where the operator fixed others. */
const askedOf = ({ appId, askedAppId, userId, askedUserId }: TracedCall, secrets: Secrets) => {
  const asked: { asked_app_id?: string | null; asked_user_id?: string | null } = {};
  const differs = (fixed?: string, other?: string) =>
    fixed !== undefined && other !== undefined && other !== fixed;
  if (differs(appId, askedAppId)) asked.asked_app_id = foreign(askedAppId, secrets);
  if (differs(userId, askedUserId)) asked.asked_user_id = foreign(askedUserId, secrets);
  return asked;
};

const beginningOf = (call: TracedCall, id: string, secrets: Secrets) => ({
  call_id: id,
  time: new Date().toISOString(),
  tool: call.tool,
  client: foreign(call.clientName, secrets),
  client_version: foreign(call.clientVersion, secrets),
  sandbox: call.sandbox,
  app_id: call.appId ?? null,
  user_id: call.userId ?? null,
  keys: call.keys.map(escapeInvisible),
});

const endingOf = (end: TracedEnd) => ({
  status: end.status,
  code: end.code,
  updated_keys: end.updatedKeys.map(escapeInvisible),
  http_status: end.httpStatus ?? null,
  request_id: end.requestId ?? null,
  attempts: end.attempts,
});

/** The audit lines of one call, joined by an id; without an audit file there are none. */
export const startTrace = (
  audit: Audit | undefined,
  call: TracedCall,
  { secrets, now }: Options,
): Trace => {
  if (audit === undefined) return noTrace;
  const started = now();
  const id = crypto.randomUUID();
  let isSent = false;
  return {
    attempt: () => {
      audit.attempt({ event: "attempt", ...beginningOf(call, id, secrets) });
      isSent = true;
    },
    end: (end) => {
      const { shown } = end;
      const about = shown ? { ...call, userId: shown.userId, keys: shown.keys } : call;
      const ms = Math.round(now() - started);
      const ending = { ...beginningOf(about, id, secrets), ...endingOf(end), ms };
      if (isSent) audit.outcome({ event: "outcome", ...ending });
      else audit.refused({ event: "refused", ...ending, ...askedOf(call, secrets) });
    },
  };
};
