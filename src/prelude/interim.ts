import type { Socket } from "node:net";
import type { buildConnector } from "undici";

// undici ends the connection at a `100 Continue` that it did not ask for, which makes an answer that
// is about to come a lost one, and a repeat of the request. A server may send any number of interim
// answers unasked (RFC 9110, 15.2), so they are taken out before undici reads them. 101 stays in: it
// is no interim answer but another protocol.

const prefix = "HTTP/1.";
/** An interim head longer than this, in bytes, is left to undici, whose own limit is no higher. */
const maxHead = 16 * 1024;
const nothing = Buffer.alloc(0);

/**
 * Length of the interim head that `bytes` begin with: 0 where they begin with something else,
 * undefined where more of them are needed to tell.
 */
const interimLength = (bytes: Buffer): number | undefined => {
  const start = bytes.toString("latin1", 0, 12);
  if (!start.startsWith(prefix.slice(0, start.length))) return 0;
  if (start.length < 12) return start.length > 9 && start[9] !== "1" ? 0 : undefined;
  if (start[9] !== "1" || start.endsWith("101")) return 0;
  const end = bytes.indexOf("\r\n\r\n", 0, "latin1");
  if (end >= 0) return end + 4;
  return bytes.length > maxHead ? 0 : undefined;
};

/** `bytes` from the first that belongs to no interim head; `settled`: the answer itself begins there. */
const skipInterims = (bytes: Buffer): { rest: Buffer; settled: boolean } => {
  let rest = bytes;
  while (rest.length > 0) {
    const length = interimLength(rest);
    if (length === undefined) return { rest, settled: false };
    if (length === 0) return { rest, settled: true };
    rest = rest.subarray(length);
  }
  return { rest, settled: false };
};

/** Lets `socket.read` pass over interim answers; the head that follows a write is where they can be. */
export const dropInterims = (socket: Socket): void => {
  const read: () => Buffer | null = socket.read.bind(socket);
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let expectsHead = false;
  let held: Buffer = nothing;

  socket.write = (...args: unknown[]) => {
    expectsHead = true;
    return write(...args);
  };
  socket.read = () => {
    for (;;) {
      const chunk = read();
      if (chunk === null || !expectsHead) return chunk;
      const { rest, settled } = skipInterims(
        held.length > 0 ? Buffer.concat([held, chunk]) : chunk,
      );
      held = settled ? nothing : rest;
      expectsHead = !settled;
      if (settled) return rest;
    }
  };
};

/** The same connector, whose connections have no interim answers. */
export const withoutInterims =
  (connector: buildConnector.connector): buildConnector.connector =>
  (options, callback) =>
    connector(options, (...result) => {
      // With an error there is none, nor always the null that the types promise.
      if (result[1]) dropInterims(result[1]);
      callback(...result);
    });
