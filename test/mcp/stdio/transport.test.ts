import { PassThrough, Writable } from "node:stream";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createStdio } from "../../../src/mcp/stdio/transport.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const maxLineBytes = 10 * MiB;

type Id = string | number;
/** Any message, with what a test looks at. */
type Message = {
  id: Id;
  method?: string;
  params?: { mark?: unknown; requestId?: unknown };
  error?: { code: number; message: string };
};
const seen = (message: JSONRPCMessage): Message => JSON.parse(JSON.stringify(message));

/** The transport between streams that a test holds in its hands. */
const open = async (isRead = true) => {
  const stdin = new PassThrough({ highWaterMark: 256 * MiB });
  const written: Message[] = [];
  let reading = isRead;
  let held: () => void = () => {};
  const stdout = new Writable({
    write: (chunk, _, done) => {
      written.push(JSON.parse(String(chunk)));
      if (reading) done();
      else held = done;
    },
  });
  const events = {
    onStdinEnd: vi.fn(),
    onStdoutBroken: vi.fn(),
    onStdoutUnread: vi.fn(),
    onIgnored: vi.fn(),
  };
  const transport = createStdio(stdin, stdout, events);
  const received: Message[] = [];
  transport.onmessage = (message) => received.push(seen(message));
  transport.onclose = vi.fn();
  await transport.start();
  const read = () => {
    reading = true;
    held();
  };
  return { stdin, stdout, written, read, events, transport, received };
};

/** A request on a line. It bears its id a second time, since the transport gives it another one. */
const line = (id: unknown, method = "ping", params: object = {}) =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params: { mark: id, ...params } })}\n`;
const cancel = (requestId: unknown) =>
  `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })}\n`;
const result = (id: Id, size = 0): JSONRPCMessage => ({
  jsonrpc: "2.0",
  id,
  result: { a: "x".repeat(size) },
});
const ids = (messages: readonly Message[]) => messages.map(({ id }) => id);
const marks = (messages: readonly Message[]) => messages.map(({ params }) => params?.mark);
const soon = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 20_000, interval: 1 });
/** Lets everything happen that is due. */
const settle = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe("lines", () => {
  it("are the same however their bytes are split, with LF or CRLF, with or without a mark", async () => {
    const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
    const input = fc.record({
      ids: fc.uniqueArray(text, { minLength: 1, maxLength: 5 }),
      cuts: fc.array(fc.nat(400), { maxLength: 30 }),
      lineBreak: fc.constantFrom("\n", "\r\n", "\n\n  \n"),
      mark: fc.constantFrom("", "\ufeff"),
      lastBreak: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(input, async ({ ids: sent, cuts, lineBreak, mark, lastBreak }) => {
        const { stdin, events, received } = await open();
        const all = sent.map((id) => line(id).trimEnd()).join(lineBreak);
        const bytes = Buffer.from(mark + all + (lastBreak ? lineBreak : ""));
        let from = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
          stdin.write(bytes.subarray(from, Math.max(from, cut)));
          from = Math.max(from, cut);
        }
        stdin.end();
        await soon(() => events.onStdinEnd.mock.calls.length === 1);
        expect(marks(received)).toEqual(sent);
        expect(events.onIgnored).not.toHaveBeenCalled();
      }),
      { numRuns: 300 },
    );
  });

  it("may be 10 MiB long and no longer, and what follows a longer one works", async () => {
    const { stdin, events, received, written } = await open();
    const pad = "x".repeat(maxLineBytes - line(1, "ping", { pad: "" }).length + 1);
    stdin.write(line(1, "ping", { pad }));
    await soon(() => received.length === 1);
    stdin.write(line(2, "ping", { pad: `${pad}x` }) + line(3));
    await soon(() => received.length === 2);
    await settle();
    expect(marks(received)).toEqual([1, 3]);
    expect(written).toMatchObject([{ id: 2, error: { code: -32600 } }]);
    expect(events.onIgnored).not.toHaveBeenCalled();
  });

  const pad = "x".repeat(12 * MiB);
  const dropped: [name: string, line: string, id: Id | undefined][] = [
    ["the id is last", `{"jsonrpc":"2.0","method":"a","params":{"id":4,"x":"${pad}"},"id":9}`, 9],
    ["the id is first", `{"id":"a","method":"a","params":{"id":4,"x":"${pad}"}}`, "a"],
    ["the only id is inside", `{"method":"a","params":{"x":"${pad}","id":4}}`, undefined],
    ["a text looks like an id", `{"method":"a","x":"${pad}\\",\\"id\\":4,\\""}`, undefined],
    ["the text ends in a backslash", `{"method":"a","x":"${pad}\\\\","id":9}`, 9],
    ["there is an id in lists, too", `{"method":"a","params":[[{"id":4}],"${pad}"],"id":9}`, 9],
    ["the key is escaped", `{"method":"a","x":"${pad}","\\u0069d":9}`, 9],
    ["the id comes twice: the last one counts", `{"id":4,"method":"a","x":"${pad}","id":9}`, 9],
    ["the id itself is too long", `{"method":"a","id":"${pad}"}`, undefined],
    ["the method is too long", `{"method":"${pad}","id":9}`, 9],
    ["a name is too long", `{"method":"a","${pad}":1,"id":9}`, undefined],
    ["it is a notification", `{"method":"a","params":{"x":"${pad}"}}`, undefined],
    ["it is a batch", `[{"id":4,"method":"a","params":{"x":"${pad}"}}]`, undefined],
    ["it is no JSON", pad, undefined],
    ["it breaks off", `{"id":4,"method":"a","params":{"x":"${pad}"`, undefined],
    ["blanks make it long", `${" ".repeat(12 * MiB)}{"id":9,"method":"a"}`, 9],
    ["tabs make it long", `{${"\t".repeat(12 * MiB)}"id":9,"method":"a"}`, 9],
    ["all that is blank makes it long", `{"id":9,${" \t\r".repeat(4 * MiB)}"method":"a"}`, 9],
  ];
  it.each(dropped)("over 10 MiB are answered if their id can be told, when %s", async (...row) => {
    const [, text, id] = row;
    const { stdin, events, received, written } = await open();
    const bytes = Buffer.from(`${line(1)}${text}\n${line(2)}`);
    for (let at = 0; at < bytes.length; at += 999_983)
      stdin.write(bytes.subarray(at, at + 999_983));
    await soon(() => received.length === 2);
    await settle();
    expect(marks(received)).toEqual([1, 2]);
    expect(ids(written)).toEqual(id === undefined ? [] : [id]);
    const said = [
      ...written.map(({ error }) => error?.message),
      ...events.onIgnored.mock.calls.flat(),
    ];
    expect(said).toEqual([expect.stringContaining("more than 10 MiB")]);
  });

  it("over 10 MiB may be the last, without a line break, and many in a row", async () => {
    const { stdin, events, written } = await open();
    const long = `{"method":"a","params":"${"x".repeat(11 * MiB)}","id":`;
    stdin.end(`${long}1}\n${long}2}\n${long}3}`);
    await soon(() => written.length === 3);
    expect(ids(written)).toEqual([1, 2, 3]);
    expect(events.onIgnored).not.toHaveBeenCalled();
  });

  it("are ignored by their kind, never by their content", async () => {
    const { stdin, events } = await open();
    stdin.write(`sk_do_not_repeat\n{"sk_do_not_repeat":\n["sk_do_not_repeat"]\n`);
    await soon(() => events.onIgnored.mock.calls.length === 3);
    expect(JSON.stringify(events.onIgnored.mock.calls)).not.toContain("sk_do_not_repeat");
  });

  const bad = (before: string, bytes: number[], after: string) =>
    Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
  it.each([
    [
      "in a value",
      bad('{"jsonrpc":"2.0","id":9,"method":"a","params":{"x":"', [0xff], '"}}\n'),
      [9],
    ],
    ["that stand for a lone surrogate", bad('{"id":9,"method":"', [0xed, 0xa0, 0x80], '"}\n'), [9]],
    ["that are overlong", bad('{"id":9,"method":"', [0xc0, 0xaf], '"}\n'), [9]],
    ["that break off", bad('{"id":9,"method":"a', [0xe2, 0x82], '"}\n'), [9]],
    ["in a batch", bad('[{"id":9,"method":"a"},{"id":8,"method":"', [0x80], '"}]\n'), [9, 8]],
    ["in the id", bad('{"jsonrpc":"2.0","method":"a","id":"', [0xff], '"}\n'), []],
    ["in a notification", bad('{"jsonrpc":"2.0","method":"a', [0xff], '"}\n'), []],
    ["between the values", bad('{"jsonrpc":"2.0",', [0xff], '"id":9,"method":"a"}\n'), []],
  ])("with bytes that are not UTF-8 are refused: %s", async (_, bytes, refused) => {
    const { stdin, events, received, written } = await open();
    stdin.write(Buffer.concat([bytes, Buffer.from(line("\ufffd"))]));
    await soon(() => received.length === 1);
    await settle();
    // The character itself may be sent.
    expect(marks(received)).toEqual(["\ufffd"]);
    expect(ids(written)).toEqual(refused);
    expect(written.every(({ error }) => error?.code === -32700)).toBe(true);
    expect(events.onIgnored).toHaveBeenCalledTimes(refused.length === 0 ? 1 : 0);
  });

  it.each([
    ["members", `{${'"":1,'.repeat(200_000)}"a":1}`],
    ["arrays in arrays", "[".repeat(200_000) + "]".repeat(200_000)],
    ["objects", `[${"{},".repeat(200_000)}1]`],
  ])("with 200,000 %s are refused before they take up memory", async (_, value) => {
    const { stdin, received, written } = await open();
    stdin.write(`{"jsonrpc":"2.0","method":"a","params":{"a":${value}},"id":9}\n${line(1)}`);
    await soon(() => received.length === 1);
    await settle();
    expect(written).toMatchObject([
      { id: 9, error: { message: expect.stringMatching(/150,000/) } },
    ]);
  });
});

describe("a long text", () => {
  it.each([
    ["650,000 commas", ",".repeat(650_000)],
    ["700,000 brackets", "[{".repeat(350_000)],
    ["quotes and commas by turns", '",'.repeat(700_000)],
  ])(
    "is taken for what it is, however many look-alikes of values are in it: %s",
    async (...row) => {
      const { stdin, received, written } = await open();
      const pad = row[1];
      // Several, since all that are in flight share one bound.
      for (let id = 1; id <= 8; id++) stdin.write(line(id, "ping", { pad }));
      await soon(() => received.length + written.length === 8);
      expect(marks(received)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    },
  );

  it("beside as many real values still shares their bound", async () => {
    const { stdin, received, written } = await open();
    const pad = Array(140_000).fill(1);
    for (let id = 1; id <= 8; id++) stdin.write(line(id, "ping", { pad }));
    await soon(() => received.length + written.length === 8);
    expect(marks(received)).toEqual([1, 2, 3, 4]);
    expect(written[0]?.error?.message).toContain("Too many requests");
  });
});

describe("answers that nobody reads", () => {
  it.each([
    ["lines", (all: string[]) => all.join("")],
    ["one batch", (all: string[]) => `[${all.join(",").replaceAll("\n", "")}]\n`],
  ])("hold back the requests behind them, in %s", async (_, join) => {
    const count = 2_000;
    const { stdin, stdout, transport, received, written, read } = await open(false);
    // As the SDK answers: not before the handler's promise is settled.
    transport.onmessage = (message) => {
      received.push(seen(message));
      queueMicrotask(() => void transport.send(result(seen(message).id, 20 * KiB)));
    };
    stdin.write(join(Array.from({ length: count }, (_, id) => line(`r${id}`))));
    await settle();
    expect(received.length).toBeGreaterThan(0);
    // 1 MiB is the limit; what was taken at one go may come on top.
    expect(stdout.writableLength).toBeLessThan(4 * MiB);
    read();
    await soon(() => written.length === count);
    expect(ids(written)).toEqual(Array.from({ length: count }, (_, id) => `r${id}`));
  });

  /** The transport with answers of 2 MiB that wait to be read. */
  const blocked = async () => {
    const all = await open(false);
    all.stdin.write(line("big"));
    await soon(() => all.received.length === 1);
    await all.transport.send(result(all.received.pop()?.id ?? "", 2 * MiB));
    return all;
  };

  it("stop the reading of stdin at 64 MiB, and start it again", async () => {
    const { stdin, transport, received, read } = await blocked();
    transport.onmessage = (message) => {
      received.push(seen(message));
      void transport.send(result(seen(message).id));
    };
    const count = 2_400;
    for (let id = 0; id < count; id++)
      stdin.write(line(id + 1, "ping", { pad: "x".repeat(32 * KiB) }));
    await soon(() => stdin.isPaused());
    expect(received).toEqual([]);
    expect(stdin.readableLength).toBeGreaterThan(MiB);
    read();
    await soon(() => received.length === count);
    expect(marks(received)).toEqual(Array.from({ length: count }, (_, id) => id + 1));
  });

  it("do not hide the end of stdin behind 20 MiB", async () => {
    const { stdin, received, events } = await blocked();
    for (let id = 0; id < 640; id++) stdin.write(line(id, "ping", { pad: "x".repeat(32 * KiB) }));
    stdin.end();
    await soon(() => events.onStdinEnd.mock.calls.length === 1);
    expect(received).toEqual([]);
  });

  it.each([65, 68])("do not hide the end of stdin behind %i MiB", async (mebibytes) => {
    const { stdin, received, events } = await blocked();
    const pad = "x".repeat(MiB);
    for (let id = 0; id < mebibytes; id++) stdin.write(line(id, "ping", { pad }));
    stdin.end();
    await soon(() => events.onStdoutUnread.mock.calls.length === 1);
    expect(received).toEqual([]);
    expect(events.onStdinEnd).not.toHaveBeenCalled();
  });

  it("are given up at 96 MiB of requests, and not before", async () => {
    const { stdin, received, events, transport } = await blocked();
    const pad = "x".repeat(4 * MiB);
    for (let id = 0; id < 23; id++) stdin.write(line(id, "ping", { pad }));
    await soon(() => stdin.readableLength === 0);
    expect(events.onStdoutUnread).not.toHaveBeenCalled();
    stdin.write(line("more", "ping", { pad }));
    await soon(() => events.onStdoutUnread.mock.calls.length > 0);
    expect(received).toEqual([]);
    await transport.close();
  });

  it("do not cost the requests that came before the end of stdin", async () => {
    const { stdin, transport, received, written, read } = await blocked();
    transport.onmessage = (message) => {
      received.push(seen(message));
      void transport.send(result(seen(message).id));
    };
    for (let id = 1; id <= 100; id++) stdin.write(line(id));
    stdin.end();
    await settle();
    expect(received).toEqual([]);
    read();
    await soon(() => written.length === 101);
    await transport.settled();
  });

  it("are not followed by progress, which is of no use later", async () => {
    const { transport, written, read } = await blocked();
    const progress = (token: number): JSONRPCMessage => ({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: token, progress: 1 },
    });
    for (let token = 0; token < 100; token++) await transport.send(progress(token));
    read();
    await settle();
    await transport.send(progress(100));
    await soon(() => written.length === 2);
    expect(written[1]).toMatchObject({ params: { progressToken: 100 } });
  });
});

describe("settled", () => {
  const isSettled = async (settled: Promise<void>) => {
    let yes = false;
    void settled.then(() => {
      yes = true;
    });
    await settle();
    return yes;
  };

  it("waits until every request is answered or cancelled", async () => {
    const { stdin, transport, received } = await open();
    expect(await isSettled(transport.settled())).toBe(true);
    stdin.write(line(0) + line("") + line("a") + line(4));
    await soon(() => received.length === 4);
    const settled = transport.settled();
    const [zero, empty, third] = ids(received) as [Id, Id, Id];
    await transport.send(result(zero));
    await transport.send({ jsonrpc: "2.0", id: empty, error: { code: 1, message: "x" } });
    // A request of the server's own with an id of the client's.
    await transport.send({ jsonrpc: "2.0", id: third, method: "elicitation/create" });
    await transport.send(result(third));
    expect(await isSettled(settled)).toBe(false);
    stdin.write(cancel(4));
    expect(await isSettled(settled)).toBe(true);
  });

  it("does not wait for a request that was refused, nor for a notification", async () => {
    const { stdin, transport, written } = await open();
    stdin.write(`{"id":1,"method":"ping"}\n{"jsonrpc":"2.0","method":"x"}\n`);
    await soon(() => written.length === 1);
    expect(await isSettled(transport.settled())).toBe(true);
  });

  it("waits for a call whose cancellation names another one", async () => {
    const { stdin, transport, received } = await open();
    stdin.write(line(1));
    await soon(() => received.length === 1);
    stdin.write(cancel("1"));
    expect(await isSettled(transport.settled())).toBe(false);
  });
});

describe("the end", () => {
  it.each([
    ["end", (stdin: PassThrough) => stdin.end()],
    ["close", (stdin: PassThrough) => stdin.destroy()],
    ["error", (stdin: PassThrough) => stdin.destroy(new Error("EIO"))],
  ])("is told once when stdin has an %s", async (_, finish) => {
    const { stdin, events } = await open();
    finish(stdin);
    await soon(() => events.onStdinEnd.mock.calls.length === 1);
    await settle();
    expect(events.onStdinEnd).toHaveBeenCalledTimes(1);
  });

  it("is told when stdout breaks, and writing then does no harm", async () => {
    const { stdin, stdout, events, transport, received } = await open();
    stdin.write(line(1));
    await soon(() => received.length === 1);
    stdout.destroy(new Error("EPIPE"));
    await soon(() => events.onStdoutBroken.mock.calls.length > 0);
    await transport.send(result(received[0]?.id ?? ""));
    // The request is answered, as far as that is up to the server.
    await transport.settled();
    expect(stdout.writableLength).toBe(0);
  });

  it("comes once on close, and what comes later is not delivered", async () => {
    const { stdin, transport, received } = await open();
    await transport.close();
    await transport.close();
    expect(transport.onclose).toHaveBeenCalledTimes(1);
    stdin.write(line(1));
    await settle();
    expect(received).toEqual([]);
  });
});
