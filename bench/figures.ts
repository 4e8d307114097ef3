import type { Calls } from "./calls.ts";
import type { StartUp } from "./start-up.ts";

/** Everything that is measured on one Node. */
export type Battery = {
  node: string;
  start: Record<"floor" | "ours" | "forwarder", StartUp>;
  calls: Calls;
  /** CPU of a server that nobody calls, ms per second. */
  idle: number;
};

type Figure = {
  figure: string;
  bound: "at most" | "at least";
  reach: number;
  read: (battery: Battery) => number;
};

const atMost = (reach: number, figure: string, read: Figure["read"]): Figure => ({
  figure,
  bound: "at most",
  reach,
  read,
});
const atLeast = (reach: number, figure: string, read: Figure["read"]): Figure => ({
  ...atMost(reach, figure, read),
  bound: "at least",
});

const figures: readonly Figure[] = [
  atMost(
    2.2,
    "start to `initialize`, against bare `node -e 0`",
    ({ start }) => start.ours.init_vs_bare,
  ),
  atMost(
    1.1,
    "start to `tools/list`, against `initialize`",
    ({ start }) => start.ours.list_vs_init,
  ),
  atMost(
    1.25,
    "peak memory after `tools/list`, against a server without packages",
    ({ start }) => start.ours.peak_mb.p50 / start.floor.peak_mb.p50,
  ),
  atMost(1.25, "one call, p50, against a bare forwarder", ({ calls }) => calls.p50_vs_forwarder),
  atMost(
    1.25,
    "server CPU per call, one at a time, against a bare forwarder",
    ({ calls }) => calls.cpu_one_at_a_time_vs_forwarder,
  ),
  atMost(
    1.25,
    "server CPU per call at concurrency 32, against a bare forwarder",
    ({ calls }) => calls.cpu_vs_forwarder,
  ),
  atLeast(
    0.8,
    "calls per second at concurrency 32, against a bare forwarder",
    ({ calls }) => calls.per_second_vs_forwarder,
  ),
  atMost(2, "CPU of idling, ms per second", ({ idle }) => idle),
];

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const table = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");

/** The figures of each Node as a table for people, beside what is to be reached. */
export const figuresTable = (batteries: readonly Battery[]): string => {
  const body = figures.map(({ figure, bound, reach, read }) => {
    const values = batteries.map((battery) => {
      const value = read(battery).toFixed(2);
      const reached = bound === "at most" ? Number(value) <= reach : Number(value) >= reach;
      return `${value}${reached ? "" : " (missed)"}`;
    });
    return [figure, ...values, `${bound} ${reach}`];
  });
  return table(["figure", ...batteries.map(({ node }) => node), "goal"], body);
};

/** Each server's start and memory as a table for people. */
export const serversTable = ({ node, start }: Battery): string => {
  const head = [
    `server on ${node}`,
    "start to `initialize`, against bare (p10-p90, ms)",
    "peak, MB",
  ];
  const body = Object.entries(start).map(([name, { init_vs_bare, init_ms, peak_mb }]) => [
    name,
    `${init_vs_bare.toFixed(2)} (${init_ms.p10.toFixed(0)}-${init_ms.p90.toFixed(0)})`,
    peak_mb.p50.toFixed(0),
  ]);
  return table(head, body);
};
