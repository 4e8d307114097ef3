import type { AddressInfo, Server, Socket } from "node:net";
import { afterAll, beforeAll } from "vitest";
import { createClient, type PreludeClient } from "../../src/prelude/client.ts";
import type { CallScope } from "../../src/prelude/request.ts";
import type { Outcome } from "../../src/prelude/send.ts";
import {
  type FaultServer,
  type Stage,
  type Step,
  startFaultServer,
} from "../support/fault-server.ts";

export const apiKey = "test-key-5b80";
export const appId = "54e9ujn";

export type Call = Partial<Omit<CallScope, "deadlineAt">> & {
  profile?: Record<string, string>;
  timeoutMs?: number;
};
type Options = {
  baseUrl?: string;
  firstDelayMs?: number;
  useProxy?: boolean;
  rereadKey?: () => string | undefined;
  secrets?: string[];
  log?: (line: string) => void;
};

/** A success as it is documented. */
export const done = (attempts: number): Outcome => ({ attempts, httpStatus: 204 });

export const scopeOf = ({ timeoutMs = 10_000, signal, onRetry, admit }: Call = {}): CallScope => {
  const deadline = AbortSignal.timeout(timeoutMs);
  const scope: CallScope = {
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    deadlineAt: performance.now() + timeoutMs,
  };
  if (onRetry) scope.onRetry = onRetry;
  if (admit) scope.admit = admit;
  return scope;
};

export const send = (client: PreludeClient, userId: string, call: Call = {}): Promise<Outcome> =>
  client.patchProfile({ appId, userId, profile: call.profile ?? { name: "Ada" } }, scopeOf(call));

/** A fault server for the tests of one file, and what they do with it. */
export const setTheScene = () => {
  let server: FaultServer;
  let users = 0;
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    server = await startFaultServer();
  });
  afterAll(async () => {
    for (const close of closers) await close();
    await server.close();
  });

  const newClient = (options: Options = {}) => {
    const client = createClient({
      baseUrl: server.url,
      apiKey,
      product: "test/1.2.3",
      useProxy: false,
      firstDelayMs: 1,
      ...options,
    });
    closers.push(client.close);
    return client;
  };

  /** A user of its own, with the steps that its requests meet, and a client of its own. */
  const scene = (
    steps: Step[],
    { otherwise, ...options }: Options & Pick<Partial<Stage>, "otherwise"> = {},
  ) => {
    users += 1;
    const user = `usr_client${users}`;
    const stage = server.stage(user, otherwise ? { steps, otherwise } : { steps });
    const client = newClient(options);
    return { user, stage, client, patch: (call?: Call) => send(client, user, call) };
  };

  /** Starts a listener that ends with the tests; resolves with its port. */
  const listen = async (listener: Server): Promise<number> => {
    const sockets = new Set<Socket>();
    listener.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    });
    return (listener.address() as AddressInfo).port;
  };

  return { server: () => server, closers, newClient, scene, listen };
};
