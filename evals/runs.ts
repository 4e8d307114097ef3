import { type Play, type Played, play } from "./play.ts";
import { type ScenarioName, scenarios } from "./scenarios.ts";
import { type Failed, score } from "./score.ts";

/** Runs of the server at one time. */
const atOnce = 4;

/** Does the work for each item, some at a time; results in the order of the items. */
export const inPool = async <In, Out>(
  items: readonly In[],
  work: (item: In) => Promise<Out>,
): Promise<Out[]> => {
  const queue = [...items.entries()];
  const results: Out[] = [];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift())
      results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
};

/** One run of one scenario. */
export type Row = {
  name: ScenarioName;
  /** Who played it: a model by its name, or a scripted agent. */
  agent: string;
  passed: boolean;
  failed: readonly Failed[];
  /** Absent where the run never came to an end, because the provider or the server failed. */
  played?: Played;
  error?: string;
};

type Run = Pick<Row, "name" | "agent"> & Omit<Play, "scenario">;

/** One scenario, played and scored; it passed if no check failed. */
export const runOnce = async ({ name, agent, ...rest }: Run): Promise<Row> => {
  const scenario = scenarios[name];
  try {
    const played = await play({ ...rest, scenario });
    const failed = score(scenario, played);
    return { name, agent, passed: failed.length === 0, failed, played };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { name, agent, passed: false, failed: [], error: why };
  }
};
