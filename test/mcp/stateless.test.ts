import { describe, expect, it } from "vitest";
import { readClient } from "../../src/mcp/stateless.ts";

const envelope = (more: object = {}) => ({
  _meta: {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    ...more,
  },
});
const info = (clientInfo: unknown) => ({ "io.modelcontextprotocol/clientInfo": clientInfo });

describe("what a stateless request says of its client", () => {
  it("is its name and version, up to 1,000 characters of each", () => {
    const named = { name: "n".repeat(1_001), version: "1" };
    expect(readClient(envelope(info(named)))).toEqual({
      client: { clientName: "n".repeat(1_000), clientVersion: "1", canAsk: false },
    });
  });

  it.each([undefined, null, "x", {}, { name: 7, version: null }])("is nothing in %j", (given) => {
    expect(readClient(envelope(info(given)))).toEqual({ client: { canAsk: false } });
  });

  it.each<[elicitation: unknown, canAsk: boolean]>([
    [{}, true],
    [{ form: {} }, true],
    [{ form: {}, url: {} }, true],
    [{ url: {} }, false],
    [true, false],
    [null, false],
  ])("with elicitation %j: a person can be asked: %s", (elicitation, canAsk) => {
    const capabilities = { "io.modelcontextprotocol/clientCapabilities": { elicitation } };
    expect(readClient(envelope(capabilities))).toEqual({ client: { canAsk } });
  });
});
