import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import {
  type Body,
  createCollector,
  decodeBody,
  maxBodyRead,
  maxContentRead,
} from "../../src/prelude/body.ts";
import { type Encoding, pack } from "../support/fault-server.ts";

const text = '{"code":"reserved_profile_key","message":"Größe 🎈"}';

/** Reads a body as a request does: piece by piece, until there are no more or too many. */
const readBody = async (
  source: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  limit = maxBodyRead,
): Promise<Body> => {
  const collector = createCollector(limit);
  let ended = true;
  try {
    for await (const chunk of source) if (!collector.add(chunk)) break;
  } catch {
    ended = false;
  }
  return decodeBody(collector.take(ended), encoding, limit);
};

async function* chunks(...parts: (string | Uint8Array)[]) {
  for (const part of parts) yield Buffer.from(part);
}

async function* failing(...parts: (string | Uint8Array)[]) {
  yield* chunks(...parts);
  throw new Error("the connection broke");
}

/** Longer than anybody should read; it does end, so that a reader without a limit fails soon. */
const endless = (piece: string | Uint8Array) => {
  const state = { pieces: 0, ended: false };
  async function* source() {
    try {
      while (state.pieces < 100_000) {
        state.pieces += 1;
        yield Buffer.from(piece);
      }
    } finally {
      state.ended = true;
    }
  }
  return { source: source(), state };
};

describe("decodes what comes", () => {
  const cases: [header: string | undefined, encoding: Encoding | undefined][] = [
    [undefined, undefined],
    ["identity", undefined],
    ["", undefined],
    ["gzip", "gzip"],
    [" GZip ", "gzip"],
    ["x-gzip", "x-gzip"],
    ["deflate", "deflate"],
    ["deflate", "raw deflate"],
    ["br", "br"],
  ];
  test.each(cases)("content-encoding %j, body in %s", async (header, encoding) => {
    const body = encoding ? pack(encoding, text) : text;
    expect(await readBody(chunks(body), header)).toEqual({ text, complete: true });
  });

  test.each([undefined, "gzip", "deflate", "br"])("an empty body, %s", async (header) => {
    expect(await readBody(chunks(), header)).toEqual({ text: "", complete: true });
  });

  test("characters that are split between chunks", async () => {
    const bytes = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte));
    expect(await readBody(chunks(...bytes), undefined)).toEqual({ text, complete: true });
  });
});

describe("keeps what arrived and says that it is not all", () => {
  test("of a body that broke off", async () => {
    expect(await readBody(failing(text), undefined)).toEqual({ text, complete: false });
  });

  const long = JSON.stringify({ code: "app_not_found", list: [...Array(200).keys()], text });
  const ends: [string, (bytes: Buffer) => AsyncIterable<Uint8Array>][] = [
    ["broke off", failing],
    // As a proxy does that compresses what it got, and got too little.
    ["ends too early, in order", chunks],
  ];
  for (const encoding of ["gzip", "deflate", "br"] as const) {
    test.each(ends)(`of a ${encoding} body that %s`, async (_, source) => {
      const packed = pack(encoding, long);
      const body = await readBody(source(packed.subarray(0, packed.length - 20)), encoding);
      expect(body.text).toMatch(/^{"code":"app_not_found","list":\[0,1,2,/);
      expect(body.complete).toBe(false);
    });
  }

  test("of a body that is not in the encoding that it claims", async () => {
    for (const encoding of ["gzip", "br"]) {
      expect((await readBody(chunks(text), encoding)).complete).toBe(false);
    }
  });
});

test("reads further where the content is wanted", async () => {
  const long = "x".repeat(maxContentRead);
  for (const encoding of [undefined, "gzip"]) {
    const [whole, more] = [long, `${long}x`].map((body) => (encoding ? gzipSync(body) : body));
    const read = (body = "") => readBody(chunks(body), encoding, maxContentRead);
    expect(await read(whole as string)).toEqual({ text: long, complete: true });
    expect(await read(more as string)).toEqual({ text: long, complete: false });
  }
});

describe("stops at 64 kB", () => {
  test("a body of exactly that length is complete", async () => {
    const body = await readBody(chunks("x".repeat(maxBodyRead)), undefined);
    expect(body).toEqual({ text: "x".repeat(maxBodyRead), complete: true });
  });

  test("an endless body is left, and its source is told", async () => {
    const { source, state } = endless("x".repeat(1_000));
    const body = await readBody(source, undefined);
    expect(body).toEqual({ text: "x".repeat(maxBodyRead), complete: false });
    expect(state).toEqual({ pieces: 66, ended: true });
  });

  const bombs: [string, Buffer][] = [
    ["gzip", gzipSync(Buffer.alloc(50_000_000, "x"))],
    ["br", brotliCompressSync(Buffer.alloc(50_000_000, "x"))],
  ];
  test.each(bombs)("a %s bomb is unpacked no further", async (encoding, bomb) => {
    expect(bomb.length).toBeLessThan(maxBodyRead);
    const body = await readBody(chunks(bomb), encoding);
    expect(body).toEqual({ text: "x".repeat(maxBodyRead), complete: false });
  });

  test("an endless compressed body is left too", async () => {
    const piece = gzipSync("x".repeat(1_000));
    const { source, state } = endless(piece);
    expect((await readBody(source, "gzip")).complete).toBe(false);
    expect(state).toEqual({ pieces: Math.floor(maxBodyRead / piece.length) + 1, ended: true });
  });
});
