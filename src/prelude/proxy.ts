import { BlockList, isIP, isIPv6 } from "node:net";

type Environment = Readonly<Record<string, string | undefined>>;

export type ProxyChoice =
  | { kind: "direct" }
  | { kind: "proxy"; uri: string; variable: string }
  | { kind: "invalid"; variable: string };

const direct: ProxyChoice = { kind: "direct" };

/** What a host passes on when it did not fill in a variable: `${X}`, `$X`, `%X%`, `{{x}}`, `<x>`. */
const placeholder = /^(?:\$\{[^}]*\}|\$\w+|%[^%]+%|\{\{[^}]*\}\}|<[^>]*>)$/;

const familyOf = (address: string) => (isIPv6(address) ? "ipv6" : "ipv4");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/** A host name or an address as URLs spell it, without brackets and the root's dot. */
const plainHost = (hostname: string): string => hostname.toLowerCase().replace(/^\[|\]$|\.$/g, "");

/** Whether a host is this machine: 127.0.0.0/8, `::1`, `localhost` and all names below it. */
const isLoopback = (host: string): boolean =>
  isIP(host) > 0 ? loopback.check(host, familyOf(host)) : /(?:^|\.)localhost$/.test(host);

const inSubnet = (host: string, subnet: string): boolean => {
  const [network = "", bits = ""] = subnet.split("/");
  if (isIP(host) === 0 || isIP(network) === 0 || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (isIPv6(network) ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), familyOf(network));
  return list.check(host, familyOf(host));
};

/** One entry of NO_PROXY: `*`, a host and all below it, a subnet; a port may follow a host. */
const isExempt = (entry: string, host: string, port: string): boolean => {
  if (entry === "*") return true;
  if (entry.includes("/")) return inSubnet(host, entry);
  const [, name = entry, wantedPort] = /^([^:]+|\[.*\]):(\d+)$/.exec(entry) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const exempt = plainHost(name.replace(/^\*?\./, ""));
  return host === exempt || (exempt !== "" && host.endsWith(`.${exempt}`));
};

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** The first of these variables that holds something, which a placeholder is not. */
const firstSet = (names: readonly string[], env: Environment): string | undefined =>
  names.find((name) => {
    const text = env[name]?.trim() ?? "";
    return text !== "" && !placeholder.test(text);
  });

const isProxied = (target: URL, host: string, env: Environment): boolean => {
  const list = env[firstSet(["no_proxy", "NO_PROXY"], env) ?? ""] ?? "";
  const entries = list.toLowerCase().split(/[,\s]+/);
  const port = target.port || (defaultPorts[target.protocol] ?? "");
  return !entries.some((entry) => entry !== "" && isExempt(entry, host, port));
};

/** A usable address of a proxy: host, port and credentials. The scheme may be left out, as elsewhere. */
const uriOf = (text: string): string | undefined => {
  const uri = text.includes("://") ? text : `http://${text}`;
  if (!URL.canParse(uri)) return undefined;
  const { protocol, host, hostname, username, password, pathname, search, hash } = new URL(uri);
  // A variable inside of the address that was not filled in is a legal host name for URL.
  if (!/^https?:$/.test(protocol) || !/^[\w.:[\]-]+$/.test(hostname)) return undefined;
  // What has more is not a proxy's address but, say, that of a file about proxies.
  if (pathname !== "/" || search !== "" || hash !== "") return undefined;
  try {
    decodeURIComponent(username + password);
  } catch {
    return undefined;
  }
  const secret = password === "" ? "" : `:${password}`;
  return `${protocol}//${username}${secret}${username || password ? "@" : ""}${host}`;
};

/**
 * Which proxy the environment wants for a target: HTTPS_PROXY for https, HTTP_PROXY for http and
 * where there is no other, NO_PROXY for exceptions, each in either case. None for this machine
 * itself: what is sent there, the API key included, must not pass by somebody else.
 */
export const chooseProxy = (target: URL, env: Environment): ProxyChoice => {
  const names =
    target.protocol === "https:"
      ? ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"]
      : ["http_proxy", "HTTP_PROXY"];
  const variable = firstSet(names, env);
  const host = plainHost(target.hostname);
  if (variable === undefined || isLoopback(host) || !isProxied(target, host, env)) return direct;
  const uri = uriOf(env[variable]?.trim() ?? "");
  return uri === undefined ? { kind: "invalid", variable } : { kind: "proxy", uri, variable };
};
