import { type Decoded, decodeLine } from "./decode.ts";
import { type Envelope, readEnvelope, refuseEnvelope } from "./envelope.ts";
import type { Charge } from "./in-flight.ts";
import { createLines } from "./lines.ts";

/** What to do with one message, what its line holds, and its own share of that in bytes. */
export type Incoming = { envelope: Envelope; charge: Charge; bytes: number };

const nothing: Decoded = { entries: [], charge: { bytes: 0, open: 0 } };

/** The messages in chunks of bytes, one by one. A line is not read before it is its turn. */
export const createMessages = () => {
  const lines = createLines();
  let current = nothing;
  let nextEntry = 0;

  const isLineDone = (): boolean => nextEntry >= current.entries.length;

  return {
    push: lines.push,
    end: lines.end,
    waitingBytes: lines.waitingBytes,
    isEmpty: (): boolean => isLineDone() && lines.waitingBytes() === 0,
    /** Takes the next message; `blank` stands for a line without any, undefined for no line. */
    next: (): Incoming | "blank" | undefined => {
      if (isLineDone()) {
        const line = lines.next();
        current = line ? decodeLine(line) : nothing;
        nextEntry = 0;
        if (!line) return undefined;
      }
      const { entries, error, ignored, charge } = current;
      if (ignored !== undefined) {
        return { envelope: { kind: "ignore", reason: ignored }, charge, bytes: charge.bytes };
      }
      if (entries.length === 0) return "blank";
      const entry = entries[nextEntry];
      nextEntry += 1;
      const envelope = error ? refuseEnvelope(entry, error) : readEnvelope(entry);
      if (isLineDone()) current = nothing;
      return { envelope, charge, bytes: charge.bytes / entries.length };
    },
  };
};
