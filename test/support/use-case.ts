import type { Config } from "../../src/config/config.ts";
import { createRateLimit } from "../../src/guards/rate-limit.ts";
import type { PreludeClient } from "../../src/prelude/client.ts";
import type { Dependencies } from "../../src/tools/dependencies.ts";
import type { ToolCall } from "../../src/tools/tool.ts";

/** What a use case works with: no audit, nothing secret, a server that is not being stopped. */
export const dependenciesOf = (
  config: Config,
  client: PreludeClient,
  more: Partial<Dependencies> = {},
): Dependencies => {
  const now = more.now ?? (() => performance.now());
  return {
    config,
    sandbox: false,
    secrets: [],
    client: async () => client,
    audit: undefined,
    reads: createRateLimit(0, now),
    isStopping: () => false,
    now,
    ...more,
  };
};

/** A call by a client that accepts every question. */
export const callOf = (args: unknown, more: Partial<ToolCall> = {}): ToolCall => ({
  arguments: args,
  signal: new AbortController().signal,
  clientName: "test",
  clientVersion: "1",
  answered: () => undefined,
  confirm: async () => "accepted",
  progress: () => {},
  ...more,
});
