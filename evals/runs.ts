import type { LanguageModel } from "ai";
import { play, type View } from "./loop.ts";
import type { Row } from "./report.ts";
import { type ScenarioName, scenarios } from "./scenarios.ts";
import { score } from "./score.ts";

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

export type Run = {
  name: ScenarioName;
  view: View;
  agent: Row["agent"];
  model: LanguageModel;
  server: string;
  change?: (json: string) => string;
};

/** One scenario, played and scored; it passed if no check failed. */
export const runOnce = async ({ name, view, agent, ...rest }: Run): Promise<Row> => {
  const scenario = scenarios[name];
  const about = { name, view, agent };
  try {
    const played = await play({ ...rest, scenario, view });
    const failed = score(scenario, played);
    return { ...about, passed: failed.length === 0, failed, played };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...about, passed: false, failed: [], error: why };
  }
};
