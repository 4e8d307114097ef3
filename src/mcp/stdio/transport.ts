import type { Readable, Writable } from "node:stream";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { createConversation } from "./conversation.ts";
import { createIntake } from "./intake.ts";
import type { Incoming } from "./messages.ts";
import { createOutput } from "./output.ts";

export type StdioEvents = {
  /** stdin ended; what came before may still be handed on, see `settled`. */
  onStdinEnd: () => void;
  /** Nobody reads the answers any more. */
  onStdoutBroken: () => void;
  /** Nobody seems to read them, and more came in than can wait for that. */
  onStdoutUnread: () => void;
  /** Input that cannot be answered, in words without any of its content. */
  onIgnored: (reason: string) => void;
};

export type StdioTransport = Transport & {
  /** Resolves when every request that came in has been answered or cancelled. */
  settled: () => Promise<void>;
  /** Aborts the signals of the requests in flight. Unlike what a client cancels, they are still answered. */
  cutOff: () => void;
};

/**
 * A stdio transport for the SDK. The SDK's own one leaves invalid requests unanswered, stumbles
 * over a byte order mark, ends in silence after an over-long line, crashes on a broken pipe, does
 * not notice the end of stdin, and reads on while nobody reads its answers.
 */
export const createStdio = (
  stdin: Readable,
  stdout: Writable,
  events: StdioEvents,
): StdioTransport => {
  const conversation = createConversation();
  const output = createOutput(stdout);
  let onSettled = (): void => {};

  const settleIfIdle = (): void => {
    if (conversation.isIdle() && intake.isEmpty()) onSettled();
  };

  const onMessage = ({ envelope, charge }: Incoming): void => {
    const received = conversation.receive(envelope, charge);
    if (received.kind === "deliver") transport.onmessage?.(received.message);
    if (received.kind === "reject") output.writeWithOthers(received.response);
    if (received.kind === "ignore") events.onIgnored(received.reason);
  };

  const intake = createIntake(stdin, output.isBlocked, {
    onMessage,
    onEnd: events.onStdinEnd,
    onGivenUp: events.onStdoutUnread,
    onRest: settleIfIdle,
  });

  const transport: StdioTransport = {
    start: async () => {
      intake.start();
      stdout.on("drain", intake.goOn);
      for (const event of ["close", "error"]) stdout.on(event, events.onStdoutBroken);
    },
    send: async (message) => {
      const outgoing = conversation.send(message);
      // With requests in flight, more answers may be about to come.
      const write = conversation.isIdle() ? output.write : output.writeWithOthers;
      if (outgoing) write(outgoing);
      settleIfIdle();
    },
    settled: () =>
      new Promise((resolve) => {
        onSettled = resolve;
        settleIfIdle();
      }),
    cutOff: () => {
      for (const cancellation of conversation.cutOffs()) transport.onmessage?.(cancellation);
    },
    close: async () => {
      if (intake.stop()) transport.onclose?.();
    },
  };
  return transport;
};
