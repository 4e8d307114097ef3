import { createBlocks } from "./blocks.ts";
import { createOutline, type Outline, outlineOf } from "./outline.ts";

/** Longest line that is read, in bytes without its line break; the SDK's own limit. */
const maxLineBytes = 10 * 1024 * 1024;
const lineBreak = 10;
/** What a dropped line counts as while it waits, in bytes: about the most that its head holds. */
const droppedBytes = 16 * 1024;

/** A line, or what is known of one over 10 MiB: `head` is what `createOutline` tells of it. */
export type Line = { kind: "line"; bytes: Buffer } | { kind: "dropped"; head: unknown };

/** Lines that wait: a run of them in so many bytes, or one that was dropped. */
type Waiting = { kind: "run"; bytes: number } | { kind: "dropped"; head: unknown };

/** Puts chunks together to lines. Of a line that has no end yet it holds 10 MiB at most. */
export const createLines = () => {
  const blocks = createBlocks();
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  /** Bytes since the last line break. */
  let open = 0;
  let dropping: Outline | undefined;

  const addRun = (bytes: number): void => {
    waitingBytes += bytes;
    const last = waiting.at(-1);
    if (last?.kind === "run") last.bytes += bytes;
    else waiting.push({ kind: "run", bytes });
  };

  const keep = (chunk: Buffer): void => {
    blocks.append(chunk);
    const whole = chunk.lastIndexOf(lineBreak) + 1;
    if (whole > 0) addRun(open + whole);
    open = whole > 0 ? chunk.length - whole : open + chunk.length;
    if (open <= maxLineBytes) return;
    dropping = createOutline();
    for (const piece of blocks.takeLast(open)) dropping.scan(piece);
    open = 0;
  };

  /** Drops a chunk up to the end of the line; returns what follows. */
  const drop = (chunk: Buffer, outline: Outline): Buffer => {
    const end = chunk.indexOf(lineBreak);
    if (end < 0) {
      outline.scan(chunk);
      return chunk.subarray(chunk.length);
    }
    outline.scan(chunk.subarray(0, end));
    dropping = undefined;
    waiting.push({ kind: "dropped", head: outline.head() });
    waitingBytes += droppedBytes;
    return chunk.subarray(end + 1);
  };

  const push = (chunk: Buffer): void => keep(dropping ? drop(chunk, dropping) : chunk);

  return {
    push,
    /** No more comes; the last line may lack its line break. */
    end: (): void => {
      if (open > 0 || dropping) push(Buffer.from([lineBreak]));
    },
    /** Bytes of the lines that wait; not those of the last one, which has no end yet. */
    waitingBytes: (): number => waitingBytes,
    /** Takes the next line, if there is a whole one. */
    next: (): Line | undefined => {
      const first = waiting[0];
      if (first === undefined) return undefined;
      if (first.kind === "dropped") {
        waiting.shift();
        waitingBytes -= droppedBytes;
        return first;
      }
      const bytes = blocks.takeUntil(lineBreak);
      waitingBytes -= bytes.length + 1;
      first.bytes -= bytes.length + 1;
      if (first.bytes === 0) waiting.shift();
      if (bytes.length <= maxLineBytes) return { kind: "line", bytes };
      return { kind: "dropped", head: outlineOf(bytes).head() };
    },
  };
};
