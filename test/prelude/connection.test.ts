import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { chooseProxy } from "../../src/prelude/connection.ts";
import { startFaultServer } from "../support/fault-server.ts";
import { appId, done, scopeOf, send, setTheScene } from "./scene.ts";

const { server, closers, newClient, scene, listen } = setTheScene();

describe("a proxy", () => {
  beforeEach(() => {
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]) {
      vi.stubEnv(name, undefined);
      vi.stubEnv(name.toLowerCase(), undefined);
    }
  });
  afterEach(() => vi.unstubAllEnvs());

  /** The fault server under a name that no proxy is passed by for; only a proxy can resolve it. */
  const named = (port: number, scheme = "http") => `${scheme}://api.prelude.test:${port}`;

  type OnConnect = (socket: Socket, target: string) => void;

  const tunnel: OnConnect = (socket, target) => {
    const upstream = connect(Number(target.split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    upstream.on("close", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
  };

  const startProxy = async (onConnect: OnConnect = tunnel) => {
    const connects: { target: string; authorization: string | undefined }[] = [];
    const plain = createHttpServer((_, response) => response.writeHead(500).end());
    plain.on("connect", ({ url = "", headers }, socket: Socket) => {
      connects.push({ target: url, authorization: headers["proxy-authorization"] });
      onConnect(socket, url);
    });
    const port = await listen(plain);
    return { url: `http://127.0.0.1:${port}`, port, connects };
  };

  const through = (name: string, proxy: string, baseUrl = named(server().port)) => {
    vi.stubEnv(name, proxy);
    return newClient({ baseUrl, useProxy: true });
  };

  const names = ["HTTP_PROXY", "http_proxy"];
  test.each(names)("in %s is used, with its credentials, which go no further", async (name) => {
    const proxy = await startProxy();
    const { user, stage } = scene([]);
    const client = through(name, proxy.url.replace("//", "//me:p%40ss@"));
    expect(await send(client, user)).toEqual(done(1));
    const authorization = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    expect(proxy.connects).toEqual([
      { target: `api.prelude.test:${server().port}`, authorization },
    ]);
    expect(stage.received[0]?.headers).not.toHaveProperty("proxy-authorization");
  });

  test.each(["HTTPS_PROXY", "https_proxy"])("in %s is used for https", async (name) => {
    const own = await startFaultServer("valid");
    closers.push(own.close);
    const proxy = await startProxy();
    const { failure } = await send(through(name, proxy.url, named(own.port, "https")), "usr_1");
    expect(proxy.connects.map(({ target }) => target)).toEqual([`api.prelude.test:${own.port}`]);
    // Through the tunnel, the certificate that was seen is the API's, and it was looked at.
    expect(failure?.reason).toBe("certificate");
  });

  test("is passed by for the hosts in NO_PROXY, and where proxies are off", async () => {
    const proxy = await startProxy();
    vi.stubEnv("HTTP_PROXY", proxy.url);
    const baseUrl = named(server().port);
    const { failure } = await send(newClient({ baseUrl, useProxy: false }), "usr_1");
    // Without the proxy, nobody knows this name.
    expect(failure?.reason).toBe("dns_failed");
    vi.stubEnv("NO_PROXY", "example.com, .prelude.test");
    const exempt = await send(newClient({ baseUrl, useProxy: true }), "usr_1");
    expect(exempt.failure?.reason).toBe("dns_failed");
    expect(proxy.connects).toEqual([]);
  });

  const unusable = [
    ...["http://", "http://proxy:99999", "http://me:100%@proxy:8080", "socks5://127.0.0.1:1"],
    ...["http://<host>:8080", "%HOST%:8080"],
  ];
  test.each(unusable)(
    "at %s is a failure with a reason, before anything is sent",
    async (address) => {
      const client = through("HTTP_PROXY", address);
      const expected = {
        code: "unreachable",
        mayHaveWritten: false,
        retryable: false,
        reason: "proxy_invalid",
        reasonDetail: { variable: "HTTP_PROXY" },
      };
      const outcome = { attempts: 0, failure: expected };
      expect(await send(client, "usr_1")).toEqual(outcome);
      expect(await client.findUsers(appId, { by: "user_id", value: "usr_1" }, scopeOf())).toEqual(
        outcome,
      );
      await client.close();
    },
  );

  test.each(["$HTTPS_PROXY", "<proxy>", " "])("named by %j only is none", async (text) => {
    const proxy = await startProxy();
    vi.stubEnv("http_proxy", text);
    vi.stubEnv("HTTP_PROXY", proxy.url);
    const options = { baseUrl: named(server().port), useProxy: true };
    const { user } = scene([]);
    expect(await send(newClient(options), user)).toEqual(done(1));
    vi.stubEnv("HTTP_PROXY", text);
    expect((await send(newClient(options), user)).failure?.reason).toBe("dns_failed");
  });

  test.each([407, 403, 404])("that answers %d is named, and not asked again", async (status) => {
    const proxy = await startProxy((socket) => {
      socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    });
    expect(await send(through("HTTP_PROXY", proxy.url), "usr_1")).toEqual({
      attempts: 1,
      failure: {
        code: "unreachable",
        mayHaveWritten: false,
        retryable: false,
        reason: "proxy_refused",
        reasonDetail: { proxyStatus: status, variable: "HTTP_PROXY" },
      },
    });
    expect(proxy.connects).toHaveLength(1);
  });

  const closedPort = async () => {
    const closed = createServer();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    return port;
  };
  const garbage = () => listen(createServer((socket) => socket.end("SSH-2.0-x\r\n\r\n")));
  const hangUp = () => listen(createServer((socket) => socket.end()));
  const broken: [string, () => Promise<string>, string, string | undefined][] = [
    ["is dead", async () => `${await closedPort()}`, "proxy_unreachable", "connection_refused"],
    ["speaks no HTTP", async () => `${await garbage()}`, "proxy_unreachable", "closed_before_sent"],
    ["hangs up", async () => `${await hangUp()}`, "proxy_unreachable", "closed_before_sent"],
    ["speaks no TLS", async () => `https ${await garbage()}`, "proxy_unreachable", "tls_failed"],
  ];
  test.each(broken)("that %s is named as the proxy", async (_, address, reason, cause) => {
    for (const scheme of ["http", "https"]) {
      const [port = "", spoken = "http"] = (await address()).split(" ").reverse();
      const proxy = `${spoken}://me:secret-word@localhost:${port}`;
      const client = through("HTTP_PROXY", proxy, named(server().port, scheme));
      const { attempts, failure } = await send(client, "usr_1");
      expect(attempts).toBe(cause === "tls_failed" ? 1 : 3);
      expect(failure).toMatchObject({ code: "unreachable", mayHaveWritten: false, reason });
      expect(failure?.reasonDetail?.variable).toBe("HTTP_PROXY");
      expect(failure?.reasonDetail?.cause).toBe(cause);
      expect(JSON.stringify(failure)).not.toContain("secret-word");
    }
  });

  test("that hangs up is asked as often as the policy says, and no more", async () => {
    const proxy = await startProxy((socket) => socket.end());
    const outcome = await send(through("HTTP_PROXY", proxy.url), "usr_1", { timeoutMs: 1_000 });
    expect(outcome).toMatchObject({
      attempts: 3,
      failure: { code: "unreachable", mayHaveWritten: false },
    });
    expect(proxy.connects).toHaveLength(3);
  });
});

describe("which proxy the environment wants", () => {
  const some = { HTTPS_PROXY: "http://proxy:1" };
  const of = (url: string, env: Record<string, string>) => {
    const proxy = chooseProxy(new URL(url), env);
    return proxy?.uri ?? "direct";
  };

  const loopback = [
    ...["http://127.0.0.1", "http://127.8.9.10:80", "http://127.1", "https://0x7f000001"],
    ...["http://localhost", "http://LOCALHOST.", "https://api.localhost:8443", "http://[::1]:80"],
    ...["http://[::ffff:127.0.0.1]"],
  ];
  test.each(loopback)("none for %s", (url) => {
    for (const no of ["", "*", "example.com", "127.0.0.1"]) {
      const env = { ...some, HTTP_PROXY: "http://proxy:2", NO_PROXY: no };
      expect(of(url, env)).toBe("direct");
    }
  });

  const others = ["https://api.prelude.dev", "https://localhost.example.com", "https://128.0.0.1"];
  test.each([...others, "https://notlocalhost", "https://[::2]"])("its own for %s", (url) => {
    expect(of(url, some)).toBe("http://proxy:1");
    expect(of(url, { ...some, https_proxy: "http://proxy:2" })).toBe("http://proxy:2");
    expect(of(url, { HTTP_PROXY: "proxy:3" })).toBe("http://proxy:3");
    expect(of(url, {})).toBe("direct");
  });

  const addresses: [string, string][] = [
    ["http://me:p%40ss@proxy:1/", "http://me:p%40ss@proxy:1/"],
    ["HTTPS://Proxy:443", "HTTPS://Proxy:443"],
  ];
  test.each(addresses)("%s: %s", (address, uri) => {
    expect(of("https://api.prelude.dev", { HTTPS_PROXY: address })).toBe(uri);
  });

  const exceptions: [string, string, boolean][] = [
    ["api.prelude.dev", "https://api.prelude.dev", true],
    ["PRELUDE.dev", "https://api.prelude.dev", true],
    [".prelude.dev", "https://api.prelude.dev", true],
    ["*.prelude.dev", "https://api.prelude.dev", true],
    ["example.com prelude.dev:443", "https://api.prelude.dev", true],
    ["example.com, prelude.dev:8443", "https://api.prelude.dev", false],
    ["elude.dev", "https://api.prelude.dev", false],
    ["*", "https://api.prelude.dev", true],
    ["a,*", "https://api.prelude.dev", true],
    ["[fd12::1]:443", "https://[fd12::1]", true],
    [",", "https://api.prelude.dev", false],
  ];
  test.each(exceptions)("NO_PROXY=%j, %s: %s", (list, url, exempt) => {
    for (const name of ["NO_PROXY", "no_proxy"]) {
      expect(of(url, { ...some, [name]: list })).toBe(exempt ? "direct" : "http://proxy:1");
    }
  });

  test.each(["\u0024{no_proxy}", "", " ", "%no_proxy%"])(
    "no_proxy=%j hides no NO_PROXY",
    (none) => {
      const env = { ...some, no_proxy: none, NO_PROXY: "prelude.dev" };
      expect(of("https://api.prelude.dev", env)).toBe("direct");
      expect(of("https://example.com", env)).toBe("http://proxy:1");
    },
  );
});
