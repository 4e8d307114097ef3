import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { CertificateName } from "./certificates.ts";
import { type Handler, type Received, startApi } from "./upstream.ts";

/** What the API makes of a request: it is applied and answered 204, or refused. */
type Verdict = { status: number; body?: object };

type Exchange = {
  request: Received;
  response: ServerResponse;
  socket: Socket;
  /** Applies the patch to the user's profile unless it holds a reserved key; at most once. */
  decide: () => Verdict;
};

/** What happens to one request. */
export type Step = (exchange: Exchange) => unknown;

/** One user's profile, the faults on the way to it, and the record of what became of them. */
export type Stage = {
  /** Whether a patch adds to the profile or takes its place. */
  semantics: "merge" | "replace";
  reserved: ReadonlySet<string>;
  /** Keys that are refused as reserved where all of them are in one patch, and taken otherwise. */
  rivals: readonly string[];
  profile: Map<string, string>;
  /** For the first requests, in order; the rest gets `otherwise`. */
  steps: readonly Step[];
  otherwise: Step;
  /** For requests that read this user, in order; the last one is repeated. */
  looks: readonly Step[];
  received: Received[];
  /** The patches that were truly applied, in order. */
  applied: ReadonlyMap<string, string>[];
};

export const apiBody = (code: string, message = `About ${code}.`): object => ({
  code,
  status: "word",
  message,
});

/** An answer with this status, whatever the API would say; nothing is applied. */
export const reply =
  (status: number, body?: object | string | Buffer, headers: Record<string, string> = {}): Step =>
  ({ response }) => {
    const json = typeof body === "object" && !Buffer.isBuffer(body);
    response.writeHead(status, { ...(json && { "content-type": "application/json" }), ...headers });
    response.end(json ? JSON.stringify(body) : body);
  };

/** The API's own answer, after it did what it says. */
export const honest: Step = (exchange) => {
  const { status, body } = exchange.decide();
  reply(status, body)(exchange);
};

/** What the API would do is done, and then the step happens instead of its answer. */
export const applied =
  (step: Step): Step =>
  (exchange) => {
    exchange.decide();
    return step(exchange);
  };

/** The API's own answer, but a success comes in another form than 204. */
export const succeeding =
  (step: Step): Step =>
  (exchange) =>
    exchange.decide().status === 204 ? step(exchange) : honest(exchange);

/** The connection ends without an answer: closed in order, or reset. */
export const drop: Step = ({ socket }) => socket.end();
export const reset: Step = ({ socket }) => socket.resetAndDestroy();

/** Never an answer; the connection stays open. */
export const never: Step = () => {};

/** The first request of a connection is answered; a later one resets it, as a stale one does. */
export const resetOnReuse: Step = (exchange) =>
  exchange.request.place === 1 ? honest(exchange) : reset(exchange);

/** Exactly these bytes instead of an answer; `end` closes the connection behind them. */
export const raw =
  (bytes: string | Buffer, end = true): Step =>
  ({ socket }) => {
    socket.write(bytes);
    if (end) socket.end();
  };

/** One byte of `bytes` every `everyMs` milliseconds, until all are sent or nobody listens. */
export const drip =
  (bytes: string, everyMs: number): Step =>
  ({ socket }) => {
    let next = 0;
    const timer = setInterval(() => {
      if (socket.writable && next < bytes.length) socket.write(bytes[next++] as string);
      else clearInterval(timer);
    }, everyMs);
    socket.on("close", () => clearInterval(timer));
  };

/** A body that begins with `first` and goes on with `piece` as fast as it is read, without end. */
export const endless =
  (status: number, piece: string | Buffer, first = ""): Step =>
  ({ response, socket }) => {
    response.writeHead(status);
    response.write(first);
    const more = () => {
      while (socket.writable && response.write(piece));
    };
    response.on("drain", more);
    more();
  };

/** Interim answers (1xx), then what the step answers. */
export const interim =
  (count: number, head: string, step: Step): Step =>
  (exchange) => {
    exchange.socket.write(`HTTP/1.1 ${head}\r\n\r\n`.repeat(count));
    return step(exchange);
  };

/** Promises more of a body than it sends, and closes the connection. */
export const truncated =
  (status: number, body: string, headers: Record<string, string> = {}): Step =>
  ({ response, socket }) => {
    response.writeHead(status, { "content-length": Buffer.byteLength(body) + 100, ...headers });
    response.write(body, () => socket.end());
  };

/** A body in an encoding that nobody asked for. */
export const compressed = (encoding: "gzip" | "br", status: number, body: string): Step =>
  reply(status, encoding === "gzip" ? gzipSync(body) : brotliCompressSync(body), {
    "content-type": "application/json",
    "content-encoding": encoding,
  });

const verdict = (stage: Stage, patch: Record<string, string>): Verdict => {
  const entries = Object.entries(patch);
  const rivals = stage.rivals.length > 0 && stage.rivals.every((key) => Object.hasOwn(patch, key));
  if (rivals || entries.some(([key]) => stage.reserved.has(key))) {
    const message = "The profile key is reserved and cannot be used.";
    return { status: 400, body: apiBody("reserved_profile_key", message) };
  }
  if (stage.semantics === "replace") stage.profile.clear();
  for (const [key, value] of entries) stage.profile.set(key, value);
  stage.applied.push(new Map(entries));
  return { status: 204 };
};

const userOf = /^\/v2\/session\/apps\/[^/]+\/users\/([^/]+)\/profile$/;
const readUserOf = /^\/v2\/session\/apps\/[^/]+\/users\/([^/?]+)$/;

/** Whom a GET asks for: a user's id, or the address or number that a user is looked up by. */
const readName = (path: string): string =>
  readUserOf.exec(path)?.[1] ??
  new URL(path, "http://127.0.0.1").searchParams.get("identifier_value") ??
  "";

/** The step for this request, the newest of the stage. */
const stepOf = ({ received, steps, otherwise, looks }: Stage, method: string): Step => {
  const place = received.filter((request) => request.method === method).length - 1;
  if (method === "GET") return looks[Math.min(place, looks.length - 1)] ?? otherwise;
  return steps[place] ?? otherwise;
};

/**
 * A real loopback server in Prelude's place that plays faults. `stage` sets the scene for one user;
 * what comes back is also the record, so that tests for different users do not meet. A stage may stand
 * under an address or a number, too, for look-ups by it. Requests for users without a stage, or for
 * another path, get a 404 and are in `strays`.
 *
 * @param tls speaks TLS with that certificate
 */
export const startFaultServer = async (tls?: CertificateName) => {
  const stages = new Map<string, Stage>();
  const strays: Received[] = [];
  const watchers = new Set<() => void>();

  const handle: Handler = (request, response, socket) => {
    const { method, path } = request;
    const name = method === "GET" ? readName(path) : (userOf.exec(path)?.[1] ?? "");
    const stage = stages.get(name);
    if (!stage) {
      strays.push(request);
      return response.writeHead(404).end();
    }
    stage.received.push(request);
    let decided: Verdict | undefined;
    const decide = () => {
      decided ??= verdict(stage, request.profile);
      return decided;
    };
    const step = stepOf(stage, method);
    for (const watch of watchers) watch();
    return step({ request, response, socket, decide });
  };

  return {
    ...(await startApi(handle, tls)),
    strays,

    stage: (user: string, scene: Partial<Stage> = {}, aliases: string[] = []): Stage => {
      const stage: Stage = {
        semantics: "merge",
        reserved: new Set(),
        rivals: [],
        profile: new Map(),
        steps: [],
        otherwise: honest,
        looks: [],
        received: [],
        applied: [],
        ...scene,
      };
      for (const name of [user, ...aliases]) stages.set(name, stage);
      return stage;
    },

    /** Resolves when the condition holds; it is looked at whenever a request arrives. */
    until: (condition: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const watch = () => {
          if (!condition()) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
  };
};

export type FaultServer = Awaited<ReturnType<typeof startFaultServer>>;
