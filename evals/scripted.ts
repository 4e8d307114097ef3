import { blindAgent, modelOf, rightAgent } from "./agents.ts";
import { notSaved, phrases, saved, unknown } from "./claims.ts";
import { inPool, type Row, runOnce } from "./runs.ts";
import type { ScenarioName } from "./scenarios.ts";
import { scripts } from "./scripts.ts";

const sorted = (checks: readonly string[]): string => [...new Set(checks)].sort().join(", ");

/** Two agents for each scenario: one must pass, the other be caught by just its checks. */
export const playScripts = (names: readonly ScenarioName[], server: string): Promise<Row[]> => {
  const jobs = names.flatMap((name) => [
    { name, agent: "right", model: modelOf(rightAgent(scripts[name].right)) },
    { name, agent: "wrong", model: modelOf(blindAgent(scripts[name].wrong)) },
  ]);
  return inPool(jobs, async ({ name, agent, model }) => {
    const row = await runOnce({ name, agent, model, server });
    if (agent === "right" || row.error !== undefined) return row;
    const caughtBy = sorted(row.failed.map(({ check }) => check));
    return { ...row, passed: caughtBy === sorted(scripts[name].caughtBy) };
  });
};

/** Words of the server, what they are changed to, and the agent that must stumble over that. */
const changes: readonly [from: string, to: string, noticedIn: ScenarioName][] = [
  ["skip", "fail", "reserved key, as much as possible"],
  ['["city"]', '["city","sub"]', "reserved key, as much as possible"],
  ["Repeat", "Do not repeat", "lost answers, then one"],
  ["only those", "all of them", "blocked key"],
  ["error.issues", "what is wrong", "numbers and lists"],
  ["Ask the person", "Decide by yourself", "unknown user"],
  ['"unknown"', '"not_updated"', "lost answers for good"],
  ['"not_updated"', '"updated"', "wrong key"],
  ['"sandbox":true', '"sandbox":false', "sandbox"],
];

/** Changed words of the server that the right agents did not stumble over. */
export const unnoticedChanges = async (server: string): Promise<string[]> => {
  const found = await inPool(changes, async ([from, to, name]) => {
    const change = (json: string) => json.replaceAll(from, to);
    const model = modelOf(rightAgent(scripts[name].right));
    const { error, passed } = await runOnce({ name, agent: "right", model, server, change });
    const what = `"${from}" as "${to}" in "${name}"`;
    if (error !== undefined) return [`${what}: ${error}`];
    return passed ? [`nobody noticed ${what}`] : [];
  });
  return found.flat();
};

const claims = { saved: saved(), notSaved, unknown };

/** Sentences in which the patterns find other claims than a reader would. */
export const misreadPhrases = (): string[] =>
  phrases.flatMap(([sentence, meant]) => {
    const found = Object.entries(claims).filter(([, claim]) => claim(sentence) !== undefined);
    const names = found.map(([name]) => name).join(", ");
    return names === meant.join(", ") ? [] : [`"${sentence}" is read as: ${names || "nothing"}`];
  });
