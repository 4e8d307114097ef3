import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";

/** What is known of a call before anything is sent. Never a value of a profile, never a secret. */
type Beginning = {
  /** Joins the lines of a call: one or two attempts, and the outcome. */
  call_id: string;
  time: string;
  tool: string;
  client: string | null;
  client_version: string | null;
  /** True: a simulation; nothing real was changed. */
  sandbox: boolean;
  app_id: string | null;
  user_id: string | null;
  keys: string[];
};

/** What became of it. */
type Ending = {
  status: string;
  /** The error's code; `cancelled`, `confirmation_asked` or `internal_error` where there was no result. */
  code: string | null;
  /** Names that Prelude acknowledged. */
  updated_keys: string[];
  http_status: number | null;
  request_id: string | null;
  attempts: number;
  ms: number;
};

/** In the file before the first request of a call leaves. */
export type AttemptLine = { event: "attempt" } & Beginning;
/** What became of a call with an attempt line. */
export type OutcomeLine = { event: "outcome" } & Beginning & Ending;
/** The one line of a call that sent nothing. */
export type RefusedLine = { event: "refused" } & Beginning & Ending;

export type AuditEntry = { outcome: (line: OutcomeLine) => void };

/** Where a platform has no such flag (Windows), it is left out. */
const flags = (access: number): number =>
  access | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);

/**
 * Opens for appending, and for reading where that is permitted, by path and anew each time: a
 * rotated or deleted file is made again, and a thousand calls in flight hold no descriptors.
 * Without waiting: a pipe that nobody reads would hold the process.
 */
const openFile = (path: string): { fd: number; readable: boolean } => {
  try {
    return { fd: openSync(path, flags(constants.O_RDWR), 0o600), readable: true };
  } catch (error) {
    if ((error as { code?: string }).code !== "EACCES") throw error;
    return { fd: openSync(path, flags(constants.O_WRONLY), 0o600), readable: false };
  }
};

/** Whether what is written next begins a line of its own. */
const isAtLineStart = (fd: number, size: number, readable: boolean): boolean => {
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  return readable && readSync(fd, last, 0, 1, size - 1) === 1 && last.toString() === "\n";
};

const writeWhole = (fd: number, bytes: Buffer): void => {
  for (let done = 0; done < bytes.length; ) {
    const written = writeSync(fd, bytes, done);
    if (written === 0) throw new Error("short write");
    done += written;
  }
};

/** Appends whole lines in one write, or throws; half a line may then be in the file. */
const append = (path: string, lines: string): void => {
  const { fd, readable } = openFile(path);
  try {
    const stats = fstatSync(fd);
    if (stats.isFIFO()) throw new Error("is a pipe");
    if (lines === "") return;
    const atStart = isAtLineStart(fd, stats.size, readable);
    writeWhole(fd, Buffer.from(atStart ? lines : `\n${lines}`));
  } finally {
    closeSync(fd);
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

  const write = (line: object | undefined): void => {
    append(path, line === undefined ? kept : `${kept}${JSON.stringify(line)}\n`);
    kept = "";
  };

  const outcome = (line: OutcomeLine): void => {
    kept += `${JSON.stringify(line)}\n`;
    try {
      write(undefined);
    } catch {
      onLost("outcome");
    }
  };

  write(undefined);

  return {
    /** Throws where a line could not be appended now. */
    check: (): void => write(undefined),
    /** Throws unless the line is in the file, in full. */
    attempt: (line: AttemptLine): AuditEntry => {
      write(line);
      return { outcome };
    },
    /** The call is refused whether its line can be written or not. */
    refused: (line: RefusedLine): void => {
      try {
        write(line);
      } catch {
        onLost("refused");
      }
    },
  };
};

export type Audit = ReturnType<typeof openAudit>;
