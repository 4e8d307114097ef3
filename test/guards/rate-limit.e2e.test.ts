import { setImmediate as tick } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import type { Person } from "../../src/guards/confirmation.ts";
import { createClient } from "../../src/prelude/client.ts";
import type { UpdateResult } from "../../src/tools/update-profile/schema.ts";
import { startGuarded } from "../support/guarded.ts";
import { app, type ServerProcess, user } from "../support/server-process.ts";
import { type Handler, startUpstream } from "../support/upstream.ts";
import { callOf, createUpdateProfile, dependenciesOf } from "../support/use-case.ts";

const limit = (count: number) => ({ PRELUDE_MAX_WRITES_PER_MINUTE: String(count) });
const argumentsFor = (userId: string) => ({
  app_id: app,
  user_id: userId,
  profile: { first_name: "Jane" },
});

/** Calls that all start at once, each for a user of its own. */
const callAtOnce = (server: ServerProcess, count: number): Promise<UpdateResult[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const { structured } = await server.callTool(argumentsFor(`usr_${i}`));
      return structured;
    }),
  );

const codeOf = (result: UpdateResult): string => result.error?.code ?? result.status;
const counted = (results: UpdateResult[], code: string) =>
  results.filter((result) => codeOf(result) === code).length;

it("lets exactly the permitted number of simultaneous calls through", async () => {
  const { server, upstream } = await startGuarded({ env: limit(10) });
  const results = await callAtOnce(server, 40);
  expect(counted(results, "updated")).toBe(10);
  expect(counted(results, "too_many_writes")).toBe(30);
  expect(upstream.received).toHaveLength(10);
});

it("is on unless turned off, at 120", async () => {
  const { server, upstream } = await startGuarded();
  const results = await callAtOnce(server, 121);
  expect(counted(results, "too_many_writes")).toBe(1);
  expect(upstream.received).toHaveLength(120);
});

/** The use case before a real server, on a clock that only a test moves. */
const startOnClock = async (env: Record<string, string>, ...answers: Handler[]) => {
  const upstream = await startUpstream(...answers);
  onTestFinished(upstream.close);
  const client = createClient({
    baseUrl: upstream.url,
    apiKey: "key",
    product: "test/1",
    useProxy: false,
  });
  onTestFinished(client.close);
  const { config, problems } = readConfig({ ...env, PRELUDE_API_KEY: "key" });
  if (!config) throw new Error(problems.join());
  const clock = { seconds: 0 };
  const now = () => clock.seconds * 1000;
  const update = createUpdateProfile(dependenciesOf(config, client, { now }));
  const callAt = async (seconds: number, userId: string, confirm: Person["confirm"]) => {
    clock.seconds = seconds;
    const result = await update(callOf(argumentsFor(userId), { confirm }));
    if ("question" in result) throw new Error("not to be asked by result");
    return result;
  };
  return { upstream, clock, callAt };
};
const nobody: Person["confirm"] = async () => "unavailable";

it("lets a held call through once its wait is over", async () => {
  const { upstream, callAt } = await startOnClock(limit(2));
  const answers: unknown[] = [];
  for (const seconds of [0, 30, 40, 59.5, 60, 61, 90]) {
    const result = await callAt(seconds, user, nobody);
    answers.push(result.error?.retry_after_seconds ?? result.status);
  }
  expect(answers).toEqual(["updated", "updated", 20, 1, "updated", 29, "updated"]);
  expect(upstream.received).toHaveLength(4);
});

it.each([1, 2])("questions of several minutes, answered together: %d write", async (max) => {
  const { upstream, clock, callAt } = await startOnClock({
    ...limit(max),
    PRELUDE_CONFIRM: "true",
  });
  const people: ((answer: "accepted") => void)[] = [];
  const confirm: Person["confirm"] = () => new Promise((resolve) => people.push(resolve));
  const calls: Promise<UpdateResult>[] = [];
  for (const seconds of [0, 61, 122, 183]) {
    for (let i = 0; i < max; i++) calls.push(callAt(seconds, `usr_${seconds}_${i}`, confirm));
    for (let i = 0; i < 20; i++) await tick();
  }
  clock.seconds = 200;
  expect(people).toHaveLength(4 * max);
  for (const answer of people) answer("accepted");
  const results = await Promise.all(calls);
  expect(counted(results, "updated")).toBe(max);
  expect(counted(results, "too_many_writes")).toBe(3 * max);
  expect(upstream.received).toHaveLength(max);
});

it.each([1, 2])("questions are limited too: %d in a minute", async (max) => {
  const { callAt } = await startOnClock({ ...limit(max), PRELUDE_CONFIRM: "true" });
  const seen: number[] = [];
  const decline = (seconds: number) =>
    callAt(seconds, user, async () => {
      seen.push(seconds);
      return "declined";
    });
  const results: UpdateResult[] = [];
  for (const seconds of [0, 1, 2, 3, 62, 63, 64]) results.push(await decline(seconds));
  expect(seen).toEqual(max === 1 ? [0, 62] : [0, 1, 62, 63]);
  expect(counted(results, "too_many_writes")).toBe(7 - seen.length);
});
