/** Bytes from `start` to `end` of a buffer; what lies behind `end` may be filled later. */
type Block = { buffer: Buffer; start: number; end: number; isOurs: boolean };

/** Size of a buffer that collects small chunks, in bytes; a chunk from half of it on stands alone. */
const blockSize = 16 * 1024;

const bytesOf = ({ buffer, start, end }: Block): Buffer => buffer.subarray(start, end);

/**
 * Bytes that wait, in the order in which they came. Chunks are not copied where that can be helped,
 * but small ones are put together: a buffer for each byte would take two hundred times its size.
 */
export const createBlocks = () => {
  const blocks: Block[] = [];

  /** Fills the last block up, if it is one of ours; returns how many bytes went in. */
  const fillLast = (chunk: Buffer): number => {
    const last = blocks.at(-1);
    if (!last?.isOurs) return 0;
    const copied = chunk.copy(last.buffer, last.end);
    last.end += copied;
    return copied;
  };

  return {
    append: (chunk: Buffer): void => {
      const rest = chunk.subarray(fillLast(chunk));
      if (rest.length === 0) return;
      const isSmall = blocks.length > 0 && rest.length < blockSize / 2;
      const buffer = isSmall ? Buffer.allocUnsafeSlow(blockSize) : rest;
      if (isSmall) rest.copy(buffer);
      blocks.push({ buffer, start: 0, end: rest.length, isOurs: isSmall });
    },

    /** Takes everything up to the first `byte`, without it; all there is, if there is none. */
    takeUntil: (byte: number): Buffer => {
      const pieces: Buffer[] = [];
      for (let block = blocks[0]; block; block = blocks[0]) {
        const { buffer, start, end } = block;
        const at = buffer.indexOf(byte, start);
        const isFound = at >= 0 && at < end;
        pieces.push(buffer.subarray(start, isFound ? at : end));
        block.start = isFound ? at + 1 : end;
        if (block.start === end) blocks.shift();
        if (isFound) break;
      }
      return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    },

    /** Takes the last bytes, so many of them, in pieces; to be used before more is appended. */
    takeLast: (length: number): Buffer[] => {
      const pieces: Buffer[] = [];
      let left = length;
      while (left > 0) {
        const last = blocks.at(-1) as Block;
        const cut = Math.max(last.start, last.end - left);
        pieces.unshift(bytesOf({ ...last, start: cut }));
        left -= last.end - cut;
        last.end = cut;
        if (last.start === cut) blocks.pop();
      }
      return pieces;
    },
  };
};
