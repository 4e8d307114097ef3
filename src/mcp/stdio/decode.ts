import type { Charge } from "./in-flight.ts";
import type { Line } from "./lines.ts";
import { isUtf8, outlineOf, valuesAtMost } from "./outline.ts";
import type { RpcError } from "./response.ts";

/** Most values in one line, which would take some 400 times the memory of their shortest text. */
const maxValues = 150_000;
/** Values from which on they are counted without the commas and brackets in texts. */
const manyValues = 10_000;
/** A line up to this length, in bytes, cannot hold much, whatever is in it. */
const shortLine = 2 * 1024;
/** What a value takes beside its text, in bytes, more or less. */
const bytesPerValue = 100;
/** A line up to this length, in bytes, is not worth a look at its characters. */
const mediumLine = 64 * 1024;

/** Whether a text takes two bytes for each character in memory: one beyond U+00FF is enough. */
const isWide = (bytes: Buffer): boolean =>
  bytes.length > mediumLine && (bytes.includes("\\u") || bytes.some((byte) => byte >= 0xc4));

/** What one line holds. */
export type Decoded = {
  /** Its messages: one, as a rule, or those of a batch (MCP 2025-03-26). */
  entries: readonly unknown[];
  /** Why none of its requests is handled; the entries may then be no more than heads of messages. */
  error?: RpcError;
  /** Why nothing in it can be answered. */
  ignored?: string;
  charge: Charge;
};

const tooLong = { code: -32600, message: "Invalid request: a line of more than 10 MiB" };
const tooMany = { code: -32600, message: "Invalid request: more than 150,000 values in a line" };
const notText = { code: -32700, message: "Parse error: a line that is not UTF-8" };

const free: Charge = { bytes: 0, open: 0 };

/** Reads a line. Refuses what would take too much memory before it is parsed. */
export const decodeLine = (line: Line): Decoded => {
  if (line.kind === "dropped") return { entries: [line.head], error: tooLong, charge: free };
  const { bytes } = line;
  const atMost = bytes.length > shortLine ? valuesAtMost(bytes) : 0;
  const outline = atMost > manyValues ? outlineOf(bytes) : undefined;
  const values = outline ? outline.values() : atMost;
  if (outline && values > maxValues) {
    return { entries: [outline.head()], error: tooMany, charge: free };
  }
  const text = bytes.toString("utf8");
  const json = text.trim();
  if (json === "") return { entries: [], charge: free };
  try {
    const value: unknown = JSON.parse(json);
    const entries = Array.isArray(value) ? value : [value];
    const held = isWide(bytes) ? 2 * bytes.length : bytes.length;
    const charge = { bytes: held + values * bytesPerValue, open: 0 };
    return isUtf8(bytes, text) ? { entries, charge } : { entries, error: notText, charge };
  } catch {
    return { entries: [], ignored: "a line that is not JSON", charge: free };
  }
};
