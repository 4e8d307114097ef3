const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
/** What may stand between values (RFC 8259, section 2). */
const isBlank = (byte: number | undefined) =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;
const isOpening = (byte: number) => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number) => byte === 0x5d || byte === 0x7d;
const emptyArray = [0x5b, 0x5d];

/** Longest string that is kept, in bytes of JSON: room for 1,000 characters, each as `\uXXXX`. */
const maxString = 8 * 1024;
/** What is kept in all, in bytes. */
const maxKept = 16 * 1024;

const startsValue = Uint8Array.from({ length: 256 }, (_, byte) =>
  isOpening(byte) || byte === comma ? 1 : 0,
);

/**
 * How many values a JSON text holds, more or less: one for each comma, array and object. Those that
 * texts seem to hold count as well; see `values` of an outline for a number without them.
 */
export const valuesAtMost = (bytes: Buffer): number => {
  let values = 0;
  for (let at = 0; at < bytes.length; at++) values += startsValue[bytes[at] as number] as number;
  return values;
};

/** Whether the bytes are UTF-8: decoding them as `text` put U+FFFD in the place of what is not. */
export const isUtf8 = (bytes: Buffer, text: string): boolean =>
  !text.includes("\ufffd") || Buffer.from(text, "utf8").equals(bytes);

/**
 * Follows a JSON text, whose bytes go by in pieces, in constant memory. It keeps the outermost
 * object with its own scalars, and every array or object in it emptied, so that the `id` which is
 * found there is the message's own and none from inside its arguments.
 */
export const createOutline = () => {
  const kept: number[] = [];
  let values = 0;
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** Where the current string begins in what is kept; -1 if it is not kept. */
  let stringAt = -1;

  const keep = (byte: number): void => {
    if (kept.length < maxKept) kept.push(byte);
  };

  const inside = (byte: number): void => {
    if (stringAt >= 0) {
      keep(byte);
      if (kept.length - stringAt > maxString) {
        // Something that is no name and no id stands for it.
        kept.splice(stringAt, kept.length, ...emptyArray);
        stringAt = -1;
      }
    }
    if (escaped) escaped = false;
    else if (byte === backslash) escaped = true;
    else if (byte === quote) inString = false;
  };

  const between = (byte: number): void => {
    if (isOpening(byte)) depth += 1;
    if (isOpening(byte) || byte === comma) values += 1;
    if (byte === quote) {
      inString = true;
      stringAt = depth <= 1 ? kept.length : -1;
    }
    const isOwn = depth <= 1 || (depth === 2 && (isOpening(byte) || isClosing(byte)));
    const isRepeated = isBlank(byte) && isBlank(kept.at(-1));
    if (isOwn && !isRepeated) keep(byte);
    if (isClosing(byte)) depth -= 1;
  };

  return {
    /** Takes in the next bytes of the text. */
    scan: (bytes: Buffer): void => {
      for (let at = 0; at < bytes.length; at++) {
        const byte = bytes[at] as number;
        if (inString) inside(byte);
        else between(byte);
      }
    },
    /** How many values there are so far, more or less: one for each comma, array and object. */
    values: (): number => values,
    /**
     * The outermost value, arrays and objects in it emptied; undefined if it is too large even so,
     * or if it can be seen that the text is not JSON.
     */
    head: (): unknown => {
      const bytes = Buffer.from(kept);
      const text = bytes.toString("utf8");
      if (kept.length >= maxKept || !isUtf8(bytes, text)) return undefined;
      try {
        return JSON.parse(text.trim());
      } catch {
        return undefined;
      }
    },
  };
};

export type Outline = ReturnType<typeof createOutline>;

export const outlineOf = (bytes: Buffer): Outline => {
  const outline = createOutline();
  outline.scan(bytes);
  return outline;
};
