import { describe, expect, test, vi } from "vitest";
import { apiBody, applied, drop, never, reply, type Step } from "../support/fault-server.ts";
import { apiKey, done, send, setTheScene } from "./scene.ts";

const { newClient, scene } = setTheScene();

describe("admit", () => {
  test("is asked for each attempt, right before it leaves", async () => {
    const { stage, patch } = scene([reply(503), applied(drop)]);
    const before: number[] = [];
    const admit = () => {
      before.push(stage.received.length);
      return true;
    };
    expect(await patch({ admit })).toEqual(done(3));
    expect(before).toEqual([0, 1, 2]);
  });

  test("keeps a request back without a byte, and that is no attempt", async () => {
    const { stage, patch } = scene([]);
    expect(await patch({ admit: () => false })).toEqual({ attempts: 0, held: true });
    expect(await patch()).toEqual(done(1));
    expect(stage.received).toHaveLength(1);
  });

  test("keeps a repeat back, and what the attempt before did stays known", async () => {
    const { stage, patch } = scene([applied(reply(503))]);
    const admit = vi
      .fn(() => true)
      .mockReturnValueOnce(true)
      .mockReturnValue(false);
    expect(await patch({ admit })).toEqual({
      attempts: 1,
      held: true,
      failure: { code: "upstream_error", httpStatus: 503, mayHaveWritten: true },
    });
    expect(stage.received).toHaveLength(1);
  });

  test("that throws sends nothing", async () => {
    const { stage, patch } = scene([]);
    const admit = () => {
      throw new Error("defect");
    };
    expect((await patch({ admit })).failure).toMatchObject({
      code: "unreachable",
      mayHaveWritten: false,
    });
    expect(stage.received).toEqual([]);
  });

  test("is not asked for a call that is cancelled, or whose connection never comes about", async () => {
    const admit = vi.fn(() => true);
    const { patch } = scene([]);
    await patch({ admit, signal: AbortSignal.abort() });
    await send(newClient({ baseUrl: "http://127.0.0.1:9" }), "usr_1", { admit });
    expect(admit).not.toHaveBeenCalled();
  });
});

describe("rereadKey", () => {
  const old = apiKey;
  const current = "test-key-c4e1";

  /** Accepts this key only. */
  const wants =
    (key: string, message = "No."): Step =>
    (exchange) => {
      const given = exchange.request.headers.authorization;
      if (given !== `Bearer ${key}`)
        return reply(401, apiBody("invalid_api_token", message))(exchange);
      exchange.decide();
      return reply(204)(exchange);
    };
  const keysSent = (received: readonly { headers: { authorization?: string | undefined } }[]) =>
    received.map(({ headers }) => headers.authorization?.replace("Bearer ", ""));

  test("gives a key that is used for one more try, and kept", async () => {
    const rereadKey = vi.fn(() => current);
    const { stage, patch } = scene([], { otherwise: wants(current), rereadKey });
    expect(await patch()).toEqual(done(2));
    expect(await patch()).toEqual(done(1));
    expect(keysSent(stage.received)).toEqual([old, current, current]);
    expect(rereadKey).toHaveBeenCalledOnce();
  });

  const same: [string, () => string | undefined][] = [
    ["the same key", () => old],
    ["no key", () => undefined],
    ["an empty key", () => ""],
    [
      "an error",
      () => {
        throw new Error("ENOENT");
      },
    ],
  ];
  test.each(same)("that gives %s makes no further request", async (_, give) => {
    const rereadKey = vi.fn(give);
    const { stage, patch } = scene([], { otherwise: wants(current), rereadKey });
    expect(await patch()).toMatchObject({ attempts: 1, failure: { code: "unauthorized" } });
    expect(stage.received).toHaveLength(1);
    expect(rereadKey).toHaveBeenCalledOnce();
  });

  test("is asked once per call, also where the new key is refused too", async () => {
    const keys = ["second-key", "third-key"];
    const rereadKey = vi.fn(() => keys.shift());
    const { stage, patch } = scene([], { otherwise: wants(current), rereadKey });
    expect(await patch()).toMatchObject({ attempts: 2, failure: { code: "unauthorized" } });
    expect(rereadKey).toHaveBeenCalledOnce();
    expect(await patch()).toMatchObject({ attempts: 2 });
    expect(keysSent(stage.received)).toEqual([old, "second-key", "second-key", "third-key"]);
  });

  test("does not count against the limit of repeats", async () => {
    for (const at of [0, 1, 2]) {
      const steps = [reply(503), reply(503)];
      steps.splice(at, 0, reply(401));
      const { stage, patch } = scene(steps, { rereadKey: () => current });
      expect(await patch()).toEqual(done(4));
      expect(keysSent(stage.received)).toEqual([old, old, old, current].fill(current, at + 1));
    }
  });

  test("helps every call that was refused with the old key", async () => {
    const waiting: (() => void)[] = [];
    const together: Step = async (exchange) => {
      if (exchange.request.headers.authorization !== `Bearer ${current}`)
        await new Promise<void>((go) => {
          waiting.push(go);
          if (waiting.length === 3) for (const each of waiting) each();
        });
      return wants(current)(exchange);
    };
    const { patch } = scene([], { otherwise: together, rereadKey: () => current });
    const outcomes = await Promise.all([patch(), patch(), patch()]);
    expect(outcomes).toEqual([done(2), done(2), done(2)]);
  });

  test("is not asked for another refusal, nor for a call that is over", async () => {
    const rereadKey = vi.fn(() => current);
    const cancelled = new AbortController();
    const cutOff: Step = ({ response }) => {
      response.writeHead(401).write('{"code":"invalid_api_token",');
      setImmediate(() => setImmediate(() => cancelled.abort()));
    };
    const { patch } = scene([reply(403), reply(404), never, cutOff], { rereadKey });
    for (const status of [403, 404]) expect((await patch()).failure?.httpStatus).toBe(status);
    await patch({ timeoutMs: 30 });
    const onRetry = vi.fn();
    const over = await patch({ signal: cancelled.signal, onRetry });
    expect(over.attempts).toBe(1);
    expect(rereadKey).not.toHaveBeenCalled();
  });

  test("leaves neither key in what an answer repeats", async () => {
    const echo = `Bearer ${old}, Bearer ${current}, ${old.slice(0, 4)}\u200b${old.slice(4)}`;
    for (const code of [old, current]) {
      const otherwise = reply(401, apiBody(code, echo), { "x-request-id": code });
      const { patch } = scene([], { otherwise, rereadKey: () => current });
      const { attempts, failure } = await patch();
      expect(attempts).toBe(2);
      expect(failure?.apiMessage).toBe("Bearer [redacted], Bearer [redacted], [redacted]");
      expect(failure).not.toHaveProperty("apiCode");
      expect(failure).not.toHaveProperty("requestId");
    }
  });
});
