import { createKeyCheck } from "../../guards/key-policy.ts";
import { createRateLimit } from "../../guards/rate-limit.ts";
import { createTurns } from "../../profile/turns.ts";
import type { Dependencies } from "../dependencies.ts";
import { createArgumentParser } from "./arguments.ts";

/** Makes what the calls of one server share. */
export const createState = (deps: Dependencies) => ({
  ...deps,
  parse: createArgumentParser(deps.config),
  refusedKeys: createKeyCheck(deps.config),
  turns: createTurns(),
  writes: createRateLimit(deps.config.maxWritesPerMinute, deps.now),
  questions: createRateLimit(deps.config.maxWritesPerMinute, deps.now),
});

export type State = ReturnType<typeof createState>;
