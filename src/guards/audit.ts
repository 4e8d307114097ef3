import { appendFileSync, closeSync, openSync, readSync, statSync } from "node:fs";
import { maxKeyCharacters } from "../lib/contract.ts";
import { version } from "../lib/package.wire.ts";
import { escapeInvisible, foreignText, type Secrets } from "../lib/text.ts";

/**
 * A line of the audit file. `attempt`: before the first request of a call leaves. `outcome`: what
 * became of it. `refused`: the one line of a call that sent nothing. Never a value of a profile,
 * never a secret.
 */
type AuditLine = { event: "attempt" | "outcome" | "refused"; call_id: string };

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
 * Opens an audit file for appending, or throws. A line that was written in part is written again,
 * whole, on a line of its own: none is lost or glued to another.
 *
 * @param onLost called when a line could not be written: an outcome is kept, and no further attempt
 *   is let through before it is in the file; the line of a refused call is not kept
 */
export const openAudit = (path: string, onLost: (event: "outcome" | "refused") => void) => {
  /** Outcomes that are not in the file: at most one for each call that was in flight. */
  let kept = "";
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

  const textOf = (line: AuditLine): string => `${JSON.stringify(line)}\n`;
  const write = (text: string): void => {
    append(kept + text);
    kept = "";
  };

  const check = (): void => write("");
  check();

  const writeOrTell = (text: string, event: "outcome" | "refused"): void => {
    try {
      write(text);
    } catch {
      onLost(event);
    }
  };

  return {
    /** Throws where a line could not be appended now. */
    check,
    /** Throws unless the line is in the file, in full. */
    attempt: (line: AuditLine): void => write(textOf(line)),
    outcome: (line: AuditLine): void => {
      kept += textOf(line);
      writeOrTell("", "outcome");
    },
    refused: (line: AuditLine): void => writeOrTell(textOf(line), "refused"),
  };
};

export type Audit = ReturnType<typeof openAudit>;

export type TracedCall = {
  /** Joins the lines of the call, and its result. */
  id: string;
  client: { name: string | undefined; version: string | undefined } | undefined;
  /** The request's `_meta`, unchecked. */
  meta: Readonly<Record<string, unknown>>;
};

/** What turns out about a call on its way; `asked…`: ids that the call names, whatever is fixed. */
type About = {
  appId?: string | undefined;
  userId?: string | undefined;
  askedAppId?: string | undefined;
  askedUserId?: string | undefined;
  keys?: readonly string[];
  confirmed?: true;
  updatedKeys?: readonly string[];
  httpStatus?: number | undefined;
  requestId?: string | undefined;
  attempts?: number;
};

type Options = {
  tool: string;
  sandbox: boolean;
  /** Names of the members of `_meta` that are recorded, where they are strings. */
  auditMeta: readonly string[];
  secrets: Secrets;
};

const foreign = (text: string | undefined, secrets: Secrets): string | null =>
  text === undefined ? null : foreignText(text, secrets, maxKeyCharacters);

/** Ids that were asked for where the operator fixed others. */
const askedOf = ({ appId, askedAppId, userId, askedUserId }: About, secrets: Secrets) => {
  const other = (asked?: string, fixed?: string) =>
    asked === undefined || fixed === undefined || asked === fixed
      ? undefined
      : foreign(asked, secrets);
  return { asked_app_id: other(askedAppId, appId), asked_user_id: other(askedUserId, userId) };
};

/** Longest member of `_meta` that is recorded, in UTF-16 code units. */
const maxMeta = 200;

const metaOf = ({ meta }: TracedCall, { auditMeta, secrets }: Options) => {
  const kept = auditMeta.flatMap((name) => {
    const text = Object.hasOwn(meta, name) ? meta[name] : undefined;
    return typeof text === "string" ? [[name, foreignText(text, secrets, maxMeta)]] : [];
  });
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
};

/** Members that are undefined are not in the line. */
const beginningOf = (call: TracedCall, about: About, options: Options) => ({
  call_id: call.id,
  time: new Date().toISOString(),
  tool: options.tool,
  client: foreign(call.client?.name, options.secrets),
  client_version: foreign(call.client?.version, options.secrets),
  meta: metaOf(call, options),
  pid: process.pid,
  server_version: version,
  sandbox: options.sandbox,
  app_id: about.appId ?? null,
  user_id: about.userId ?? null,
  keys: (about.keys ?? []).map(escapeInvisible),
  confirmed: about.confirmed,
});

export const startTrace = (audit: Audit | undefined, call: TracedCall, options: Options) => {
  const started = performance.now();
  const about: About = {};
  let isSent = false;
  return {
    /** Adds to what is known of the call; the lines from here on say it. */
    about: (...more: About[]): void => {
      Object.assign(about, ...more);
    },
    /**
     * To be called right before the first request leaves, and again before the first that writes:
     * the file may be another one by then. Throws where the request must not leave.
     */
    attempt: (): void => {
      audit?.attempt({ event: "attempt", ...beginningOf(call, about, options) });
      isSent = true;
    },
    /**
     * To be called once, whatever became of the call.
     *
     * @param code the error's; `cancelled`, `confirmation_asked` or `internal_error` where there was no result
     */
    end: (status: string, code: string | null): void => {
      if (audit === undefined) return;
      const line = {
        ...beginningOf(call, about, options),
        status,
        code,
        updated_keys: (about.updatedKeys ?? []).map(escapeInvisible),
        http_status: about.httpStatus ?? null,
        request_id: about.requestId ?? null,
        attempts: about.attempts ?? 0,
        ms: Math.round(performance.now() - started),
      };
      if (isSent) audit.outcome({ event: "outcome", ...line });
      else audit.refused({ event: "refused", ...line, ...askedOf(about, options.secrets) });
    },
  };
};

export type Trace = ReturnType<typeof startTrace>;
