import type { Readable } from "node:stream";
import { createMessages, type Incoming } from "./messages.ts";
import { createPace } from "./pace.ts";

/**
 * Bytes that wait to be handled, above which stdin is not read: while the client reads the answers,
 * and while it does not. The second is larger because an end of stdin shows only when all before it
 * has been read, and a client that has given up reads no answers.
 */
const maxWaitingBytes = 1024 * 1024;
const maxHeldBytes = 64 * 1024 * 1024;
/**
 * Above that, one chunk is read each so many milliseconds. Node does not tell that a pipe which is
 * not read has been closed; what a system's pipe still holds then (some 200 KiB) is through, and the
 * end seen, within half a second. The next limit is 50 s away at this pace.
 */
const probeMs = 100;
/** Bytes that wait while nobody has read the answers for that long: nobody will. */
const maxProbedBytes = 96 * 1024 * 1024;

export type IntakeEvents = {
  /** One message after the other, in the order in which they came. */
  onMessage: (incoming: Incoming) => void;
  /** stdin has ended; messages from before it may still come. */
  onEnd: () => void;
  /** stdin has ended, or sent more than is held, behind more answers than anybody will read. */
  onGivenUp: () => void;
  /** What could be handled for now was. */
  onRest: () => void;
};

/** Reads messages from stdin, and no further while the answers to earlier ones are not read. */
export const createIntake = (stdin: Readable, isBlocked: () => boolean, events: IntakeEvents) => {
  const messages = createMessages();
  let ended = false;
  let stopped = false;
  let probe: NodeJS.Timeout | undefined;

  const holdsMoreThan = (limit: number): boolean => messages.waitingBytes() > limit;
  const isFull = (): boolean => isBlocked() && holdsMoreThan(maxHeldBytes);

  const readOneMore = (): void => {
    probe = undefined;
    // It is paused again when a chunk has come.
    if (!stopped) stdin.resume();
  };

  const hold = (): void => {
    stdin.pause();
    if (!isBlocked()) return;
    if (holdsMoreThan(maxProbedBytes)) events.onGivenUp();
    else probe ??= setTimeout(readOneMore, probeMs).unref();
  };

  const step = (): number | undefined => {
    const incoming = stopped || isBlocked() ? undefined : messages.next();
    if (incoming === undefined) return undefined;
    if (incoming === "blank") return 0;
    events.onMessage(incoming);
    return incoming.bytes;
  };

  const rest = (): void => {
    if (stopped) return;
    if (holdsMoreThan(isBlocked() ? maxHeldBytes : maxWaitingBytes)) hold();
    else if (stdin.isPaused()) stdin.resume();
    events.onRest();
  };
  const goOn = createPace(step, rest);

  const onData = (chunk: Buffer): void => {
    messages.push(chunk);
    goOn();
  };

  const onEnd = (): void => {
    if (ended || stopped) return;
    ended = true;
    messages.end();
    if (isFull()) {
      events.onGivenUp();
    } else {
      goOn();
      events.onEnd();
    }
  };

  return {
    start: (): void => {
      stdin.on("data", onData);
      for (const event of ["end", "close", "error"]) stdin.on(event, onEnd);
    },
    /** To be called when the client reads on. */
    goOn,
    /** Whether nothing waits to be handled. */
    isEmpty: messages.isEmpty,
    /** Reads no more, and hands on nothing more; false if it had been stopped before. */
    stop: (): boolean => {
      if (stopped) return false;
      stopped = true;
      clearTimeout(probe);
      stdin.off("data", onData);
      stdin.pause();
      return true;
    },
  };
};
