import { type Calls, concurrency, type Growth } from "./calls.ts";
import type { Npx } from "./installed.ts";
import type { StartUp } from "./start-up.ts";

/** Everything that is measured on one Node. */
export type Battery = {
  node: string;
  start: Record<string, StartUp>;
  calls: Calls;
  growth: { ours: Growth; forwarder: Growth };
  idle: { seconds: number; cpu_ms: number };
};

export type Results = {
  quick: boolean;
  machine: { cpu: string; cores: number; memory_gb: number };
  version: string;
  batteries: Battery[];
  npx: Npx;
};

type Row = {
  figure: string;
  bound: "at most" | "at least";
  reach: number;
  /** One for each Node; `forwarder`: the same of the bare forwarder, where that has one. */
  values: number[];
  forwarder?: number[];
};

const of = (start: Record<string, StartUp>, name: string): StartUp => {
  const found = start[name];
  if (found === undefined) throw new Error(`${name} was not started`);
  return found;
};

type Read = (battery: Battery) => number;

const rows: (Omit<Row, "values" | "forwarder"> & { read: Read; readForwarder?: Read })[] = [
  {
    figure: "start to `initialize`, against bare `node -e 0`",
    bound: "at most",
    reach: 2.2,
    read: ({ start }) => of(start, "ours").init_vs_bare,
  },
  {
    figure: "start to `tools/list`, against `initialize`",
    bound: "at most",
    reach: 1.1,
    read: ({ start }) => of(start, "ours").list_vs_init ?? Number.NaN,
  },
  {
    figure: "peak memory after `tools/list`, against a server without packages",
    bound: "at most",
    reach: 1.25,
    read: ({ start }) => peak(start, "ours") / peak(start, "floor"),
  },
  {
    figure: "one call, p50, against a bare forwarder",
    bound: "at most",
    reach: 1.25,
    read: ({ calls }) => calls.p50_vs_forwarder,
  },
  {
    figure: "server CPU per call, one at a time, against a bare forwarder",
    bound: "at most",
    reach: 1.25,
    read: ({ calls }) => calls.cpu_one_at_a_time_vs_forwarder,
  },
  {
    figure: `server CPU per call at concurrency ${concurrency}, against a bare forwarder`,
    bound: "at most",
    reach: 1.25,
    read: ({ calls }) => calls.cpu_vs_forwarder,
  },
  {
    figure: `calls per second at concurrency ${concurrency}, against a bare forwarder`,
    bound: "at least",
    reach: 0.8,
    read: ({ calls }) => calls.per_second_vs_forwarder,
  },
  {
    figure: "memory after 10,000 calls, against after 1,000",
    bound: "at most",
    reach: 1.2,
    read: ({ growth }) => growth.ours.ratio,
    readForwarder: ({ growth }) => growth.forwarder.ratio,
  },
  {
    figure: "CPU of idling, ms per second",
    bound: "at most",
    reach: 2,
    read: ({ idle }) => idle.cpu_ms / idle.seconds,
  },
];

const peak = (start: Record<string, StartUp>, name: string): number =>
  of(start, name).peak_mb?.p50 ?? Number.NaN;

const isReached = ({ bound, reach }: Pick<Row, "bound" | "reach">, value: number): boolean =>
  bound === "at most" ? value <= reach : value >= reach;

/** Each figure of each battery, in the order of the batteries, beside what is to be reached. */
export const figuresOf = ({ batteries, npx }: Results): Row[] => [
  ...rows.map(({ read, readForwarder, ...row }) => ({
    ...row,
    values: batteries.map(read),
    ...(readForwarder && { forwarder: batteries.map(readForwarder) }),
  })),
  {
    figure: "first `npx` with a warm npm cache, against an empty package",
    bound: "at most",
    reach: 1.3,
    values: [npx.npx_vs_empty],
  },
];

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** The figures as a table for people. */
export const figuresTable = (figures: readonly Row[], nodes: readonly string[]): string => {
  const body = figures.map((row) => {
    const values = nodes.map((_, i) => {
      const value = row.values[i];
      if (value === undefined) return "";
      const beside = row.forwarder?.[i];
      const shown = beside === undefined ? "" : `, forwarder ${beside.toFixed(2)}`;
      return `${value.toFixed(2)}${isReached(row, value) ? "" : " (missed)"}${shown}`;
    });
    return line([row.figure, ...values, `${row.bound} ${row.reach}`]);
  });
  const head = ["figure", ...nodes, "goal"];
  return [line(head), line(head.map(() => "---")), ...body].join("\n");
};

/** Each server's start and memory as a table for people. */
export const serversTable = (start: Record<string, StartUp>): string => {
  const head = ["server", "start to `initialize`, against bare node (p10-p90, ms)", "peak, MB"];
  const body = Object.entries(start).map(([name, { init_vs_bare, init_ms, peak_mb }]) =>
    line([
      name,
      `${init_vs_bare.toFixed(2)} (${init_ms.p10.toFixed(0)}-${init_ms.p90.toFixed(0)})`,
      peak_mb?.p50.toFixed(0) ?? "",
    ]),
  );
  return [line(head), line(head.map(() => "---")), ...body].join("\n");
};
