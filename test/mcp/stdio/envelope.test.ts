import {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
} from "@modelcontextprotocol/sdk/types.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Envelope, readEnvelope, refuseEnvelope } from "../../../src/mcp/stdio/envelope.ts";

type Json = Record<string, unknown>;
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
    ["task and _meta that are null", { ...request, params: { task: null, _meta: null } }, {}],
    [
      "a token that is null",
      { ...request, params: { _meta: { progressToken: null } } },
      { _meta: {} },
    ],
    [
      "tasks",
      { ...request, params: { task: {}, _meta: { "io.modelcontextprotocol/related-task": 1 } } },
      { _meta: {} },
    ],
    ["members that no envelope has", { ...request, extra: 1, result: undefined, error: undefined }],
  ])("leaves out %s", (_, message, params?: object) => {
    const expected = params ? { ...request, params } : request;
    expect(readEnvelope(message)).toEqual({ kind: "deliver", message: expected });
  });

  it.each([
    ["a progress notification", "notifications/progress", { progressToken: 1, progress: 1 }],
    ["a notification with an odd token", "notifications/x", { _meta: { progressToken: null } }],
  ])("leaves out what %s says, which nothing here uses", (_, method, params) => {
    const message = { jsonrpc: "2.0", method };
    expect(readEnvelope({ ...message, params })).toEqual({ kind: "deliver", message });
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
    ["progressToken", -32602, { ...request, params: { _meta: { progressToken: {} } } }],
    [
      "progressToken",
      -32602,
      { ...request, params: { _meta: { progressToken: "t".repeat(1_001) } } },
    ],
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
    ["an id of 100,001 characters", { ...request, id: secretive.padEnd(100_001) }],
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
    .map((message) => JSON.parse(JSON.stringify(message)) as Json);
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
        const isResponse =
          (value.method ?? undefined) === undefined && ("result" in value || "error" in value);
        if (!isUsable(value.id) || isResponse) return;
        const ids = [readEnvelope(value), refuseEnvelope(value, tooLong)].map(idOf);
        // JSON knows no -0.
        expect(JSON.stringify(ids)).toBe(JSON.stringify([value.id, value.id]));
      }),
      { numRuns: 5_000 },
    );
  });
});

const tooLong = { code: -32600, message: "Invalid request: too long" };
/** The id under which a message is handled or refused. */
const idOf = (envelope: Envelope): unknown => {
  if (envelope.kind === "reject") return envelope.response.id;
  return envelope.kind === "deliver" && "id" in envelope.message ? envelope.message.id : undefined;
};

describe("initialize", () => {
  const initialize = (clientInfo: object, more: object = {}) => {
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo, ...more };
    return readEnvelope({ ...request, method: "initialize", params });
  };

  it.each([
    ["a name and a version", { name: "é", version: "1" }, { name: "é", version: "1" }],
    [
      "no more than 1,000 characters of each",
      { name: "n".repeat(1_001), version: "v".repeat(1_001) },
      { name: "n".repeat(1_000), version: "v".repeat(1_000) },
    ],
    ["nothing else", { name: "a", version: "1", icons: [] }, { name: "a", version: "1" }],
  ])("keeps of the client %s", (_, clientInfo, kept) => {
    expect(initialize(clientInfo)).toMatchObject({ message: { params: { clientInfo: kept } } });
  });

  it("takes capabilities that are null for none", () => {
    const info = { name: "a", version: "1" };
    const kept = { message: { params: { capabilities: {} } } };
    expect(initialize(info, { capabilities: null, _meta: null })).toMatchObject(kept);
  });
});

describe("a cancellation", () => {
  const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled" };
  it.each([
    ["a number", { requestId: 7 }, 7],
    ["nothing", { requestId: "" }, ""],
    ["a text, with a reason that is nested", { requestId: "a", reason: { of: [] } }, "a"],
    ["a text, beside an odd _meta", { requestId: "a", _meta: 1 }, "a"],
    ["an object", { requestId: {} }, undefined],
    ["null", { requestId: null }, undefined],
    ["no params", null, undefined],
  ])("names %s", (_, params, id) => {
    expect(readEnvelope({ ...cancelled, params })).toEqual({ kind: "cancel", id });
  });

  it("that has an id is a request, which must be answered", () => {
    const envelope = readEnvelope({ ...cancelled, id: 1, params: { requestId: 2 } });
    expect([envelope.kind, idOf(envelope)]).toEqual(["deliver", 1]);
  });
});

describe("an answer to a question", () => {
  const answer = (result: unknown) => {
    const envelope = readEnvelope({ jsonrpc: "2.0", id: "server-0", result });
    if (envelope.kind !== "deliver") throw new Error(envelope.kind);
    return envelope.message;
  };
  const invalid = { jsonrpc: "2.0", id: "server-0", error: { code: -32600, message: /./ } };
  const expectInvalid = (message: object) =>
    expect(message).toEqual({
      ...invalid,
      error: { code: -32600, message: expect.stringMatching(invalid.error.message) },
    });

  it.each([
    ["scalars", { a: true, b: 1.5, c: "x" }, { a: true, b: 1.5, c: "x" }],
    [
      "a field that is nested, long or null",
      { a: [[]], b: "x".repeat(1_001), c: null },
      { a: "", b: "", c: "" },
    ],
    ["no fields", {}, {}],
    ["__proto__", JSON.parse('{"__proto__":true}'), JSON.parse('{"__proto__":true}')],
  ])("keeps %s", (_, content, kept) => {
    const result = { action: "accept", content, _meta: { x: 1 }, more: [[]] };
    expect(answer(result)).toEqual({
      jsonrpc: "2.0",
      id: "server-0",
      result: { action: "accept", content: kept },
    });
  });

  it("may lack its content, or have null in its place", () => {
    for (const result of [{ action: "decline" }, { action: "decline", content: null }]) {
      expect(answer(result)).toMatchObject({ result: { action: "decline" } });
    }
  });

  it.each([
    ["content that is a list", { action: "accept", content: [] }],
    ["content that is a text", { action: "accept", content: "yes" }],
    ["more than 100 fields", { action: "accept", content: { ...Array(101).fill(true) } }],
    ["a text in place of a result", "accept"],
  ])("is an error with %s: what is not looked at must not look approved", (_, result) => {
    expectInvalid(answer(result));
  });
});

describe("an answer with an error beside its yes", () => {
  const both = (error: unknown) => {
    const envelope = readEnvelope({
      jsonrpc: "2.0",
      id: "server-0",
      result: { action: "accept", content: { write: true } },
      error,
    });
    return envelope.kind === "deliver" ? envelope.message : undefined;
  };

  it.each([
    ["an error", { code: -32603, message: "no" }],
    ["an empty object", {}],
    ["a text", "the person said no"],
    ["false", false],
    ["an empty text", ""],
  ])("is no yes: %s", (_, error) => {
    const message = both(error);
    expect(message).toMatchObject({ id: "server-0", error: { code: expect.any(Number) } });
    expect(message).not.toHaveProperty("result");
  });

  it("keeps the error's own words, where it is one", () => {
    expect(both({ code: -1, message: "no" })).toMatchObject({ error: { code: -1, message: "no" } });
  });

  it("is a yes where the error is null, which says that there is none", () => {
    expect(both(null)).toMatchObject({ result: { action: "accept" } });
  });
});

describe("a message that is refused unread", () => {
  it("is answered if it is a request, and ends the wait if it is a response", () => {
    const error = { code: -32600, message: "Invalid request: too long" };
    const response = { jsonrpc: "2.0", id: 5, error };
    expect(refuseEnvelope({ id: 5, method: [] }, tooLong)).toEqual({ kind: "reject", response });
    const ended = { kind: "deliver", message: response };
    expect(refuseEnvelope({ id: 5, result: {} }, tooLong)).toEqual(ended);
    expect(refuseEnvelope({ id: 5, method: null, error: {} }, tooLong)).toEqual(ended);
  });

  it.each([
    ["no head", undefined],
    ["a head that is a list", [{ id: 1, method: "a" }]],
    ["no id", { method: "a" }],
    ["an id that is null", { id: null, method: "a" }],
    ["an id that was cut", { id: [], method: "a" }],
    ["an id that may have been another", { id: "a\ufffd", method: "a" }],
  ])("is ignored with a word if it has %s", (_, head) => {
    const reason = expect.stringMatching(/^a message whose id .+too long$/);
    expect(refuseEnvelope(head, tooLong)).toEqual({ kind: "ignore", reason });
  });
});
