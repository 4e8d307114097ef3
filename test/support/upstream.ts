import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export type Received = {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  rawBody: string;
  /** The parsed `profile` of the body, if there is one. */
  profile: Record<string, string>;
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

/**
 * A real loopback HTTP server in Prelude's place that records what it received. `play` gives the
 * handlers of the next requests, in order; the last one is repeated.
 */
export const startUpstream = async (...script: Handler[]) => {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  let steps = script.length > 0 ? script : [noContent];
  let step = 0;
  let mostSockets = 0;

  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const rawBody = Buffer.concat(chunks).toString("utf8");
    let profile: Record<string, string> = {};
    try {
      profile = JSON.parse(rawBody).profile;
    } catch {}
    const entry: Received = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      rawBody,
      profile,
    };
    received.push(entry);
    const handler = steps[Math.min(step, steps.length - 1)] as Handler;
    step += 1;
    await handler(entry, response, request.socket);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    mostSockets = Math.max(mostSockets, sockets.size);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    play: (...handlers: Handler[]) => {
      steps = handlers;
      step = 0;
      received.length = 0;
    },
    /** Most connections that were open at one time. */
    mostSockets: () => mostSockets,
    close: async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

export type Upstream = Awaited<ReturnType<typeof startUpstream>>;
