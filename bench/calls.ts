import {
  type Env,
  memory,
  receive,
  type Server,
  startHelper,
  startServer,
  threadsCpuMs,
} from "./processes.ts";
import { median, now, type Summary, shuffled, summary } from "./stats.ts";

export const concurrency = 32;

/** How much is measured. */
export type Amount = { rounds: number; latencyCalls: number; throughputCalls: number };

/** The programs: each file is run by the Node under test. */
export type Programs = { ours: string; forwarder: string; upstream: string };

/** Ratios are against the forwarder; CPU is that of the server's process for one call. */
export type Calls = {
  call_ms: Summary;
  forwarder_ms: Summary;
  p50_vs_forwarder: number;
  per_second: number;
  forwarder_per_second: number;
  per_second_vs_forwarder: number;
  cpu_vs_forwarder: number;
  cpu_one_at_a_time_vs_forwarder: number;
  cpu_ms: number;
  forwarder_cpu_ms: number;
};

/** One round of one program: times in ms, CPU in ms per call. */
type Sample = { latencies: number[]; perSecond: number; cpuSequential: number; cpu: number };

const args = (user: number) => ({
  app_id: "54e9ujn",
  user_id: `usr_${user}`,
  profile: { first_name: "Jane", last_name: "Smith" },
});

const call = async (server: Server, user: number): Promise<void> => {
  const params = { name: "update_user_profile", arguments: args(user) };
  const { result } = await server.request("tools/call", params);
  const { status } = (result?.structuredContent ?? {}) as { status?: string };
  if (status !== "updated") throw new Error(JSON.stringify(result));
};

/** As many calls, `concurrency` at a time, each of these for a user of its own. */
const many = async (server: Server, count: number): Promise<void> => {
  let left = count;
  const worker = async (user: number) => {
    while (left-- > 0) await call(server, user);
  };
  await Promise.all(Array.from({ length: concurrency }, (_, user) => worker(user)));
};

const sampleServer = async (server: Server, amount: Amount): Promise<Sample> => {
  const { latencyCalls, throughputCalls } = amount;
  const latencies: number[] = [];
  const cpuBefore = threadsCpuMs(server.pid);
  for (let i = 0; i < latencyCalls; i++) {
    const started = now();
    await call(server, 0);
    latencies.push(now() - started);
  }
  const cpuBetween = threadsCpuMs(server.pid);
  const started = now();
  await many(server, throughputCalls);
  const perSecond = throughputCalls / ((now() - started) / 1000);
  const cpuAfter = threadsCpuMs(server.pid);
  return {
    latencies,
    perSecond,
    cpuSequential: (cpuBetween - cpuBefore) / latencyCalls,
    cpu: (cpuAfter - cpuBetween) / throughputCalls,
  };
};

type Name = "ours" | "forwarder";

const describe = (samples: Record<Name, Sample>[]): Calls => {
  const each = (read: (round: Record<Name, Sample>) => number) => median(samples.map(read));
  const ratio = (read: (sample: Sample) => number) =>
    each(({ ours, forwarder }) => read(ours) / read(forwarder));
  const latencies = (name: Name) => summary(samples.flatMap((round) => round[name].latencies));
  const [call_ms, forwarder_ms] = [latencies("ours"), latencies("forwarder")];
  return {
    call_ms,
    forwarder_ms,
    p50_vs_forwarder: call_ms.p50 / forwarder_ms.p50,
    per_second: each(({ ours }) => ours.perSecond),
    forwarder_per_second: each(({ forwarder }) => forwarder.perSecond),
    per_second_vs_forwarder: ratio(({ perSecond }) => perSecond),
    cpu_vs_forwarder: ratio(({ cpu }) => cpu),
    cpu_one_at_a_time_vs_forwarder: ratio(({ cpuSequential }) => cpuSequential),
    cpu_ms: each(({ ours }) => ours.cpu),
    forwarder_cpu_ms: each(({ forwarder }) => forwarder.cpu),
  };
};

const startUpstream = async (node: string, program: string) => {
  const upstream = startHelper(node, program);
  const url = `http://127.0.0.1:${await receive<number>(upstream)}`;
  const env: Env = {
    PRELUDE_API_KEY: "bench",
    PRELUDE_BASE_URL: url,
    PRELUDE_MAX_WRITES_PER_MINUTE: "0",
  };
  return { upstream, env };
};

/** Calls to our server, and to a server that only forwards them. */
export const measureCalls = async (
  node: string,
  programs: Programs,
  amount: Amount,
): Promise<Calls> => {
  const { upstream, env } = await startUpstream(node, programs.upstream);
  const ours = startServer([node, programs.ours], env);
  const forwarder = startServer([node, programs.forwarder], env);
  await Promise.all([ours.initialize(), forwarder.initialize()]);
  const jobs: Record<Name, () => Promise<Sample>> = {
    ours: () => sampleServer(ours, amount),
    forwarder: () => sampleServer(forwarder, amount),
  };
  const rounds: Record<Name, Sample>[] = [];
  for (let round = 0; round <= amount.rounds; round++) {
    const samples: Partial<Record<Name, Sample>> = {};
    for (const name of shuffled(Object.keys(jobs) as Name[])) samples[name] = await jobs[name]();
    // The first round warms all up.
    if (round > 0) rounds.push(samples as Record<Name, Sample>);
  }
  await Promise.all([ours.end(), forwarder.end()]);
  upstream.disconnect();
  return describe(rounds);
};

export type Growth = { after_1000_mb: number; after_10000_mb: number; ratio: number };

/** Resident memory after 1,000 and after 10,000 calls; of several servers, the one in the middle. */
export const measureGrowth = async (
  node: string,
  program: string,
  upstreamProgram: string,
  servers: number,
): Promise<Growth> => {
  const { upstream, env } = await startUpstream(node, upstreamProgram);
  const grown: Growth[] = [];
  for (let i = 0; i < servers; i++) {
    const server = startServer([node, program], env);
    await server.initialize();
    await many(server, 1_000);
    const after_1000_mb = memory(server.pid, "VmRSS");
    await many(server, 9_000);
    const after_10000_mb = memory(server.pid, "VmRSS");
    await server.end();
    grown.push({ after_1000_mb, after_10000_mb, ratio: after_10000_mb / after_1000_mb });
  }
  upstream.disconnect();
  const middle = grown.sort((a, b) => a.ratio - b.ratio)[grown.length >> 1];
  if (middle === undefined) throw new Error("no server was measured");
  return middle;
};
