import { randomUUID } from "node:crypto";
import type { Config } from "../../src/config/config.ts";
import type { Person } from "../../src/guards/confirmation.ts";
import { createLog } from "../../src/lib/log.ts";
import type { PreludeClient } from "../../src/prelude/client.ts";
import { createCaller, type Dependencies } from "../../src/tools/call.ts";
import type { ToolCall } from "../../src/tools/tool.ts";
import type { UpdateResult } from "../../src/tools/update-profile/schema.ts";
import { createUpdateProfile as createUseCase } from "../../src/tools/update-profile/update-profile.ts";

/** What a use case works with: no audit, nothing secret, a server that is not being stopped. */
export const dependenciesOf = (
  config: Config,
  client: PreludeClient,
  more: Partial<Dependencies> = {},
): Dependencies => {
  return {
    config,
    sandbox: false,
    secrets: [],
    client: async () => client,
    audit: undefined,
    log: createLog("silent", []),
    isStopping: () => false,
    now: () => performance.now(),
    ...more,
  };
};

/** A call by a client that accepts every question. */
export const callOf = (
  args: unknown,
  { confirm = async () => "accepted", ...more }: Partial<ToolCall & Person> = {},
): ToolCall => ({
  id: randomUUID(),
  arguments: args,
  meta: {},
  signal: new AbortController().signal,
  client: { name: "test", version: "1" },
  person: { answered: () => undefined, confirm },
  progress: () => {},
  ...more,
});

export type UpdateProfile = (call: ToolCall) => Promise<UpdateResult>;

/** Calls of `update_user_profile` by a client whose questions are requests, as a server runs them. */
export const createUpdateProfile = (deps: Dependencies): UpdateProfile => {
  const undone = { status: "not_updated" };
  const useCase = createUseCase(deps);
  const call = createCaller(deps, "update_user_profile", undone, async () => useCase);
  return (toolCall) => call(toolCall) as Promise<UpdateResult>;
};
