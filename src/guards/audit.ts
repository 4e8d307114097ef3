import { closeSync, openSync, statSync, writeSync } from "node:fs";

/** One attempted call. Key names only: a value or a secret never enters the file. */
export type AuditRecord = {
  time: string;
  client: string | null;
  client_version: string | null;
  /** True: a simulation; nothing real was changed. */
  sandbox: boolean;
  app_id: string | null;
  user_id: string | null;
  keys: string[];
  status: string;
  code: string | null;
  http_status: number | null;
  attempts: number;
  ms: number;
  request_id: string | null;
};

/** The place for one line; `write` uses it up. */
export type AuditEntry = { write: (record: AuditRecord) => void };

/**
 * Opens an audit file for appending. Throws where that is not possible.
 *
 * @param onLost called when a line could not be written after its call; the line is kept and no
 *   further call gets an entry until it is in the file
 */
export const openAudit = (path: string, onLost: () => void) => {
  let unwritten: Buffer = Buffer.alloc(0);

  // By path and anew each time: a rotated or deleted file is made again, and a thousand calls in
  // flight hold no descriptors.
  const append = (lines: Buffer): void => {
    // Opening a pipe without a reader would block the process.
    if (statSync(path, { throwIfNoEntry: false })?.isFIFO()) throw new Error("is a pipe");
    const fd = openSync(path, "a", 0o600);
    try {
      if (lines.length > 0) unwritten = lines.subarray(writeSync(fd, lines));
    } finally {
      closeSync(fd);
    }
    if (unwritten.length > 0) throw new Error("short write");
  };

  append(unwritten);

  return {
    /** Makes sure that a line can be appended. Throws where it cannot, before anything is sent. */
    begin: (): AuditEntry => {
      append(unwritten);
      return {
        write: (record) => {
          unwritten = Buffer.concat([unwritten, Buffer.from(`${JSON.stringify(record)}\n`)]);
          try {
            append(unwritten);
          } catch {
            onLost();
          }
        },
      };
    },
  };
};

export type Audit = ReturnType<typeof openAudit>;
