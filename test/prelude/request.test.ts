import { setImmediate as turn } from "node:timers/promises";
import { type Dispatcher, Pool } from "undici";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Exchange, exchange, type Request } from "../../src/prelude/request.ts";
import {
  type FaultServer,
  interim,
  never,
  reply,
  type Stage,
  type Step,
  startFaultServer,
} from "../support/fault-server.ts";

/** No deadline. */
const deadlineAt = Number.POSITIVE_INFINITY;

// What prelude/request.ts relies on of undici's dispatch, the part of undici that has changed most
// between its versions. A test that fails here after an update says what has to be looked at again.

let server: FaultServer;
let pool: Pool;
let users = 0;

beforeAll(async () => {
  server = await startFaultServer();
  pool = new Pool(server.url, { connections: 1 });
});
afterAll(async () => {
  await pool.destroy();
  await server.close();
});

const stageOf = (...steps: Step[]): { stage: Stage; request: Request } => {
  users += 1;
  const user = `usr_request${users}`;
  const path = `/v2/session/apps/54e9ujn/users/${user}/profile`;
  const body = Buffer.from('{"profile":{"name":"Ada"}}');
  const request: Request = { origin: server.url, method: "PATCH", path, headers: [], body };
  return { stage: server.stage(user, { steps }), request };
};

/** Dispatches with a handler that writes down what is called, and resolves at the end. */
const record = async (
  request: Request,
  onStart: (controller: Dispatcher.DispatchController) => void,
) => {
  const calls: string[] = [];
  const written = vi.fn();
  await new Promise<void>((resolve) => {
    pool.dispatch(request, {
      onRequestStart: (controller) => {
        calls.push("start");
        onStart(controller);
      },
      onResponseStart: (_, status) => calls.push(`head ${status}`),
      onResponseData: (_, chunk) => calls.push(`data ${chunk}`),
      onResponseEnd: () => {
        calls.push("end");
        resolve();
      },
      onResponseError: (_, error) => {
        calls.push(`error ${error.message}`);
        resolve();
      },
    });
    written();
  });
  return calls;
};

describe("undici's dispatch", () => {
  test("calls in this order, with every interim answer as a head of its own", async () => {
    const { request } = stageOf(interim(2, "103 Early Hints", reply(400, "No.")));
    const calls = await record(request, () => {});
    expect(calls).toEqual(["start", "head 103", "head 103", "head 400", "data No.", "end"]);
  });

  test("writes nothing where the start throws, and keeps the connection for the next", async () => {
    const first = stageOf(reply(200, "one"));
    expect(await record(first.request, () => {})).toContain("data one");
    const held = stageOf();
    const refuse = () => {
      throw new Error("held");
    };
    expect(await record(held.request, refuse)).toEqual(["start", "error held"]);
    const next = stageOf(reply(200, "two"));
    expect(await record(next.request, () => {})).toContain("data two");
    expect(held.stage.received).toEqual([]);
    expect(next.stage.received[0]?.connection).toBe(first.stage.received[0]?.connection);
  });

  test("writes nothing where the start aborts", async () => {
    const { stage, request } = stageOf();
    const abort = (controller: Dispatcher.DispatchController) =>
      controller.abort(new Error("gone"));
    expect(await record(request, abort)).toEqual(["start", "error gone"]);
    expect(stage.received).toEqual([]);
  });

  test("starts a request at once if a connection is idle, and not before there is one", async () => {
    const blocker = stageOf(never);
    const waiting = stageOf();
    const cancelled = new AbortController();
    const blocked = exchange(pool, blocker.request, { deadlineAt, signal: cancelled.signal });
    await server.until(() => blocker.stage.received.length === 1);
    const admit = vi.fn(() => true);
    const { signal } = new AbortController();
    const later = exchange(pool, waiting.request, { deadlineAt, signal, admit });
    await turn();
    expect(admit).not.toHaveBeenCalled();
    cancelled.abort();
    expect(await blocked).toEqual({ kind: "aborted", sent: true });
    expect(await later).toMatchObject({ kind: "answered", status: 204 });
    expect(admit).toHaveBeenCalledOnce();
  });
});

describe("a request", () => {
  const { signal } = new AbortController();

  test("that is not admitted sends nothing", async () => {
    const { stage, request } = stageOf();
    const held: Exchange = { kind: "held" };
    expect(await exchange(pool, request, { deadlineAt, signal, admit: () => false })).toEqual(held);
    expect(stage.received).toEqual([]);
  });

  test("that is cancelled in the moment in which it would leave sends nothing", async () => {
    const { stage, request } = stageOf();
    const cancelled = new AbortController();
    const admit = () => {
      cancelled.abort();
      return true;
    };
    const end = await exchange(pool, request, { deadlineAt, signal: cancelled.signal, admit });
    expect(end).toEqual({ kind: "aborted", sent: false });
    await exchange(pool, stageOf().request, { deadlineAt, signal });
    expect(stage.received).toEqual([]);
  });

  test("that is cancelled while it waits is not even offered", async () => {
    const blocker = stageOf(never);
    const waiting = stageOf();
    const first = new AbortController();
    const second = new AbortController();
    const admit = vi.fn(() => true);
    const blocked = exchange(pool, blocker.request, { deadlineAt, signal: first.signal });
    const ended = exchange(pool, waiting.request, { deadlineAt, signal: second.signal, admit });
    await server.until(() => blocker.stage.received.length === 1);
    second.abort();
    expect(await ended).toEqual({ kind: "aborted", sent: false });
    first.abort();
    await blocked;
    await exchange(pool, stageOf().request, { deadlineAt, signal });
    expect(admit).not.toHaveBeenCalled();
    expect(waiting.stage.received).toEqual([]);
  });

  test("that undici starts twice is asked about once", async () => {
    const { request } = stageOf();
    const admit = vi.fn(() => true);
    const controller = { abort: vi.fn() } as unknown as Dispatcher.DispatchController;
    const twice = {
      dispatch: (_: unknown, handler: Dispatcher.DispatchHandler) => {
        handler.onRequestStart?.(controller, undefined);
        handler.onRequestStart?.(controller, undefined);
        handler.onResponseError?.(controller, new Error("broken"));
        return true;
      },
    } as unknown as Dispatcher;
    const end = await exchange(twice, request, { deadlineAt, signal, admit });
    expect(end).toMatchObject({ kind: "broken", sent: true });
    expect(admit).toHaveBeenCalledOnce();
  });

  test("passes over interim answers", async () => {
    const { request } = stageOf(interim(3, "103 Early Hints", reply(400, "No.")));
    const end = await exchange(pool, request, { deadlineAt, signal });
    expect(end).toMatchObject({ kind: "answered", status: 400, body: { complete: true } });
  });

  test("has no answer yet where there was nothing but an interim one", async () => {
    const cancelled = new AbortController();
    const { request } = stageOf(async ({ socket }) => {
      await new Promise((sent) => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n", sent));
      // The client, in this process, reads it in the meantime.
      for (let i = 0; i < 5; i++) await turn();
      cancelled.abort();
    });
    const end = await exchange(pool, request, { deadlineAt, signal: cancelled.signal });
    expect(end).toEqual({ kind: "aborted", sent: true });
  });
});
