import assert from "node:assert/strict";
import type { Plugin } from "rolldown";

/**
 * The SDK's protocol asks up to four zod schemas what kind of message came in. Everything that our
 * transport hands on has passed `src/mcp/stdio/envelope.ts`, which is stricter; so the members that
 * tell the kinds apart are enough.
 *
 * What it gives: see MEASURED. Without it only that is lost. If the transport ever hands on a
 * message that it has not checked, the SDK would take it for a valid one of its kind.
 */
export const plainGuards = (): Plugin => {
  const replaced = new Set<string>();
  return {
    name: "plain-guards",
    transform(code, id) {
      if (!sdkTypes.test(id)) return null;
      return code.replace(guard, (whole, name: string) => {
        const members = kinds[name];
        if (members === undefined) return whole;
        replaced.add(name);
        return `export const ${name} = (value) => ${members};`;
      });
    },
    buildEnd: () => assert.deepEqual([...replaced].sort(), Object.keys(kinds).sort()),
  };
};

const sdkTypes = /sdk[\\/]dist[\\/]esm[\\/]types\.js$/;
const guard = /export const (isJSONRPC\w+) = \(value\) => \w+\.safeParse\(value\)\.success;/g;
const kinds: Record<string, string> = {
  isJSONRPCErrorResponse: "value.error !== undefined",
  isJSONRPCNotification: "value.method !== undefined && value.id === undefined",
  isJSONRPCRequest: "value.method !== undefined && value.id !== undefined",
  isJSONRPCResultResponse: "value.result !== undefined",
};
