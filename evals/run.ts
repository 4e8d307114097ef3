import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { LanguageModel } from "ai";
import ai from "ai/package.json" with { type: "json" };
import { views } from "./loop.ts";
import { judgeRun, modelNamed } from "./models.ts";
import { type Row, tableOf, writeReport } from "./report.ts";
import { inPool, runOnce } from "./runs.ts";
import { type ScenarioName, scenarios } from "./scenarios.ts";
import { misreadPhrases, playScripts, unnoticedChanges } from "./scripted.ts";

const here = import.meta.dirname;
/** npm runs the script in evals/; paths are meant from where the command was given. */
const given = (path: string): string => resolve(process.env.INIT_CWD ?? ".", path);
const usage = `npm run evals -- --model scripted | anthropic:<model> | openai:<model> | openai-compatible:<model>
  --judge <model>     a second model's opinion of each run, beside the score
  --repeat <n>        runs of each scenario in each view (1)
  --only <pattern>    scenarios whose name matches
  --server <file>     another built server (dist/prelude-profile-mcp.cjs)
  --out <file>        where the report goes (evals/out/<model>.json)
EVALS_MODEL stands in for --model. Keys: ANTHROPIC_API_KEY, OPENAI_API_KEY; openai-compatible:
EVALS_BASE_URL, EVALS_API_KEY.`;

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: process.env.EVALS_MODEL ?? "" },
    judge: { type: "string" },
    repeat: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    server: { type: "string", default: resolve(here, "..", "dist", "prelude-profile-mcp.cjs") },
    out: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const print = (text: string) => process.stdout.write(`${text}\n`);

const choose = (): ScenarioName[] =>
  (Object.keys(scenarios) as ScenarioName[]).filter((name) =>
    new RegExp(flags.only, "i").test(name),
  );

const playModel = (
  names: readonly ScenarioName[],
  model: LanguageModel,
  judge: LanguageModel | undefined,
): Promise<Row[]> => {
  const times = Array.from({ length: Number(flags.repeat) });
  const jobs = names.flatMap((name) => views.flatMap((view) => times.map(() => ({ name, view }))));
  return inPool(jobs, async (job) => {
    const row = await runOnce({ ...job, agent: "model", model, server: given(flags.server) });
    if (!judge || !row.played) return row;
    const opinion = judgeRun(judge, row.played).catch((error: unknown) => `no opinion: ${error}`);
    return { ...row, judge: await opinion };
  });
};

const describe = ({ name, view, agent, failed, error }: Row): string => {
  const checks = failed.map(({ check, why }) => `${check}: ${why}`).join("; ");
  return `FAILED ${name} (${view}, ${agent}): ${error ?? (checks || "not caught")}`;
};

const main = async (): Promise<number> => {
  const { model, judge, repeat } = flags;
  const server = given(flags.server);
  if (flags.help || model === "" || !/^[1-9]\d*$/.test(repeat)) {
    print(usage);
    return flags.help ? 0 : 2;
  }
  const scripted = model === "scripted";
  const judgeModel = judge === undefined ? undefined : modelNamed(judge, process.env);
  const names = choose();
  const rows = scripted
    ? await playScripts(names, server)
    : await playModel(names, modelNamed(model, process.env), judgeModel);
  const problems = rows.filter(({ passed }) => !passed).map(describe);
  const passed = rows.length - problems.length;
  if (scripted) problems.push(...(await unnoticedChanges(rows, server)), ...misreadPhrases());

  const file = given(
    flags.out ?? resolve(here, "out", `${model.replaceAll(/[^\w.-]+/g, "-")}.json`),
  );
  const versions = {
    server: rows.find(({ played }) => played)?.played?.serverVersion ?? "unknown",
    ai: ai.version,
    node: process.versions.node,
  };
  writeReport(file, rows, { model, judge, repeat: Number(repeat), versions });
  print([tableOf(rows), ...problems].join("\n"));
  print(`${passed} of ${rows.length} runs as wanted; report: ${file}`);
  // A model that does badly is a result; a run that broke off, or a scripted one out of line, is not.
  const broken = rows.length === 0 || rows.some(({ error }) => error !== undefined);
  return broken || (scripted && problems.length > 0) ? 1 : 0;
};

process.exitCode = await main().catch((error: unknown) => {
  print(error instanceof Error ? error.message : String(error));
  return 2;
});
