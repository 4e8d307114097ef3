import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type CertificateName, certificates, testKey } from "./certificates.ts";

export type Received = {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  rawBody: string;
  /** The parsed `profile` of the body, or none. */
  profile: Record<string, string>;
  /** Number of the connection it came on, and its place on that connection; both start at 1. */
  connection: number;
  place: number;
  /** Resolves when the connection is gone. */
  closed: Promise<void>;
};

export type Handler = (request: Received, response: ServerResponse, socket: Socket) => unknown;

/** An answer as the API document gives them: `apiError(404, "user_not_found", "The user was not found.")`. */
export const apiError =
  (
    status: number,
    code: string,
    message = `About ${code}.`,
    headers: Record<string, string> = {},
  ): Handler =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ code, status: "word", message }));
  };

export const noContent: Handler = (_, response) => {
  response.writeHead(204).end();
};

const profileIn = (body: string): Record<string, string> => {
  try {
    const { profile } = JSON.parse(body) as { profile?: unknown };
    return typeof profile === "object" && profile !== null
      ? (profile as Record<string, string>)
      : {};
  } catch {
    return {};
  }
};

const bodyOf = async (message: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of message) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
};

/**
 * A real loopback server in Prelude's place that has `handle` answer whole requests.
 *
 * @param tls speaks TLS with that certificate
 */
export const startApi = async (handle: Handler, tls?: CertificateName) => {
  const connections = new Map<
    Socket,
    { number: number; requests: number; closed: Promise<void> }
  >();
  const open = new Set<Socket>();
  let mostSockets = 0;
  const server = tls
    ? createHttpsServer({ key: testKey, cert: certificates[tls] })
    : createHttpServer();
  // Longer than a test may stand still on a busy machine: a connection that was used before stays.
  server.keepAliveTimeout = 60_000;

  server.on("connection", (socket: Socket) => {
    open.add(socket);
    mostSockets = Math.max(mostSockets, open.size);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
  });
  // The socket that requests come on: with TLS it is not that of the TCP connection.
  server.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    connections.set(socket, { number: connections.size + 1, requests: 0, closed });
    socket.on("error", () => {});
  });
  server.on("request", async (message, response) => {
    const rawBody = await bodyOf(message);
    const connection = connections.get(message.socket);
    if (rawBody === undefined || !connection) return;
    connection.requests += 1;
    const { method = "", url: path = "", headers } = message;
    const profile = profileIn(rawBody);
    const { number, requests: place, closed } = connection;
    const request = { method, path, headers, rawBody, profile, connection: number, place, closed };
    await handle(request, response, message.socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const dropConnections = (): void => {
    for (const socket of open) socket.destroy();
  };

  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    /** Most connections that were open at one time. */
    mostSockets: () => mostSockets,
    /** Ends every connection, in order, as a server does with idle ones; new ones are accepted. */
    endConnections: async (): Promise<void> => {
      const closed = [...open].map(
        (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
      );
      for (const socket of open) socket.end();
      await Promise.all(closed);
    },
    dropConnections,
    close: async (): Promise<void> => {
      dropConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/**
 * Such a server that records what it received. `play` gives the handlers of the next requests, in
 * order; the last one is repeated.
 */
export const startUpstream = async (...script: Handler[]) => {
  const received: Received[] = [];
  let steps = script.length > 0 ? script : [noContent];
  let step = 0;
  const api = await startApi((request, response, socket) => {
    received.push(request);
    const handler = steps[Math.min(step, steps.length - 1)] as Handler;
    step += 1;
    return handler(request, response, socket);
  });
  const play = (...handlers: Handler[]): void => {
    steps = handlers;
    step = 0;
    received.length = 0;
  };
  return { ...api, received, play };
};

export type Upstream = Awaited<ReturnType<typeof startUpstream>>;
