import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModel } from "ai";
import { inPool, type Row, runOnce } from "./runs.ts";
import { type ScenarioName, scenarios } from "./scenarios.ts";
import { misreadPhrases, playScripts, unnoticedChanges } from "./scripted.ts";

const here = import.meta.dirname;
const built = resolve(here, "..", "dist", "prelude-profile-mcp.cjs");
const usage = `npm run evals -- --model scripted | anthropic:<model> | openai:<model> | openai-compatible:<model>
  --repeat <n>        runs of each scenario (1)
  --only <pattern>    scenarios whose name matches
  --server <file>     another built server (dist/prelude-profile-mcp.cjs)
Keys: ANTHROPIC_API_KEY, OPENAI_API_KEY; openai-compatible: EVALS_BASE_URL, EVALS_API_KEY.`;

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "" },
    repeat: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    server: { type: "string", default: built },
    help: { type: "boolean", default: false },
  },
});
/** npm runs the script in evals/; the path is meant from where the command was given. */
const server = resolve(process.env.INIT_CWD ?? ".", flags.server);

const modelNamed = (name: string): LanguageModel => {
  const [, provider, model = ""] = /^([\w-]+):(.+)$/.exec(name) ?? [];
  const { EVALS_BASE_URL: baseURL = "", EVALS_API_KEY: apiKey = "" } = process.env;
  if (provider === "anthropic") return createAnthropic()(model);
  if (provider === "openai") return createOpenAI()(model);
  if (provider === "openai-compatible" && baseURL !== "")
    return createOpenAICompatible({ name: provider, baseURL, apiKey, includeUsage: true })(model);
  throw new Error(`no such model: ${name}\n${usage}`);
};

const playModel = (names: readonly ScenarioName[], agent: string): Promise<Row[]> => {
  const model = modelNamed(agent);
  const jobs = names.flatMap((name) => Array.from({ length: Number(flags.repeat) }, () => name));
  return inPool(jobs, (name) => runOnce({ name, agent, model, server }));
};

const describe = ({ name, agent, failed, error }: Row): string => {
  const checks = failed.map(({ check, why }) => `${check}: ${why}`).join("; ");
  return `FAILED ${name} (${agent}): ${error ?? (checks || "not caught")}`;
};

/** Everything about a model's run: the figures, and the transcripts of what failed. */
const writeReport = (model: string, rows: readonly Row[]): string => {
  const summary = rows.map(({ name, passed, failed, played, error }) => ({
    scenario: name,
    passed,
    failed: error ?? failed.map(({ check }) => check).join(", "),
    calls: played?.calls.length,
    tokens: played?.tokens,
    ms: played?.ms,
  }));
  const failures = rows.filter(({ passed }) => !passed);
  const passRate = (rows.length - failures.length) / rows.length;
  const server_version = rows.find(({ played }) => played)?.played?.serverVersion;
  const about = { model, server_version, date: new Date().toISOString(), pass_rate: passRate };
  const file = join(here, "out", `${model.replaceAll(/[^\w.-]+/g, "-")}.json`);
  mkdirSync(join(here, "out"), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ ...about, summary, failures }, undefined, 2)}\n`);
  console.table(summary);
  return file;
};

const main = async (): Promise<number> => {
  const { model, repeat, only, help } = flags;
  if (help || model === "" || !/^[1-9]\d*$/.test(repeat)) {
    console.log(usage);
    return help ? 0 : 2;
  }
  const all = Object.keys(scenarios) as ScenarioName[];
  const names = all.filter((name) => new RegExp(only, "i").test(name));
  const scripted = model === "scripted";
  const rows = scripted ? await playScripts(names, server) : await playModel(names, model);
  const problems = rows.filter(({ passed }) => !passed).map(describe);
  const passed = rows.length - problems.length;
  if (scripted) problems.push(...(await unnoticedChanges(server)), ...misreadPhrases());
  else console.log(`report: ${writeReport(model, rows)}`);
  console.log([...problems, `${passed} of ${rows.length} runs as wanted`].join("\n"));
  // A model that does badly is a result; a run that broke off, or a scripted one out of line, is not.
  const broken = rows.length === 0 || rows.some(({ error }) => error !== undefined);
  return broken || (scripted && problems.length > 0) ? 1 : 0;
};

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  return 2;
});
