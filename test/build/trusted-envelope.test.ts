import {
  InitializeRequestSchema,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
} from "@modelcontextprotocol/sdk/types.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kinds } from "../../scripts/build/trusted-envelope.ts";
import { readEnvelope } from "../../src/mcp/stdio/envelope.ts";

type Params = Record<string, unknown>;

const originals = {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
};

/** What the built server asks of a message, in place of the SDK's schemas. */
const guards = Object.entries(originals).map(([name, original]) => ({
  built: new Function("value", `return ${kinds[name as keyof typeof kinds]}`) as typeof original,
  original,
}));

/** Fails where the SDK's own checks would tell another tale of a message that it is handed. */
const expectSame = (value: unknown): void => {
  const envelope = readEnvelope(value);
  if (envelope.kind !== "deliver") return;
  const { message } = envelope;
  for (const { built, original } of guards) {
    expect([original.name, built(message)]).toEqual([original.name, original(message)]);
  }
  const params = ("params" in message ? message.params : undefined) as Params | undefined;
  expect(params?.task).toBeUndefined();
  if (!("method" in message) || message.method !== "initialize" || !("id" in message)) return;
  expect(InitializeRequestSchema.parse(message).params).toEqual(params);
};

const call = (method: string, params?: unknown, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});
const initialize = (capabilities: unknown) =>
  call("initialize", {
    protocolVersion: "2025-11-25",
    capabilities,
    clientInfo: { name: "a", version: "1", icons: [1], title: null },
  });

describe("what the transport hands on is what the SDK would have read", () => {
  test.each([
    ["no capabilities", initialize({})],
    ["elicitation as an empty object", initialize({ elicitation: {} })],
    ["elicitation by form", initialize({ elicitation: { form: { applyDefaults: true } } })],
    ["elicitation by URL", initialize({ elicitation: { url: {} } })],
    ["elicitation of an odd kind", initialize({ elicitation: { form: 1, other: {} } })],
    ["odd capabilities", initialize({ roots: 1, sampling: [], tasks: { list: 0 } })],
    ["a call that asks for a task", call("tools/call", { name: "x", task: { ttl: 1 } })],
    ["a call within a task", call("tools/call", { task: 1, _meta: { progressToken: "a" } })],
    ["an id of 0", call("ping", undefined, 0)],
    ["an empty id", call("ping", {}, "")],
    ["a notification", call("notifications/initialized", undefined, undefined)],
    ["a cancellation", call("notifications/cancelled", { requestId: 1 }, undefined)],
    ["a result", { jsonrpc: "2.0", id: 0, result: { action: "accept" } }],
    ["an error", { jsonrpc: "2.0", id: 0, error: { code: 1, message: "" } }],
    ["a result and an error", { jsonrpc: "2.0", id: 0, result: {}, error: { code: 1 } }],
  ])("%s", (_, message) => expectSame(message));

  const anything = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>;
  const object = fc.dictionary(fc.string(), anything);
  const params = fc.record(
    {
      _meta: fc.oneof(anything, fc.record({ progressToken: anything }, { requiredKeys: [] })),
      task: anything,
      requestId: anything,
      protocolVersion: fc.oneof(fc.string(), anything),
      capabilities: fc.oneof(
        anything,
        fc.record({
          elicitation: fc.oneof(anything, fc.record({ form: anything, url: anything })),
        }),
      ),
      clientInfo: fc.oneof(anything, fc.record({ name: fc.string(), version: fc.string() })),
    },
    { requiredKeys: [] },
  );
  const message = fc.record(
    {
      jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant("2.0") }, anything),
      id: fc.oneof(fc.integer(), fc.string(), anything),
      method: fc.oneof(
        fc.constantFrom("initialize", "ping", "tools/call", "notifications/cancelled"),
        anything,
      ),
      params: fc.oneof(params, object, anything),
      result: fc.oneof(object, anything),
      error: fc.oneof(fc.record({ code: fc.integer(), message: fc.string() }), anything),
    },
    { requiredKeys: [] },
  );
  test("any message", () => {
    fc.assert(fc.property(message, expectSame), { numRuns: 3_000 });
  });
});
