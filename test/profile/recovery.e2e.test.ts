import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as tick } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificates } from "../support/certificates.ts";
import {
  apiBody,
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

test.each<[what: string, steps: Step[], first: object, next: RegExp]>([
  [
    "a fault before the search",
    [reply(503, "", quietly)],
    { updated_keys: ["a", "b"], error: { code: "reserved_profile_key", retryable: false } },
    /^Tell the person that this tool cannot set "sub".* The call without "sub" is safe to make and settles it: /,
  ],
  [
    "a fault at its end",
    [honest, honest, honest, honest, ...Array<Step>(3).fill(reply(503, "", quietly))],
    { updated_keys: ["a", "b"], error: { code: "upstream_error", retryable: true } },
    /^Wait 1 s, then repeat the call without "sub" \(which Prelude reserves\) once; .* The call without "sub" is safe/,
  ],
  [
    "no time for its end",
    [honest, honest, honest, honest, never, never],
    { updated_keys: ["a", "b"], error: { code: "timeout", retryable: true } },
    /^Repeat the call without "sub" \(which Prelude reserves\) and with fewer keys once; /,
  ],
])("%s leaves a search open, and following the advice settles it", (_, steps, first, next) =>
  withServer({ PRELUDE_TIMEOUT_MS: "1500" }, async (server) => {
    const { user, stage } = newStage({ reserved: new Set(["sub"]), steps });
    const skip = { on_reserved_key: "skip" };
    const open = await server.callTool(argsFor(user, { a: "1", sub: "2", b: "3" }, skip));
    expect(open.structured).toMatchObject({ status: "unknown", ...first });
    expect(open.structured.error?.next_step).toMatch(next);
    expect(open.structured.error?.next_step).not.toContain("identical");
    const { structured } = await server.callTool(argsFor(user, { a: "1", b: "3" }, skip));
    expect(structured.status).toBe("updated");
    expect(Object.fromEntries(stage.profile)).toEqual({ a: "1", b: "3" });
  }),
);

test("repeats are announced to a client that wants to know", () =>
  withServer({}, async (server) => {
    const { user } = newStage({ steps: [reply(503, "", quietly), drop] });
    const meta = { progressToken: "wait" };
    const { structured } = await server.callTool(argsFor(user, { a: "1" }), undefined, meta);
    expect(structured).toMatchObject({ status: "updated", attempts: 3 });
    const told = server.messages.flatMap(({ method, params }) =>
      method === "notifications/progress" ? [params?.message] : [],
    );
    expect(told).toEqual([
      expect.stringMatching(/^Prelude answered 503 at attempt 1; repeating in 0\.0 s$/),
      expect.stringMatching(/^The connection to Prelude failed at attempt 2; .* s$/),
    ]);
  }));

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
    ["expired", "CERT_HAS_EXPIRED"],
    ["early", "CERT_NOT_YET_VALID"],
    ["elsewhere", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["purpose", "INVALID_PURPOSE"],
  ] as const)("with a certificate that is wrong (%s) fails in words", async (name, code) => {
    const { answer, stage } = await over(name);
    const { status, attempts, error } = answer.structured;
    expect([status, attempts]).toEqual(["not_updated", undefined]);
    expect(error).toMatchObject({ code: "unreachable", retryable: false });
    expect(error?.message).toContain(`its TLS certificate is not accepted: ${code}`);
    expect(error?.next_step).toMatch(/the operator.* must fix this/);
    expect(stage.received).toHaveLength(0);
  });
});

test("an answer that echoes the key brings it neither into the result nor into the audit file, nor where each request is logged", async () => {
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
    const line = `PATCH /v2/session/apps/${app}/users/${user}/profile: 400 invalid_request, `;
    expect(server.stderr()).toContain(line);
  });
  const audit = readFileSync(file, "utf8");
  expect(audit.trim().split("\n")).toHaveLength(4);
  expect(audit).not.toContain(key);
});
