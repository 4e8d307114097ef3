import { buildConnector, type Dispatcher, Pool, ProxyAgent } from "undici";
import { isStandIn } from "../config/values.ts";
import { ProxyError, unconnectedOf, unreachable } from "./errors.ts";

/** This machine itself, as URLs spell it: 127.0.0.0/8, `::1`, `localhost` and all names below it. */
const loopback =
  /^127(?:\.\d+){3}$|^\[::(?:1|ffff:7f[\da-f]{2}:[\da-f]{1,4})\]$|^(?:.+\.)?localhost\.?$/;

/** One entry of NO_PROXY: `*`, or a host, which stands for all below it too; a port may follow. */
const isExempt = (entry: string, { hostname, port, protocol }: URL): boolean => {
  if (entry === "*") return true;
  const [, name = entry, wantedPort] = /^([^:]+|\[.*\]):(\d+)$/.exec(entry) ?? [];
  const defaultPort = protocol === "https:" ? "443" : "80";
  if (wantedPort !== undefined && wantedPort !== (port || defaultPort)) return false;
  const exempt = name.replace(/^\*?\./, "");
  return exempt !== "" && `.${hostname}`.endsWith(`.${exempt}`);
};

/** The first of these variables that holds something, which a placeholder is not. */
const firstSet = (names: readonly string[], env: NodeJS.ProcessEnv): string | undefined =>
  names.find((name) => {
    const text = env[name]?.trim() ?? "";
    return text !== "" && !isStandIn(text);
  });

/**
 * Which proxy the environment wants for a target: HTTPS_PROXY for https, HTTP_PROXY for http and
 * where there is no other, NO_PROXY for exceptions, each in either case. None for this machine
 * itself: what is sent there, the API key included, must not pass by somebody else.
 */
export const chooseProxy = (target: URL, env: NodeJS.ProcessEnv) => {
  const plain = ["http_proxy", "HTTP_PROXY"];
  const names = target.protocol === "https:" ? ["https_proxy", "HTTPS_PROXY", ...plain] : plain;
  const variable = firstSet(names, env);
  if (variable === undefined || loopback.test(target.hostname)) return undefined;
  const exceptions = env[firstSet(["no_proxy", "NO_PROXY"], env) ?? ""] ?? "";
  const entries = exceptions.toLowerCase().split(/[,\s]+/);
  if (entries.some((entry) => isExempt(entry, target))) return undefined;
  const text = env[variable]?.trim() ?? "";
  // The scheme may be left out, as elsewhere.
  return { variable, uri: text.includes("://") ? text : `http://${text}` };
};

/** Connections kept open to the API at most; further requests wait for one. */
export const maxConnections = 16;

const pooling = {
  connections: maxConnections,
  /** How long an idle connection is kept at most, in milliseconds: a NAT may forget it soon after. */
  keepAliveMaxTimeout: 20_000,
  // undici's own limits are off: a call's deadline is what counts.
  headersTimeout: 0,
  bodyTimeout: 0,
};

const connecting = {
  /** Longest wait for one connection, in milliseconds; the call's deadline may come first. */
  timeout: 10_000,
  // A host may have several addresses. Node gives each 250 ms, which is less than a handshake takes
  // on a slow line, and less than a lost packet costs.
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: 2_500,
};

export type Connection = {
  dispatcher: Dispatcher;
  /** Asked while a request starts: whether nothing was sent on its connection before. */
  isNew: () => boolean;
};

type Connectable = { connect: buildConnector.connector };

/**
 * The connections to the proxy. Every failure is made one of the proxy's, which also keeps undici
 * from connecting again and again, without a pause, while a proxy hangs up on CONNECT.
 */
const proxyPool = (origin: URL, { connect }: Connectable, variable: string): Pool => {
  const pool = new Pool(origin, { connect });
  const ask = pool.connect.bind(pool);
  const asking = async (options: Dispatcher.ConnectOptions) => {
    const signal = AbortSignal.timeout(connecting.timeout);
    const answer = await ask({ ...options, signal }).catch((error: unknown) => {
      const { reason: cause, ...certificate } = unconnectedOf(error);
      throw new ProxyError(unreachable("proxy_unreachable", { variable, cause, ...certificate }));
    });
    const { statusCode: proxyStatus, socket } = answer;
    if (proxyStatus === 200) return answer;
    socket.on("error", () => {}).destroy();
    // A 5xx means that the proxy itself could not get through.
    throw new ProxyError(
      unreachable("proxy_refused", { proxyStatus, variable }, proxyStatus < 500),
    );
  };
  pool.connect = asking as Pool["connect"];
  return pool;
};

type Proxy = ReturnType<typeof chooseProxy>;

const connectionTo = (origin: string, proxy: Proxy): Connection => {
  if (proxy && !/^https?:/i.test(proxy.uri)) throw new Error("a proxy is http: or https:");
  let justConnected = false;
  const onConnect = () => {
    // undici starts the request that waited for a connection in the step in which it has one.
    justConnected = true;
    queueMicrotask(() => {
      justConnected = false;
    });
  };
  const poolOf = (target: string | URL, connect: buildConnector.connector) =>
    new Pool(target, { ...pooling, connect }).on("connect", onConnect);
  const dispatcher = proxy
    ? new ProxyAgent({
        uri: proxy.uri,
        proxyTls: connecting,
        factory: (target, options) => poolOf(target, (options as Connectable).connect),
        clientFactory: (to, options) => proxyPool(to, options as Connectable, proxy.variable),
      })
    : poolOf(origin, buildConnector(connecting));
  return { dispatcher, isNew: () => justConnected };
};

/** What connects to the API, directly or through a proxy. Throws for a proxy's odd address. */
export const createConnections = (origin: string, proxy: Proxy) => {
  let current = connectionTo(origin, proxy);
  const open = new Set([current]);
  return {
    current: (): Connection => current,
    /** From now on requests go on new connections; these close when what goes on there has ended. */
    giveUp: (silent: Connection): void => {
      // Another call may have done it.
      if (silent !== current) return;
      current = connectionTo(origin, proxy);
      open.add(current);
      silent.dispatcher.close(() => open.delete(silent));
    },
    close: async (): Promise<void> => {
      await Promise.all([...open].map(({ dispatcher }) => dispatcher.destroy()));
    },
  };
};
