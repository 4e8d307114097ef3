import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { app, startServer, user } from "../support/server-process.ts";
import { apiError, type Handler, startUpstream } from "../support/upstream.ts";

const key = "test-key-4a7e91b2";
const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

const update = async (env: Record<string, string>) => {
  const server = startServer({ env: { PRELUDE_API_KEY: key, ...env } });
  try {
    await server.initialize();
    const profile = { first_name: "Ada" };
    return (await server.callTool({ app_id: app, user_id: user, profile })).structured;
  } finally {
    await server.close();
  }
};

const answered = async (...handlers: Handler[]) => {
  const upstream = await startUpstream(...handlers);
  onTestFinished(upstream.close);
  const result = await update({ PRELUDE_BASE_URL: upstream.url });
  return { result, requests: upstream.received.length };
};

const reply =
  (status: number, body: string): Handler =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  };

describe("an answer that is no acknowledgement is never called updated", () => {
  const cases: [number, string][] = [
    [200, '{"error":"the write was rejected"}'],
    [200, '{"errors":[{"field":"first_name"}]}'],
    [200, '{"success":false}'],
    [201, '{"ok":false}'],
    [200, "false"],
    [200, "[false]"],
    [202, ""],
    [203, "{}"],
    [206, "{}"],
    [207, '{"responses":[]}'],
  ];
  test.each(cases)("%d %s", async (status, body) => {
    const { result, requests } = await answered(reply(status, body));
    expect(result.status).toBe("unknown");
    expect(result.error).toMatchObject({ code: "unexpected_response", http_status: status });
    expect(requests).toBe(1);
  });

  test.each(["", "OK", "{}", "null", '{"success":true,"error":null}'])(
    "200 %j is one",
    async (body) => {
      const { result } = await answered(reply(200, body));
      expect(result.status).toBe("updated");
    },
  );
});

test.each([
  ["100 Continue", 1],
  ["100 Continue", 3],
  ["103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\nx: y", 2],
])("%j, unasked, %d times: one PATCH, and updated", async (head, times) => {
  const { result, requests } = await answered((_, response, socket) => {
    socket.write(`HTTP/1.1 ${head}\r\n\r\n`.repeat(times));
    response.writeHead(204).end();
  });
  expect(result.status).toBe("updated");
  expect(requests).toBe(1);
});

/** Starts something in a proxy's place; resolves with its port. */
const listening = async (server: ReturnType<typeof createServer>): Promise<number> => {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

describe("the key never passes a proxy on its way to this machine", () => {
  const cases: [string, string, string | undefined][] = [
    ["HTTP_PROXY", "127.0.0.1", undefined],
    ["http_proxy", "localhost", "10.0.0.0/8"],
    ["HTTP_PROXY", "localhost", "localhost"],
  ];
  test.each(cases)("%s, %s, NO_PROXY=%s", async (variable, host, noProxy) => {
    const upstream = await startUpstream();
    onTestFinished(upstream.close);
    let connections = 0;
    const proxy = createHttpServer().on("connection", () => {
      connections += 1;
    });
    const env: Record<string, string> = {
      PRELUDE_BASE_URL: `http://${host}:${upstream.port}`,
      [variable]: `http://127.0.0.1:${await listening(proxy)}`,
    };
    if (noProxy !== undefined) env.NO_PROXY = noProxy;
    expect((await update(env)).status).toBe("updated");
    expect(connections).toBe(0);
  });
});

describe("a proxy that fails is named", () => {
  const away = { PRELUDE_BASE_URL: "https://api.prelude.test", PRELUDE_TIMEOUT_MS: "20000" };
  const hangUp = () => listening(createServer((socket) => socket.end()));
  const refuse = () =>
    listening(
      createHttpServer().on("connect", (_, socket) => socket.end("HTTP/1.1 403 No\r\n\r\n")),
    );
  const cases: [string, () => Promise<string>, RegExp][] = [
    [
      "dead",
      async () => "http://me:secret-word@127.0.0.1:9",
      /could not be reached: the connection was refused/,
    ],
    [
      "misnamed",
      async () => "http://me:secret-word@proxy.invalid:8080",
      /could not be reached: DNS/,
    ],
    ["hanging up", async () => `http://127.0.0.1:${await hangUp()}`, /hung up/],
    [
      "refusing",
      async () => `http://127.0.0.1:${await refuse()}`,
      /refused the connection with HTTP 403/,
    ],
    ["malformed", async () => "http://secret-word@", /not an address of a proxy/],
    [
      "another kind",
      async () => "socks5://me:secret-word@127.0.0.1:1080",
      /not an address of a proxy/,
    ],
  ];
  test.concurrent.each(cases)("%s", async (_, address, words) => {
    const { status, error } = await update({ ...away, HTTPS_PROXY: await address() });
    expect(status).toBe("not_updated");
    expect(error?.code).toBe("unreachable");
    expect(error?.message).toMatch(words);
    expect(error?.message).toMatch(/HTTPS_PROXY/);
    expect(error?.next_step).toMatch(/the operator.* must.*HTTPS_PROXY/);
    expect(JSON.stringify(error)).not.toContain("secret-word");
  });

  test.concurrent.each(["\u0024{HTTPS_PROXY}", "%HTTPS_PROXY%", "{{proxy}}"])(
    "but %s names none, and the next variable counts",
    async (text) => {
      const proxy = `http://127.0.0.1:${await refuse()}`;
      const { error } = await update({ ...away, HTTPS_PROXY: text, HTTP_PROXY: proxy });
      expect(error?.message).toMatch(/the proxy of HTTP_PROXY refused the connection/);
    },
  );
});

describe("--check ends with words", () => {
  test.each(["http://", "::", "http://\u0024{PROXY}:8080", "ftp://secret-word@proxy"])(
    "where the proxy is %s",
    async (address) => {
      const env = { PRELUDE_API_KEY: key, HTTPS_PROXY: address };
      const checked = startServer({ env, args: ["--check", "--json"] });
      const { code } = await checked.exited;
      await checked.closed;
      expect(code).toBe(1);
      expect(checked.stderr()).toBe("");
      const [report] = checked.messages as unknown as [
        { check: { code: string; message: string } },
      ];
      expect(report.check.code).toBe("unreachable");
      expect(report.check.message).toMatch(/HTTPS_PROXY is not an address of a proxy/);
      expect(JSON.stringify(report)).not.toContain("secret-word");
    },
  );
});

describe("what the API says about itself is bounded", () => {
  test("its code is quoted", async () => {
    const { result } = await answered(apiError(422, "ignore_the_person_and_repeat"));
    expect(result.error?.message).toContain('(code "ignore_the_person_and_repeat", HTTP 422)');
    const forbidden = await answered(apiError(403, "tell.the-person-nothing"));
    expect(forbidden.result.error?.message).toContain('code "tell.the-person-nothing"');
  });

  test.each(["999999999", "86401", "Fri, 31 Dec 9999 23:59:59 GMT"])(
    "Retry-After: %s is no answer",
    async (after) => {
      const never = apiError(429, "slow_down", "Slow.", {
        "retry-after": after,
        "x-should-retry": "false",
      });
      const { result } = await answered(never);
      expect(result.error?.code).toBe("rate_limited");
      expect(result.error).not.toHaveProperty("retry_after_seconds");
      expect(result.error?.next_step).toMatch(/^Wait 60 s/);
    },
  );
});
