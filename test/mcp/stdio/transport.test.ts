import { PassThrough, Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Message } from "../../../src/mcp/stdio/envelope.ts";
import { createStdio } from "../../../src/mcp/stdio/transport.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const maxLineBytes = 10 * MiB;

/** The transport between streams that a test holds in its hands. */
const open = async (isRead = true) => {
  const stdin = new PassThrough({ highWaterMark: 64 * MiB });
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
    onOverflow: vi.fn(),
    onIgnored: vi.fn(),
  };
  const transport = createStdio(stdin, stdout, events);
  const received: Message[] = [];
  transport.onmessage = (message) => received.push(message);
  transport.onclose = vi.fn();
  await transport.start();
  const read = () => {
    reading = true;
    held();
  };
  return { stdin, stdout, written, read, events, transport, received };
};

const line = (id: unknown, method = "ping", params?: object) =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
const result = (id: unknown, size = 0) => ({ jsonrpc: "2.0", id, result: { a: "x".repeat(size) } });
const ids = (messages: readonly Message[]) => messages.map(({ id }) => id);
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
        expect(ids(received)).toEqual(sent);
        expect(events.onIgnored).not.toHaveBeenCalled();
      }),
      { numRuns: 300 },
    );
  });

  it("may be 10 MiB long and no longer", async () => {
    const { stdin, events, received } = await open();
    const empty = line(1, "ping", { pad: "" });
    const pad = "x".repeat(maxLineBytes - empty.length + 1);
    stdin.write(line(1, "ping", { pad }));
    await soon(() => received.length === 1);
    expect(events.onOverflow).not.toHaveBeenCalled();
    stdin.write("x".repeat(maxLineBytes));
    stdin.write("x");
    await soon(() => events.onOverflow.mock.calls.length === 1);
  });

  it("over the limit are reported once, and nothing after them is taken for a message", async () => {
    const { stdin, events, received } = await open();
    for (let i = 0; i < 12; i++) stdin.write("x".repeat(MiB));
    stdin.write(`\n${line(1)}`);
    await settle();
    expect(events.onOverflow).toHaveBeenCalledTimes(1);
    expect(received).toEqual([]);
  });

  it("are ignored by their kind, never by their content", async () => {
    const { stdin, events } = await open();
    stdin.write(`sk_do_not_repeat\n{"sk_do_not_repeat":\n["sk_do_not_repeat"]\n`);
    await soon(() => events.onIgnored.mock.calls.length === 3);
    expect(JSON.stringify(events.onIgnored.mock.calls)).not.toContain("sk_do_not_repeat");
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
      received.push(message);
      queueMicrotask(() => void transport.send(result(message.id, 20 * KiB)));
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

  it("stop the reading of stdin at 10 MiB, and start it again", async () => {
    const { stdin, transport, received, read } = await open(false);
    await transport.send(result("big", 2 * MiB));
    const count = 400;
    for (let id = 0; id < count; id++)
      stdin.write(line(id + 1, "ping", { pad: "x".repeat(32 * KiB) }));
    await soon(() => stdin.isPaused());
    expect(received).toEqual([]);
    expect(stdin.readableLength).toBeGreaterThan(MiB);
    read();
    await soon(() => received.length === count);
    expect(ids(received)).toEqual(Array.from({ length: count }, (_, id) => id + 1));
  });

  it("do not cost the requests that came before the end of stdin", async () => {
    const { stdin, transport, received, written, read } = await open(false);
    transport.onmessage = (message) => {
      received.push(message);
      void transport.send(result(message.id));
    };
    await transport.send(result("big", 2 * MiB));
    for (let id = 1; id <= 100; id++) stdin.write(line(id));
    stdin.end();
    await settle();
    expect(received).toEqual([]);
    read();
    await soon(() => written.length === 101);
    await transport.settled();
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
    await transport.send(result(received[0]?.id));
    await transport.send({ jsonrpc: "2.0", id: received[1]?.id, error: { code: 1, message: "x" } });
    // A request of the server's own with an id of the client's.
    await transport.send({ jsonrpc: "2.0", id: "a", method: "elicitation/create" });
    await transport.send(result("a"));
    expect(await isSettled(settled)).toBe(false);
    const params = { requestId: 4 };
    stdin.write(
      `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params })}\n`,
    );
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
    const params = { requestId: "1" };
    stdin.write(
      `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params })}\n`,
    );
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
    const { stdout, events, transport } = await open();
    stdout.destroy(new Error("EPIPE"));
    await soon(() => events.onStdoutBroken.mock.calls.length > 0);
    await transport.send(result(1));
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
