import { type Agent, blindAgent, modelOf, rightAgent } from "./agents.ts";
import { notSaved, phrases, saved, unknown } from "./claims.ts";
import { isJson } from "./conversation.ts";
import { views } from "./loop.ts";
import type { Row } from "./report.ts";
import { inPool, runOnce } from "./runs.ts";
import type { ScenarioName } from "./scenarios.ts";
import { scripts } from "./scripts.ts";

const rightOf = (name: ScenarioName): Agent => {
  const { right, reply, takesPart = false } = scripts[name];
  return rightAgent([right, reply?.right ?? []], takesPart);
};

const wrongOf = (name: ScenarioName): Agent => {
  const { wrong, reply } = scripts[name];
  return blindAgent([wrong, reply?.wrong ?? []]);
};

const sorted = (checks: readonly string[]): string => [...new Set(checks)].sort().join(", ");

/** Two agents for each scenario and view: one must pass, the other be caught by just its checks. */
export const playScripts = (names: readonly ScenarioName[], server: string): Promise<Row[]> => {
  const jobs = names.flatMap((name) =>
    views.flatMap((view) => [
      { name, view, server, agent: "right" as const, model: modelOf(rightOf(name)) },
      { name, view, server, agent: "wrong" as const, model: modelOf(wrongOf(name)) },
    ]),
  );
  return inPool(jobs, async (job) => {
    const row = await runOnce(job);
    if (job.agent === "right" || row.error !== undefined) return row;
    const caughtBy = sorted(row.failed.map(({ check }) => check));
    return { ...row, passed: caughtBy === sorted(scripts[job.name].caughtBy) };
  });
};

/** A change of the server's words that an agent which does it right must stumble over. */
type Mutation = {
  name: string;
  change: (json: string) => string;
  /** Where it must be noticed; `errors`: in every scenario whose calls meet an error. */
  noticedIn: ScenarioName | "errors";
};

const withoutNextStep = (json: string): string => {
  const result: unknown = JSON.parse(json);
  if (!isJson(result) || !isJson(result.error)) return json;
  const { next_step: _, ...error } = result.error;
  return JSON.stringify({ ...result, error });
};

const word = (from: string, to: string, noticedIn: ScenarioName): Mutation => ({
  name: `"${from}" becomes "${to}"`,
  change: (json) => json.replaceAll(from, to),
  noticedIn,
});

const mutations: readonly Mutation[] = [
  { name: "next_step dropped", change: withoutNextStep, noticedIn: "errors" },
  word("skip", "fail", "reserved key, as much as possible"),
  word("Repeat", "Do not repeat", "lost answers, then one"),
  word("only those", "all of them", "blocked key"),
  word("a string", "a value", "numbers and lists"),
  word('["city"]', '["city","sub"]', "reserved key, as much as possible"),
  word('"unknown"', '"not_updated"', "lost answers for good"),
  word('"not_updated"', '"updated"', "wrong key"),
  word('"sandbox":true', '"sandbox":false', "sandbox"),
];

const metError = ({ agent, view, played }: Row): boolean =>
  agent === "right" &&
  view === "text" &&
  (played?.calls.some(({ result }) => isJson(result) && result.error !== undefined) ?? false);

/** Changed words of the server that the right agents of these rows did not stumble over. */
export const unnoticedChanges = async (rows: readonly Row[], server: string): Promise<string[]> => {
  const right = rows.filter(({ agent, view }) => agent === "right" && view === "text");
  const jobs = mutations.flatMap((mutation) =>
    right
      .filter((row) =>
        mutation.noticedIn === "errors" ? metError(row) : mutation.noticedIn === row.name,
      )
      .map(({ name }) => ({ name, mutation })),
  );
  const found = await inPool(jobs, async ({ name, mutation: { name: what, change } }) => {
    const model = modelOf(rightOf(name));
    const { error, passed } = await runOnce({
      name,
      view: "text",
      agent: "right",
      model,
      server,
      change,
    });
    if (error !== undefined) return [`"${name}" with ${what}: ${error}`];
    return passed ? [`nobody noticed in "${name}": ${what}`] : [];
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
