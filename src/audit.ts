import { closeSync, openSync, statSync, writeSync } from "node:fs";

/** One attempted call. Key names only: a value or a secret never enters the file. */
export type AuditRecord = {
  time: string;
  client: string | null;
  client_version: string | null;
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

/** An open place for one line; `write` uses it up. */
export type AuditEntry = { write: (record: AuditRecord) => void };

/**
 * Opens an audit file for appending. Throws where that is not possible.
 *
 * @param onLost called when a line could not be written after its call; the line is kept and no
 *   further call gets an entry until it is in the file
 */
export const openAudit = (path: string, onLost: () => void) => {
  let unwritten: Buffer = Buffer.alloc(0);

  // By path and anew for each call, so that a rotated or deleted file is never written to for long.
  const open = (): number => {
    // Opening a pipe without a reader would block the process.
    if (statSync(path, { throwIfNoEntry: false })?.isFIFO()) throw new Error("is a pipe");
    return openSync(path, "a", 0o600);
  };

  const append = (fd: number, bytes: Buffer): void => {
    unwritten = bytes;
    unwritten = bytes.subarray(writeSync(fd, bytes));
    if (unwritten.length > 0) throw new Error("short write");
  };

  closeSync(open());

  return {
    /** Makes sure that a line can be appended. Throws where it cannot, before anything is sent. */
    begin: (): AuditEntry => {
      const fd = open();
      try {
        if (unwritten.length > 0) append(fd, unwritten);
      } catch (error) {
        closeSync(fd);
        throw error;
      }
      return {
        write: (record) => {
          const line = Buffer.from(`${JSON.stringify(record)}\n`);
          try {
            append(fd, Buffer.concat([unwritten, line]));
          } catch {
            onLost();
          } finally {
            closeSync(fd);
          }
        },
      };
    },
  };
};

export type Audit = ReturnType<typeof openAudit>;
