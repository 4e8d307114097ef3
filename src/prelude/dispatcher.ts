import { buildConnector, type Dispatcher, Pool, ProxyAgent } from "undici";
import { proxyFailure, proxyRefusal } from "./connect-errors.ts";
import { withoutInterims } from "./interim.ts";
import type { ProxyChoice } from "./proxy.ts";

/** Connections kept open to the API at most; further requests wait for one. */
export const maxConnections = 16;

const connecting = {
  /** Longest wait for one connection, in milliseconds; the call's deadline may come first. */
  timeout: 10_000,
  // A host may have several addresses. Node gives each 250 ms, which is less than a handshake takes
  // on a slow line, and less than a lost packet costs.
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: 2_500,
};

const poolOf = (origin: string | URL, connect: buildConnector.connector): Pool =>
  new Pool(origin, { connections: maxConnections, connect: withoutInterims(connect) });

type Connectable = { connect: buildConnector.connector };

/**
 * The connections to the proxy. Every failure is made one of the proxy's, which also keeps undici
 * from connecting again and again, without a pause, while a proxy hangs up on CONNECT.
 */
const proxyPool = (origin: URL, { connect }: Connectable, variable: string): Pool => {
  const pool = new Pool(origin, { connect: withoutInterims(connect) });
  const ask = pool.connect.bind(pool);
  const asking = async (options: Dispatcher.ConnectOptions) => {
    const signal = AbortSignal.timeout(connecting.timeout);
    const answer = await ask({ ...options, signal }).catch((error: unknown) => {
      throw proxyFailure(error, variable);
    });
    if (answer.statusCode === 200) return answer;
    answer.socket.on("error", () => {}).destroy();
    throw proxyRefusal(answer.statusCode, variable);
  };
  pool.connect = asking as Pool["connect"];
  return pool;
};

/** Makes what connects to the API, directly or through a proxy. */
export const createDispatcher = (
  origin: string,
  proxy: Exclude<ProxyChoice, { kind: "invalid" }>,
): Dispatcher => {
  if (proxy.kind === "direct") return poolOf(origin, buildConnector(connecting));
  const { uri, variable } = proxy;
  return new ProxyAgent({
    uri,
    proxyTls: connecting,
    factory: (target, options) => poolOf(target, (options as Connectable).connect),
    clientFactory: (target, options) => proxyPool(target, options as Connectable, variable),
  });
};
