import { type Dispatcher, Pool } from "undici";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Connection } from "../../src/prelude/connection.ts";
import { exchange, type Request } from "../../src/prelude/request.ts";
import {
  type FaultServer,
  interim,
  reply,
  type Stage,
  type Step,
  startFaultServer,
} from "../support/fault-server.ts";

/** A deadline that no test reaches. */
const deadlineAt = performance.now() + 600_000;

// What prelude/request.ts relies on of undici's dispatch, the part of undici that has changed most
// between its versions. A test that fails here after an update says what has to be looked at again.

let server: FaultServer;
let connection: Connection;
let users = 0;

beforeAll(async () => {
  server = await startFaultServer();
  connection = { dispatcher: new Pool(server.url, { connections: 1 }), isNew: () => true };
});
afterAll(async () => {
  await connection.dispatcher.destroy();
  await server.close();
});

const stageOf = (...steps: Step[]): { stage: Stage; request: Request } => {
  users += 1;
  const user = `usr_request${users}`;
  const path = `/v2/session/apps/54e9ujn/users/${user}/profile`;
  const body = Buffer.from('{"profile":{"name":"Ada"}}');
  const request: Request = { origin: server.url, method: "PATCH", path, headers: {}, body };
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
    connection.dispatcher.dispatch(request, {
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
});

describe("a request", () => {
  const { signal } = new AbortController();

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
    const odd = { dispatcher: twice, isNew: () => true };
    const end = await exchange(odd, request, { deadlineAt, signal, admit }, false);
    expect(end).toEqual({ failure: { code: "connection_lost", mayHaveWritten: true } });
    expect(admit).toHaveBeenCalledOnce();
  });
});
