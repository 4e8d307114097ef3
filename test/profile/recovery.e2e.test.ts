import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as tick } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificates } from "../support/certificates.ts";
import {
  apiBody,
  applied,
  drop,
  type FaultServer,
  honest,
  never,
  reply,
  type Stage,
  type Step,
  startFaultServer,
} from "../support/fault-server.ts";
import { app, type ServerProcess, startServer } from "../support/server-process.ts";

const key = "test-key-93ae";
const quietly = { "retry-after-ms": "1" };

let upstream: FaultServer;
let folder: string;
let users = 0;

beforeAll(async () => {
  upstream = await startFaultServer();
  folder = mkdtempSync(join(tmpdir(), "recovery-"));
});

afterAll(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = async (env: Record<string, string> = {}): Promise<ServerProcess> => {
  const server = startServer({
    env: { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url, ...env },
  });
  await server.initialize();
  return server;
};

/** Runs with a server of its own, which is closed behind it, and checked for pure output. */
const withServer = async <T>(
  env: Record<string, string>,
  run: (server: ServerProcess) => Promise<T>,
): Promise<T> => {
  const server = await start(env);
  try {
    return await run(server);
  } finally {
    await server.close();
  }
};

const newStage = (scene: Partial<Stage> = {}) => {
  users += 1;
  const user = `usr_recovery${users}`;
  return { user, stage: upstream.stage(user, scene) };
};

const argsFor = (user: string, profile: Record<string, string>, more: object = {}) => ({
  app_id: app,
  user_id: user,
  profile,
  ...more,
});

const five = { first_name: "Ada", sub: "x", city: "London", created_at: "y", plan: "pro" };
const reserved = new Set(["sub", "created_at"]);
const kept = { first_name: "Ada", city: "London", plan: "pro" };
const skip = { on_reserved_key: "skip" };

describe("reserved keys", () => {
  test.each(["merge", "replace"] as const)("two calls recover: fail, then skip (%s)", (semantics) =>
    withServer({}, async (server) => {
      const { user, stage } = newStage({ semantics, reserved, profile: new Map([["old", "1"]]) });

      const failed = await server.callTool(argsFor(user, five));
      expect(failed.structured).toMatchObject({
        status: "not_updated",
        updated_keys: [],
        error: { code: "reserved_profile_key", keys: Object.keys(five), retryable: false },
      });
      expect(failed.structured.error?.next_step).toContain('on_reserved_key set to "skip"');
      expect([stage.received.length, stage.applied.length]).toEqual([1, 0]);

      const skipped = await server.callTool(argsFor(user, five, skip));
      expect(skipped.isError).toBe(true);
      expect(skipped.structured).toMatchObject({
        status: "partially_updated",
        updated_keys: Object.keys(kept),
        attempts: stage.received.length - 1,
        error: { code: "reserved_profile_key", keys: ["sub", "created_at"], retryable: false },
      });
      const next = skipped.structured.error?.next_step;
      expect(next).toMatch(/Tell the person.*"first_name", "city", "plan".*"sub", "created_at"/);
      const before = semantics === "merge" ? { old: "1" } : {};
      expect(Object.fromEntries(stage.profile)).toEqual({ ...before, ...kept });
      expect(stage.received.at(-1)?.profile).toEqual(kept);
    }),
  );

  test("if all are reserved, skip writes nothing and says so", () =>
    withServer({}, async (server) => {
      const { user, stage } = newStage({ reserved });
      const { structured } = await server.callTool(
        argsFor(user, { sub: "x", created_at: "y" }, skip),
      );
      expect(structured).toMatchObject({
        status: "not_updated",
        updated_keys: [],
        error: { code: "reserved_profile_key", keys: ["sub", "created_at"] },
      });
      expect(structured.error?.next_step).not.toContain("skip");
      expect(stage.applied).toEqual([]);
    }));

  const stops: [string, Step[], object][] = [
    [
      "the deadline, after a part was accepted",
      [honest, honest, never],
      { status: "unknown", updated_keys: ["a", "b"], error: { code: "timeout", retryable: true } },
    ],
    [
      "another error, after a part was accepted",
      [honest, honest, reply(404, apiBody("user_not_found"))],
      { status: "unknown", updated_keys: ["a", "b"], error: { code: "user_not_found" } },
    ],
    [
      "another error, before anything was accepted",
      [honest, reply(401)],
      { status: "not_updated", updated_keys: [], error: { code: "unauthorized" } },
    ],
    [
      "a loss that may have written, and an error",
      [honest, applied(reply(503, "", quietly)), reply(401)],
      { status: "unknown", updated_keys: [], error: { code: "unauthorized" } },
    ],
    [
      "an answer that asks for more time than there is",
      [honest, honest, reply(429, "", { "retry-after": "120" })],
      {
        status: "unknown",
        updated_keys: ["a", "b"],
        error: { code: "rate_limited", retry_after_seconds: 120 },
      },
    ],
  ];
  test.each(stops)("skip is stopped by %s", async (_, steps, expected) =>
    withServer({ PRELUDE_TIMEOUT_MS: "1500" }, async (server) => {
      const { user } = newStage({ reserved, steps });
      const { structured } = await server.callTool(
        argsFor(user, { a: "1", b: "2", sub: "3", c: "4" }, skip),
      );
      expect(structured).toMatchObject(expected);
      const unknown = structured.status === "unknown";
      expect(structured.error?.next_step.includes("unknown")).toBe(unknown);
    }),
  );

  const wrongly: Step = reply(400, apiBody("reserved_profile_key"));
  const taken: Step = applied(reply(500, "", quietly));
  /** An API that takes everything the first time, whatever it says of it later. */
  const takenInto =
    (stored: Map<string, string>): Step =>
    (exchange) => {
      for (const [name, value] of Object.entries(exchange.request.profile)) stored.set(name, value);
      return reply(500, "", quietly)(exchange);
    };

  test.each<[what: string, steps: Step[], status: string]>([
    ["the first answer", [wrongly], "updated"],
    ["the answer to half of the keys", [wrongly, wrongly], "updated"],
    ["the answer to a repeat of what was taken", [taken, wrongly], "updated"],
    ["the answer to a single key", [wrongly, wrongly, wrongly], "partially_updated"],
  ])("where %s was wrong, no claim is", (_, steps, status) =>
    withServer({}, async (server) => {
      const { user, stage } = newStage({ steps });
      const profile = { a: "1", b: "2", c: "3", d: "4" };
      const { structured } = await server.callTool(argsFor(user, profile, skip));
      expect(structured.status).toBe(status);
      expect([...stage.profile.keys()].sort()).toEqual([...structured.updated_keys].sort());
      for (const name of structured.error?.keys ?? []) {
        expect(stage.received.map((request) => Object.keys(request.profile))).toContainEqual([
          name,
        ]);
      }
    }),
  );

  test.each<[what: string, profile: Record<string, string>, of: ReadonlySet<string>]>([
    ["two of five", five, reserved],
    ["one of two", { sub: "x", plan: "pro" }, reserved],
    ["all", { sub: "x", created_at: "y" }, reserved],
  ])("what an attempt may have written stays unknown: %s are reserved", (_, profile, of) =>
    withServer({}, async (server) => {
      const stored = new Map<string, string>();
      const steps = [takenInto(stored)];
      const { user } = newStage({ reserved: of, profile: stored, steps });
      const { structured } = await server.callTool(argsFor(user, profile, skip));
      expect(Object.fromEntries(stored)).toEqual(profile);
      expect(structured).toMatchObject({
        status: "unknown",
        updated_keys: Object.keys(profile).filter((name) => !of.has(name)),
        error: { code: "reserved_profile_key" },
      });
      const { message, next_step } = structured.error ?? {};
      expect(`${message} ${next_step}`).toContain("unknown");
      expect(`${message} ${next_step}`).not.toMatch(
        /only the other keys|what was saved|nothing was/,
      );
    }),
  );

  const busy = reply(503, "", quietly);
  test.each<[what: string, steps: Step[], first: object, next: RegExp]>([
    [
      "a fault before the search",
      [busy],
      { updated_keys: ["a", "b"], error: { code: "reserved_profile_key", retryable: false } },
      /^Tell the person that this tool cannot set "sub".* The call without "sub" is safe to make and settles it: /,
    ],
    [
      "a fault at its end",
      [honest, honest, honest, busy, busy, busy],
      { updated_keys: ["a"], error: { code: "upstream_error", retryable: true } },
      /^Wait 1 s, then repeat the call without "sub" \(which Prelude reserves\) once; .* The call without "sub" is safe/,
    ],
    [
      "no time for its end",
      [honest, honest, honest, never],
      { updated_keys: ["a"], error: { code: "timeout", retryable: true } },
      /^Repeat the call without "sub" \(which Prelude reserves\) and with fewer keys once; /,
    ],
  ])("%s leaves it open, and following the advice settles it", (_, steps, first, next) =>
    withServer({ PRELUDE_TIMEOUT_MS: "1500" }, async (server) => {
      const { user, stage } = newStage({ reserved, steps });
      const open = await server.callTool(argsFor(user, { a: "1", sub: "2", b: "3" }, skip));
      expect(open.structured).toMatchObject({ status: "unknown", ...first });
      expect(open.structured.error?.next_step).toMatch(next);
      expect(open.structured.error?.next_step).not.toContain("identical");
      const { structured } = await server.callTool(argsFor(user, { a: "1", b: "3" }, skip));
      expect(structured.status).toBe("updated");
      expect(Object.fromEntries(stage.profile)).toEqual({ a: "1", b: "3" });
    }),
  );

  test.each<[semantics: Stage["semantics"], rivals: string[], of: ReadonlySet<string>]>([
    ["merge", ["first_name", "plan"], new Set()],
    ["replace", ["city", "plan"], new Set()],
    ["merge", ["first_name", "city", "plan"], reserved],
  ])(
    "keys refused only together (%s, %j) are named, and not called reserved",
    (semantics, rivals, of) =>
      withServer({}, async (server) => {
        const { user } = newStage({ semantics, rivals, reserved: of });
        const { structured } = await server.callTool(argsFor(user, five, skip));
        expect(structured).toMatchObject({
          status: "unknown",
          updated_keys: Object.keys(five).filter((name) => !of.has(name)),
          error: { code: "reserved_profile_key" },
        });
        const { message = "", keys = [] } = structured.error ?? {};
        expect(keys).toEqual([...of]);
        for (const name of rivals) expect(message).toContain(`"${name}"`);
        expect(message).toContain("together");
      }),
  );

  test("an API that refuses together what it accepted alone is not believed", () =>
    withServer({}, async (server) => {
      const contrary: Step = (exchange) => {
        const one = Object.keys(exchange.request.profile).length === 1;
        return one ? honest(exchange) : reply(400, apiBody("reserved_profile_key"))(exchange);
      };
      const { user } = newStage({ reserved, otherwise: contrary });
      const { structured } = await server.callTool(
        argsFor(user, { a: "1", sub: "2", b: "3" }, skip),
      );
      expect(structured).toMatchObject({ status: "unknown", updated_keys: ["a", "b"] });
      const { message, next_step } = structured.error ?? {};
      expect(`${message} ${next_step}`).toContain("unknown");
      expect(`${message} ${next_step}`).not.toMatch(/other keys were written|what was saved/);
    }));
});

describe("repeats", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(async () => {
    await server.close();
  });

  const progressOf = (token: string) =>
    server.messages.flatMap(({ method, params }) =>
      method === "notifications/progress" && params?.progressToken === token ? [params] : [],
    );

  test("are counted in the result, and announced to a client that wants to know", async () => {
    const { user } = newStage({ steps: [reply(503, "", quietly), drop] });
    const meta = { progressToken: "wait" };
    const { structured } = await server.callTool(argsFor(user, { a: "1" }), undefined, meta);
    expect(structured).toMatchObject({ status: "updated", attempts: 3 });
    expect(progressOf("wait")).toEqual([
      {
        progressToken: "wait",
        progress: 1,
        message: expect.stringMatching(/^Prelude answered 503 at attempt 1; repeating in 0\.0 s$/),
      },
      {
        progressToken: "wait",
        progress: 2,
        message: expect.stringMatching(/^The connection to Prelude failed at attempt 2; .* s$/),
      },
    ]);
  });

  test("are not announced to a client that does not ask", async () => {
    const { user } = newStage({ steps: [reply(503, "", quietly)] });
    const before = server.messages.length;
    const { structured } = await server.callTool(argsFor(user, { a: "1" }));
    expect(structured).toMatchObject({ status: "updated", attempts: 2 });
    expect(server.messages.length).toBe(before + 1);
  });

  test("a call that needed none does not count them", async () => {
    const { user } = newStage();
    const { structured } = await server.callTool(argsFor(user, { a: "1" }));
    expect(structured).not.toHaveProperty("attempts");
  });

  test("are left to the agent where Retry-After is beyond the deadline", async () => {
    const { user, stage } = newStage({ steps: [reply(429, "", { "retry-after": "61" })] });
    const started = performance.now();
    const { structured } = await server.callTool(argsFor(user, { a: "1" }));
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(structured).toMatchObject({
      status: "not_updated",
      error: { code: "rate_limited", retryable: true, retry_after_seconds: 61 },
    });
    expect(structured.error?.next_step).toContain("Wait 61 s");
    expect(stage.received).toHaveLength(1);
  });

  test("a refusal after a lost attempt stays unknown", async () => {
    const gone = reply(404, apiBody("user_not_found"));
    const { user } = newStage({ steps: [applied(drop), gone] });
    const { structured } = await server.callTool(argsFor(user, { a: "1" }));
    expect(structured).toMatchObject({
      status: "unknown",
      attempts: 2,
      error: { code: "user_not_found", http_status: 404 },
    });
    expect(structured.error?.message).toContain("one of the attempts may have been applied");
  });

  test("what is still unknown after them is settled by the identical call", async () => {
    const fail = applied(reply(502, "", quietly));
    const { user, stage } = newStage({ steps: [fail, fail, fail] });
    const first = await server.callTool(argsFor(user, { a: "1" }));
    expect(first.structured).toMatchObject({
      status: "unknown",
      attempts: 3,
      error: { code: "upstream_error", retryable: true, http_status: 502 },
    });
    expect(first.structured.error?.next_step).toContain("safe to repeat");
    const second = await server.callTool(argsFor(user, { a: "1" }));
    expect(second.structured.status).toBe("updated");
    expect(stage.received).toHaveLength(4);
  });
});

describe("order", () => {
  test("200 calls over 20 users: all answered, in order for each user, on 16 connections", async () => {
    const own = await startFaultServer();
    let running = 0;
    let mostRunning = 0;
    const slowly: Step = async (exchange) => {
      running += 1;
      mostRunning = Math.max(mostRunning, running);
      // Long enough for other calls to overtake, if they could.
      for (let i = 0; i < 20; i++) await tick();
      running -= 1;
      honest(exchange);
    };
    const stages = Array.from({ length: 20 }, (_, i) =>
      own.stage(`usr_${i}`, { otherwise: slowly }),
    );
    const env = { PRELUDE_BASE_URL: own.url, PRELUDE_MAX_WRITES_PER_MINUTE: "0" };
    const answers = await withServer(env, (server) =>
      Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          server.callTool(argsFor(`usr_${i % 20}`, { n: `${Math.floor(i / 20)}` })),
        ),
      ),
    );
    await own.close();
    expect(answers.map(({ structured }) => structured.status)).toEqual(Array(200).fill("updated"));
    for (const { received, profile } of stages) {
      expect(received.map((request) => request.profile.n)).toEqual([..."0123456789"]);
      expect(profile.get("n")).toBe("9");
    }
    expect(own.mostSockets()).toBeLessThanOrEqual(16);
    expect(mostRunning).toBeGreaterThan(8);
  });

  test("a repeat of an older call comes before the newer one", () =>
    withServer({}, async (server) => {
      const { user, stage } = newStage({ steps: [drop] });
      const [older, newer] = await Promise.all(
        ["1", "2"].map((n) => server.callTool(argsFor(user, { n }))),
      );
      expect([older?.structured.attempts, newer?.structured.attempts]).toEqual([2, undefined]);
      expect(stage.received.map(({ profile }) => profile.n)).toEqual(["1", "1", "2"]);
    }));

  test("a cancelled call is aborted, and releases its turn at once", () =>
    withServer({}, async (server) => {
      const { user, stage } = newStage({ steps: [never] });
      const cancellable = (id: number, n: string) => {
        const params = { name: "update_user_profile", arguments: argsFor(user, { n }) };
        // Never answered: it is rejected when the server ends.
        server.request("tools/call", params, id).catch(() => {});
      };
      cancellable(41, "1");
      await upstream.until(() => stage.received.length === 1);
      // One waits behind it and is cancelled as well; the last must still get its turn.
      cancellable(42, "2");
      const last = server.callTool(argsFor(user, { n: "3" }));
      for (const requestId of [42, 41]) {
        server.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
      }
      expect((await last).structured.status).toBe("updated");
      await stage.received[0]?.closed;
      expect(stage.received.map(({ profile }) => profile.n)).toEqual(["1", "3"]);
      expect(server.messages.map(({ id }) => id)).not.toContain(41);
      expect(server.messages.map(({ id }) => id)).not.toContain(42);
    }));

  test("a call that times out releases its turn; one that only waited wrote nothing", () =>
    withServer({ PRELUDE_TIMEOUT_MS: "600" }, async (server) => {
      const { user, stage } = newStage({ steps: [never] });
      const first = server.callTool(argsFor(user, { n: "1" }));
      await upstream.until(() => stage.received.length === 1);
      expect((await first).structured).toMatchObject({
        status: "unknown",
        error: { code: "timeout", retryable: true },
      });
      expect((await server.callTool(argsFor(user, { n: "2" }))).structured.status).toBe("updated");

      const blocked = newStage({ otherwise: never });
      const names = ["1", "2", "3"];
      const answers = await Promise.all(
        names.map((n) => server.callTool(argsFor(blocked.user, { n }))),
      );
      // The turn of one that waited may come with its last millisecond.
      const sent = blocked.stage.received.map(({ profile }) => profile.n);
      expect(sent[0]).toBe("1");
      for (const [i, { structured }] of answers.entries()) {
        expect(structured.error).toMatchObject({ code: "timeout", retryable: true });
        if (structured.status === "not_updated") expect(sent).not.toContain(names[i]);
        else expect(structured.status).toBe("unknown");
      }
    }));
});

describe("TLS", () => {
  const trusted = (name: keyof typeof certificates) => {
    const file = join(folder, `${name}.pem`);
    writeFileSync(file, certificates[name]);
    return file;
  };

  const over = async (name: keyof typeof certificates) => {
    const own = await startFaultServer(name);
    const stage = own.stage("usr_tls");
    const env = { PRELUDE_BASE_URL: own.url, NODE_EXTRA_CA_CERTS: trusted(name) };
    const answer = await withServer(env, (server) =>
      server.callTool(argsFor("usr_tls", { a: "1" })),
    );
    await own.close();
    return { answer, stage };
  };

  test("with a certificate that the operator added works", async () => {
    const { answer, stage } = await over("valid");
    expect(answer.structured.status).toBe("updated");
    expect(stage.applied).toHaveLength(1);
  });

  test.each([
    ["expired", "its TLS certificate has expired"],
    ["early", "its TLS certificate is not valid yet"],
    ["elsewhere", "its TLS certificate is for another host name"],
  ] as const)("with a certificate that is %s fails in words", async (name, cause) => {
    const { answer, stage } = await over(name);
    expect(answer.structured).toMatchObject({
      status: "not_updated",
      error: { code: "unreachable", retryable: false },
    });
    expect(answer.structured.error?.message).toContain(cause);
    expect(answer.structured.error?.next_step).toMatch(/the operator.* must fix this/);
    expect(stage.received).toHaveLength(0);
  });
});

describe("a proxy in the environment", () => {
  test("is used, and a mistake in its address is an answer that says so", async () => {
    const targets: string[] = [];
    const proxy = createServer();
    proxy.on("connect", ({ url = "" }, socket: Socket) => {
      targets.push(url);
      socket.on("error", () => {}).end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const elsewhere = { PRELUDE_BASE_URL: "https://api.prelude.test" };

    const { user } = newStage();
    const used = await withServer(
      { ...elsewhere, HTTP_PROXY: `http://127.0.0.1:${port}` },
      (server) => server.callTool(argsFor(user, { a: "1" })),
    );
    expect(used.structured.error?.code).toBe("unreachable");
    expect(targets).toEqual(["api.prelude.test:443"]);
    proxy.close();

    const wrong = await withServer({ ...elsewhere, HTTP_PROXY: "http://" }, (server) =>
      server.callTool(argsFor(user, { a: "1" })),
    );
    expect(wrong.structured).toMatchObject({
      status: "not_updated",
      error: { code: "unreachable", retryable: false },
    });
  });
});

test("an answer that echoes the key brings it neither into the result nor into the audit file", async () => {
  const file = join(folder, "audit.jsonl");
  const echo = `Bearer ${key}`;
  const { user } = newStage({
    steps: [
      reply(400, apiBody("invalid_request", echo), { "x-request-id": key }),
      reply(409, apiBody(key, echo), { "cf-ray": key }),
    ],
  });
  await withServer({ PRELUDE_AUDIT_LOG: file, PRELUDE_LOG_LEVEL: "debug" }, async (server) => {
    for (const code of ["invalid_request", "api_error"]) {
      const { text, structured } = await server.callTool(argsFor(user, { a: "1" }));
      expect(structured.error?.code).toBe(code);
      expect(text).not.toContain(key);
      expect(JSON.stringify(structured)).not.toContain(key);
    }
    expect(server.stderr()).not.toContain(key);
  });
  const audit = readFileSync(file, "utf8");
  expect(audit.trim().split("\n")).toHaveLength(4);
  expect(audit).not.toContain(key);
});
