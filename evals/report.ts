import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Played, View } from "./loop.ts";
import type { ScenarioName } from "./scenarios.ts";
import type { Failed } from "./score.ts";

/** One run of one scenario. */
export type Row = {
  name: ScenarioName;
  view: View;
  agent: "model" | "right" | "wrong";
  passed: boolean;
  failed: readonly Failed[];
  /** Absent where the run never came to an end, because the provider or the server failed. */
  played?: Played;
  error?: string;
  /** What the judge model said; not part of the score. */
  judge?: string;
};

export type About = {
  model: string;
  judge: string | undefined;
  repeat: number;
  versions: Record<string, string>;
};

const mean = (numbers: readonly number[]): number =>
  numbers.length === 0 ? 0 : numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

const rounded = (n: number): number => Math.round(n * 100) / 100;

const summaryOf = (rows: readonly Row[]) => {
  const ended = rows.flatMap(({ played }) => (played ? [played] : []));
  const failed = rows.flatMap((row) => [
    ...row.failed.map(({ check }) => check),
    ...(row.error ? ["error"] : []),
  ]);
  return {
    runs: rows.length,
    passed: rows.filter(({ passed }) => passed).length,
    errors: rows.filter(({ error }) => error !== undefined).length,
    calls: rounded(mean(ended.map(({ calls }) => calls.length))),
    input_tokens: Math.round(mean(ended.map(({ tokens }) => tokens.input))),
    output_tokens: Math.round(mean(ended.map(({ tokens }) => tokens.output))),
    ms: Math.round(mean(ended.map(({ ms }) => ms))),
    failed: [...new Set(failed)],
  };
};

const groupsOf = (rows: readonly Row[]) => {
  const keyOf = ({ name, view, agent }: Row) => JSON.stringify([name, view, agent]);
  return [...new Set(rows.map(keyOf))].map((key) => {
    const [scenario, view, agent] = JSON.parse(key) as string[];
    return { scenario, view, agent, ...summaryOf(rows.filter((row) => keyOf(row) === key)) };
  });
};

/** A line for each scenario, view and agent: runs that passed, mean calls, mean tokens, what failed. */
export const tableOf = (rows: readonly Row[]): string => {
  const lines = groupsOf(rows).map((group) => [
    String(group.scenario),
    String(group.view),
    String(group.agent),
    `${group.passed}/${group.runs}`,
    String(group.calls),
    `${group.input_tokens}+${group.output_tokens}`,
    String(group.ms),
    group.failed.join(", "),
  ]);
  const table = [
    ["scenario", "view", "agent", "passed", "calls", "tokens", "ms", "checks failed"],
    ...lines,
  ];
  const widths =
    table[0]?.map((_, i) => Math.max(...table.map((line) => line[i]?.length ?? 0))) ?? [];
  return table
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
};

/** Writes everything about the run: whose it was, the figures, the transcripts of what failed. */
export const writeReport = (path: string, rows: readonly Row[], about: About): void => {
  const models = rows.filter(({ agent }) => agent === "model");
  const scored = models.filter(({ error }) => error === undefined);
  const passRate =
    scored.length > 0 ? rounded(mean(scored.map(({ passed }) => Number(passed)))) : null;
  const failures = rows.filter(({ passed }) => !passed);
  const judged = rows.filter(({ judge }) => judge !== undefined);
  const report = {
    ...about,
    date: new Date().toISOString(),
    note: models.length === 0 ? "scripted agents: this says nothing about any model" : undefined,
    pass_rate: passRate,
    groups: groupsOf(rows),
    judged: judged.map(({ name, view, judge }) => ({ name, view, opinion_of_a_model: judge })),
    failures: failures.map(({ played, ...row }) => ({ ...row, ...(played && withoutKey(played)) })),
  };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`);
};

const withoutKey = ({ apiKey: _, system: __, ...played }: Played) => played;
