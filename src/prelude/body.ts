import { createBrotliDecompress, createInflateRaw, createUnzip } from "node:zlib";

/** No more of an answer's body is read or unpacked than this, in bytes. */
export const maxBodyRead = 64 * 1024;
/** The same for an answer whose content is what was asked for: a profile can be large. */
export const maxContentRead = 2 * 1024 * 1024;

export type Body = {
  text: string;
  /** False: longer than the limit, broken off, timed out, or not decodable. */
  complete: boolean;
};

export type RawBody = { bytes: Buffer; complete: boolean };

/** Gathers the pieces of a body up to `limit` bytes. */
export const createCollector = (limit: number) => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  return {
    /** False: that is more than the limit, and no further piece is wanted. */
    add: (chunk: Uint8Array): boolean => {
      chunks.push(chunk);
      length += chunk.length;
      return length <= limit;
    },
    /** @param ended whether the body's end was reached */
    take: (ended: boolean): RawBody => ({
      bytes: Buffer.concat(chunks).subarray(0, limit),
      complete: ended && length <= limit,
    }),
  };
};

const unpackerFor = (encoding: string, bytes: Buffer) => {
  if (encoding === "br") return createBrotliDecompress();
  if (encoding === "gzip" || encoding === "x-gzip") return createUnzip();
  if (encoding !== "deflate") return undefined;
  // The zlib header that RFC 9110 asks for with "deflate" is often left out.
  return ((bytes[0] ?? 0) & 0x0f) === 8 ? createUnzip() : createInflateRaw();
};

const unpack = async (
  unpacker: NonNullable<ReturnType<typeof unpackerFor>>,
  bytes: Buffer,
  limit: number,
): Promise<RawBody> => {
  const collector = createCollector(limit);
  unpacker.end(bytes);
  try {
    // Leaving the loop destroys the unpacker, so that it does not go on.
    for await (const chunk of unpacker) if (!collector.add(chunk)) break;
    return collector.take(true);
  } catch {
    return collector.take(false);
  }
};

/**
 * Reads a body as UTF-8 text, whatever its encoding: what arrived until the limit or the failure is
 * kept, since an error code usually comes first.
 *
 * @param encoding the answer's `content-encoding`; `identity` is asked for, but not all obey
 * @param limit bytes that are unpacked at most
 */
export const decodeBody = async (
  raw: RawBody,
  encoding: string | undefined,
  limit: number,
): Promise<Body> => {
  const unpacker = unpackerFor(encoding?.trim().toLowerCase() ?? "", raw.bytes);
  if (!unpacker || raw.bytes.length === 0) {
    return { text: raw.bytes.toString("utf8"), complete: raw.complete };
  }
  const plain = await unpack(unpacker, raw.bytes, limit);
  return { text: plain.bytes.toString("utf8"), complete: raw.complete && plain.complete };
};
