import { createBrotliDecompress, createInflateRaw, createUnzip } from "node:zlib";

/** No more of an answer's body is read or unpacked than this, in bytes. */
export const maxBodyRead = 64 * 1024;

export type Body = {
  text: string;
  /** False: longer than the limit, broken off, timed out, or not decodable. */
  complete: boolean;
};

type Source = AsyncIterable<Uint8Array>;

const collect = async (source: Source): Promise<{ bytes: Buffer; complete: boolean }> => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of source) {
      chunks.push(chunk);
      length += chunk.length;
      // Leaving the loop destroys the source, and with it the connection that would go on sending.
      if (length > maxBodyRead) break;
    }
    return {
      bytes: Buffer.concat(chunks).subarray(0, maxBodyRead),
      complete: length <= maxBodyRead,
    };
  } catch {
    return { bytes: Buffer.concat(chunks), complete: false };
  }
};

const unpackerFor = (encoding: string, bytes: Buffer) => {
  if (encoding === "br") return createBrotliDecompress();
  if (encoding === "gzip" || encoding === "x-gzip") return createUnzip();
  if (encoding !== "deflate") return undefined;
  // The zlib header that RFC 9110 asks for with "deflate" is often left out.
  return ((bytes[0] ?? 0) & 0x0f) === 8 ? createUnzip() : createInflateRaw();
};

/**
 * Reads a body as UTF-8 text within 64 kB, whatever its encoding, length or speed: what arrived
 * until the limit or the failure is kept, since an error code usually comes first.
 *
 * @param encoding the answer's `content-encoding`; `identity` is asked for, but not all obey
 */
export const readBody = async (source: Source, encoding: string | undefined): Promise<Body> => {
  const raw = await collect(source);
  const unpacker = unpackerFor(encoding?.trim().toLowerCase() ?? "", raw.bytes);
  if (!unpacker || raw.bytes.length === 0) {
    return { text: raw.bytes.toString("utf8"), complete: raw.complete };
  }
  unpacker.end(raw.bytes);
  const plain = await collect(unpacker);
  return { text: plain.bytes.toString("utf8"), complete: raw.complete && plain.complete };
};
