import {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
} from "@modelcontextprotocol/sdk/types.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Message, readEnvelope, toWire } from "../../../src/mcp/stdio/envelope.ts";

const request = { jsonrpc: "2.0", id: 1, method: "tools/list" };

describe("readEnvelope", () => {
  it.each([
    ["a request", request],
    ["a request with params", { ...request, params: { _meta: { progressToken: 0 }, x: [1] } }],
    ["a notification", { jsonrpc: "2.0", method: "notifications/initialized" }],
    ["a result", { jsonrpc: "2.0", id: 3, result: {} }],
    ["an error", { jsonrpc: "2.0", id: "3", error: { code: -1, message: "no" } }],
  ])("hands on %s as it is", (_, message) => {
    expect(readEnvelope(message)).toEqual({ kind: "deliver", message });
  });

  it.each([
    ["params null", { ...request, params: null }],
    ["members that no envelope has", { ...request, extra: 1, result: undefined, error: undefined }],
  ])("leaves out %s", (_, message) => {
    expect(readEnvelope(message)).toEqual({ kind: "deliver", message: request });
  });

  it("leaves out what a response may not have", () => {
    const response = { jsonrpc: "2.0", id: 0, result: { action: "accept" } };
    const meta = { ...response.result, _meta: { progressToken: {} } };
    expect(readEnvelope({ ...response, extra: 1 })).toEqual({ kind: "deliver", message: response });
    expect(readEnvelope({ ...response, result: meta })).toEqual({
      kind: "deliver",
      message: response,
    });
  });

  it.each([
    ["jsonrpc", -32600, { ...request, jsonrpc: "1.0" }],
    ["method", -32600, { ...request, method: 5 }],
    ["params", -32602, { ...request, params: [] }],
    ["params._meta", -32602, { ...request, params: { _meta: [] } }],
    ["progressToken", -32602, { ...request, params: { _meta: { progressToken: null } } }],
  ])("refuses a request and names the member at fault: %s", (member, code, message) => {
    const response = {
      jsonrpc: "2.0",
      id: 1,
      error: { code, message: expect.stringContaining(member) },
    };
    expect(readEnvelope(message)).toEqual({ kind: "reject", response });
  });

  const secretive = "sk_do_not_repeat";
  it.each([
    ["not an object", secretive],
    ["an array", [secretive]],
    ["an object as id", { ...request, id: { secretive } }],
    ["a fraction as id", { ...request, id: 1.5 }],
    ["a notification without jsonrpc", { method: secretive }],
    ["a notification with odd params", { jsonrpc: "2.0", method: "m", params: secretive }],
  ])("gives a reason, and nothing of the content, for what cannot be answered: %s", (_, value) => {
    const envelope = readEnvelope(value);
    expect(envelope).toEqual({ kind: "ignore", reason: expect.stringMatching(/^a message .{10}/) });
    expect(JSON.stringify(envelope)).not.toContain(secretive);
  });

  it("never answers a response, which would put an error under an id of the other side", () => {
    expect(readEnvelope({ id: 5, result: {} }).kind).toBe("ignore");
  });

  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(0, "", -0, 1.5, "2.0", "ping", {}, [], null),
  );
  const orMissing = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const meta = fc.record(
    { progressToken: odd, "io.modelcontextprotocol/related-task": odd, x: odd },
    { requiredKeys: [] },
  );
  const messages = fc
    .record({
      jsonrpc: fc.oneof({ weight: 4, arbitrary: fc.constant("2.0") }, odd),
      id: orMissing(fc.oneof(fc.integer(), fc.string(), odd)),
      method: orMissing(fc.oneof(fc.constantFrom("ping", "notifications/cancelled"), odd)),
      params: orMissing(fc.oneof(fc.record({ _meta: meta, requestId: odd }), odd)),
      result: fc.option(fc.oneof(fc.record({ _meta: meta }), odd), { nil: undefined, freq: 2 }),
      error: fc.option(fc.oneof(fc.record({ code: odd, message: odd }), odd), { nil: undefined }),
    })
    // As it comes out of JSON.parse: no member that is undefined.
    .map((message) => JSON.parse(JSON.stringify(message)) as Message);
  const isUsable = (id: unknown) => typeof id === "string" || Number.isSafeInteger(id);

  it("delivers only what the SDK accepts, so that nothing is dropped inside it", () => {
    fc.assert(
      fc.property(messages, (value) => {
        const envelope = readEnvelope(value);
        if (envelope.kind !== "deliver") return;
        const { message } = envelope;
        const accepted =
          isJSONRPCRequest(message) ||
          isJSONRPCNotification(message) ||
          isJSONRPCResultResponse(message) ||
          isJSONRPCErrorResponse(message);
        expect(accepted).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it("has an answer, or a way to one, for every request with a usable id", () => {
    fc.assert(
      fc.property(messages, (value) => {
        const isResponse = value.method === undefined && ("result" in value || "error" in value);
        if (!isUsable(value.id) || isResponse) return;
        const envelope = readEnvelope(value);
        expect(envelope.kind).not.toBe("ignore");
        if (envelope.kind === "ignore") return;
        const { id } = envelope.kind === "reject" ? envelope.response : envelope.message;
        expect(toWire({ jsonrpc: "2.0", id, result: {} })).toMatchObject({
          jsonrpc: "2.0",
          id: value.id || (value.id === "" ? "" : 0),
        });
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("falsy ids, which the SDK cannot cancel", () => {
  it.each([[0], [""], [-0]])("%j is another one inside, and itself outside", (id) => {
    const read = (value: object) => {
      const envelope = readEnvelope(value);
      return envelope.kind === "deliver" ? envelope.message : {};
    };
    const inner = read({ ...request, id }).id;
    expect(inner).toBeTruthy();
    const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled" };
    expect(read({ ...cancelled, params: { requestId: id } }).params).toEqual({ requestId: inner });
    expect(toWire({ jsonrpc: "2.0", id: inner, result: {} })).toEqual({
      jsonrpc: "2.0",
      id: id === "" ? "" : 0,
      result: {},
    });
  });

  it("keeps an id 0 apart from an empty one, and both from their names", () => {
    const ids = [0, "", "0", "zero", "empty"].map((id) => {
      const envelope = readEnvelope({ ...request, id });
      return envelope.kind === "deliver" && envelope.message.id;
    });
    expect(new Set(ids).size).toBe(5);
  });

  it("leaves the server's own messages alone, but for the falsy id of its first request", () => {
    const progress = { jsonrpc: "2.0", method: "notifications/progress", params: {} };
    const second = { jsonrpc: "2.0", id: 1, method: "elicitation/create", params: {} };
    expect(toWire(progress)).toBe(progress);
    expect(toWire(second)).toBe(second);
    const { id } = toWire({ ...second, id: 0 }) as Message;
    expect(id).toBeTruthy();
    const withdrawn = { jsonrpc: "2.0", method: "notifications/cancelled" };
    expect(toWire({ ...withdrawn, params: { requestId: 0 } })).toEqual({
      ...withdrawn,
      params: { requestId: id },
    });
    const answer = { jsonrpc: "2.0", id, result: {} };
    expect(readEnvelope(answer)).toEqual({ kind: "deliver", message: { ...answer, id: 0 } });
  });
});
