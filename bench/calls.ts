import { type Server, startServer, startUpstream, threadsCpuMs } from "./processes.ts";
import { median, now, type Summary, shuffled, summary } from "./stats.ts";

const concurrency = 32;

/** How much is measured. */
export type Amount = { rounds: number; latencyCalls: number; throughputCalls: number };

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

const call = async (server: Server, user: number): Promise<void> => {
  const profile = { first_name: "Jane", last_name: "Smith" };
  const args = { app_id: "54e9ujn", user_id: `usr_${user}`, profile };
  const params = { name: "update_user_profile", arguments: args };
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

type Round = { ours: Sample; forwarder: Sample };

const describe = (rounds: readonly Round[]): Calls => {
  const each = (read: (round: Round) => number) => median(rounds.map(read));
  const ratio = (read: (sample: Sample) => number) =>
    each(({ ours, forwarder }) => read(ours) / read(forwarder));
  const call_ms = summary(rounds.flatMap(({ ours }) => ours.latencies));
  const forwarder_ms = summary(rounds.flatMap(({ forwarder }) => forwarder.latencies));
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

/** Calls to our server, and to a server that only forwards them, by turns. */
export const measureCalls = async (
  node: string,
  files: { ours: string; forwarder: string },
  amount: Amount,
): Promise<Calls> => {
  const upstream = await startUpstream();
  const ours = startServer([node, files.ours], upstream.env);
  const forwarder = startServer([node, files.forwarder], upstream.env);
  await Promise.all([ours.initialize(), forwarder.initialize()]);
  const rounds: Round[] = [];
  for (let round = 0; round <= amount.rounds; round++) {
    const samples = new Map<Server, Sample>();
    for (const server of shuffled([ours, forwarder]))
      samples.set(server, await sampleServer(server, amount));
    const [mine, theirs] = [samples.get(ours), samples.get(forwarder)];
    // The first round warms all up.
    if (round > 0 && mine && theirs) rounds.push({ ours: mine, forwarder: theirs });
  }
  await Promise.all([ours.end(), forwarder.end()]);
  upstream.end();
  return describe(rounds);
};
