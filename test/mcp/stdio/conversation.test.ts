import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it } from "vitest";
import { createConversation } from "../../../src/mcp/stdio/conversation.ts";
import { readEnvelope } from "../../../src/mcp/stdio/envelope.ts";

const MiB = 1024 * 1024;
type Id = string | number;

const start = () => {
  const conversation = createConversation();
  const receive = (message: object, charge = { bytes: 100, open: 0 }) =>
    conversation.receive(readEnvelope({ jsonrpc: "2.0", ...message }), charge);
  return {
    ...conversation,
    receive,
    /** Hands in a request and returns the id that it has inside. */
    request: (id: Id, charge?: { bytes: number; open: number }): Id => {
      const received = receive({ id, method: "ping" }, charge);
      if (received.kind !== "deliver" || !("method" in received.message)) throw new Error();
      if (!("id" in received.message)) throw new Error();
      return received.message.id;
    },
    cancel: (requestId: unknown) =>
      receive({ method: "notifications/cancelled", params: { requestId } }),
  };
};
const result = (id: Id): JSONRPCMessage => ({ jsonrpc: "2.0", id, result: {} });
const cancelled = (requestId: Id) => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId },
});
const question = (id: Id): JSONRPCMessage => ({
  jsonrpc: "2.0",
  id,
  method: "elicitation/create",
  params: { message: "?" },
});

describe("a request of the client's", () => {
  it.each([[0], [""], [-0], ["a"], [7], ["7"], ["server-0"], ["__proto__"]])(
    "with the id %j has another one inside that the SDK can cancel, and its own outside",
    (id) => {
      const { request, cancel, send } = start();
      const inner = request(id);
      expect(inner).toBeTruthy();
      expect(send(result(inner))).toEqual(result(id));
      const second = request(id);
      expect(cancel(id)).toEqual({ kind: "deliver", message: cancelled(second) });
    },
  );

  it("that is cut off is still answered, unlike one that the client took back", () => {
    const { request, cancel, cutOffs, send, isIdle } = start();
    const [first, second, third] = ["a", "b", "c"].map((id) => request(id)) as [Id, Id, Id];
    cancel("b");
    send(result(third));
    expect(cutOffs()).toEqual([cancelled(first)]);
    expect(isIdle()).toBe(false);
    expect(send(result(second))).toBeUndefined();
    expect(send(result(first))).toEqual(result("a"));
    expect(isIdle()).toBe(true);
    expect(cutOffs()).toEqual([]);
  });

  it("keeps ids apart that look alike", () => {
    const { request, send } = start();
    const all: Id[] = [0, "", "0", 1, "1", "zero"];
    const inner = all.map((id) => request(id));
    expect(new Set(inner).size).toBe(all.length);
    expect(inner.map((id) => send(result(id)))).toEqual(all.map(result));
  });

  it.each([[7], [0], ["a"]])(
    "may have the id %j of one that was just cancelled; neither answers for the other",
    (id) => {
      const { request, cancel, send, isIdle } = start();
      const first = request(id);
      expect(cancel(id)).toEqual({ kind: "deliver", message: cancelled(first) });
      const second = request(id);
      expect(second).not.toBe(first);
      expect(send(result(first))).toBeUndefined();
      expect(isIdle()).toBe(false);
      expect(send(result(second))).toEqual(result(id));
      expect(send(result(second))).toBeUndefined();
      expect(isIdle()).toBe(true);
    },
  );

  it("is refused if its id is in flight, and the one in flight is still answered", () => {
    const { request, receive, send } = start();
    const inner = request(7);
    const refused = { kind: "reject", response: { id: 7, error: { code: -32600 } } };
    expect(receive({ id: 7, method: "ping" })).toMatchObject(refused);
    expect(send(result(inner))).toEqual(result(7));
  });

  it("may be cancelled in vain", () => {
    const { request, cancel, isIdle } = start();
    request(7);
    for (const id of [8, "7", undefined, {}]) expect(cancel(id)).toEqual({ kind: "nothing" });
    expect(isIdle()).toBe(false);
  });
});

describe("what is in flight", () => {
  const isFull = { kind: "reject", response: { error: { code: -32000 } } };

  it("is at most 2,000 requests", () => {
    const { request, receive, send, cancel } = start();
    const inner = Array.from({ length: 2_000 }, (_, id) => request(id));
    expect(receive({ id: "more", method: "ping" })).toMatchObject(isFull);
    send(result(inner[5] ?? ""));
    cancel(6);
    request("a");
    request("b");
    expect(receive({ id: "more", method: "ping" })).toMatchObject(isFull);
  });

  it("is at most 64 MiB, whichever request of a batch holds them", () => {
    const { request, receive, send } = start();
    const batches = Array.from({ length: 6 }, () => ({ bytes: 10 * MiB, open: 0 }));
    const inner = batches.flatMap((charge, i) => [0, 1].map((j) => request(`${i} ${j}`, charge)));
    const more = () => receive({ id: "more", method: "ping" }, { bytes: 10 * MiB, open: 0 });
    expect(more()).toMatchObject(isFull);
    expect(send(result(inner[0] ?? ""))).toBeDefined();
    // The other one of that batch may be the one that holds it all.
    expect(more()).toMatchObject(isFull);
    request("of a batch that is in flight", batches[1]);
    send(result(inner[1] ?? ""));
    expect(more().kind).toBe("deliver");
  });
});

describe("a question of the server's", () => {
  it.each([[0], [1], [41]])("with the id %j has an id that is a name, on the wire", (id) => {
    const { send, receive } = start();
    const asked = send(question(id));
    expect(asked).toEqual({ ...question(id), id: `server-${id}` });
    const answer = { jsonrpc: "2.0", result: { action: "accept" } };
    expect(receive({ ...answer, id: `server-${id}` })).toEqual({
      kind: "deliver",
      message: { ...answer, id },
    });
    // Once.
    expect(receive({ ...answer, id: `server-${id}` }).kind).toBe("ignore");
  });

  it.each([[0], [3]])("with the id %j that is withdrawn has no answer any more", (id) => {
    const { send, receive } = start();
    send(question(id));
    const withdrawn = cancelled(id) as JSONRPCMessage;
    expect(send(withdrawn)).toEqual(cancelled(`server-${id}`));
    for (const answer of [{ result: { action: "accept" } }, { error: { code: 1, message: "" } }]) {
      expect(receive({ id: `server-${id}`, ...answer })).toEqual({
        kind: "ignore",
        reason: "a response to no request",
      });
    }
  });

  it("is not answered under another id", () => {
    const { send, receive } = start();
    send(question(0));
    for (const id of [0, "0", "", "server-1"]) {
      expect(receive({ id, result: {} }).kind).toBe("ignore");
    }
  });

  it("leaves other messages as they are", () => {
    const { send } = start();
    const params = { progressToken: 0, progress: 1 };
    const progress: JSONRPCMessage = { jsonrpc: "2.0", method: "notifications/progress", params };
    expect(send(progress)).toBe(progress);
  });
});
