import { expect, it, onTestFinished } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { createClient } from "../../src/prelude/client.ts";
import type { UpdateResult } from "../../src/tools/update-profile/schema.ts";
import { createUpdateProfile } from "../../src/tools/update-profile/update-profile.ts";
import { startGuarded } from "../support/guarded.ts";
import { app, type ServerProcess, user } from "../support/server-process.ts";
import { apiError, noContent, startUpstream } from "../support/upstream.ts";

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

const held = {
  status: "not_updated",
  updated_keys: [],
  error: { code: "too_many_writes", retryable: true },
};

it("holds the call after the last one permitted, for whatever user, and says when to go on", async () => {
  const { server, upstream } = await startGuarded({ env: limit(2) });
  for (const userId of [user, "usr_other"]) {
    const { structured } = await server.callTool(argumentsFor(userId));
    expect(structured.status).toBe("updated");
  }
  for (const userId of [user, "usr_third"]) {
    const { structured, isError } = await server.callTool(argumentsFor(userId));
    expect(isError).toBe(true);
    expect(structured).toMatchObject(held);
    const seconds = structured.error?.retry_after_seconds ?? 0;
    expect(seconds).toBeGreaterThan(30);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(structured.error?.message).toContain("PRELUDE_MAX_WRITES_PER_MINUTE");
    expect(structured.error?.next_step).toContain(
      `Wait ${seconds} s, then repeat the identical call`,
    );
  }
  expect(upstream.received).toHaveLength(2);
});

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

it("is off at 0", async () => {
  const { server, upstream } = await startGuarded({ env: limit(0) });
  const results = await callAtOnce(server, 150);
  expect(counted(results, "updated")).toBe(150);
  expect(upstream.received).toHaveLength(150);
});

it("counts a call with its retries as one", async () => {
  const busy = apiError(503, "internal", "Busy.", { "retry-after-ms": "1" });
  const { server, upstream } = await startGuarded({
    env: limit(2),
    answers: [busy, busy, noContent],
  });
  const outcomes = await callAtOnce(server, 1);
  outcomes.push(...(await callAtOnce(server, 2)));
  expect(outcomes.map(codeOf)).toEqual(["updated", "updated", "too_many_writes"]);
  expect(upstream.received).toHaveLength(4);
});

it("counts a call that looks for reserved keys as one", async () => {
  const { server, upstream } = await startGuarded({ env: limit(2) });
  upstream.play(({ profile }, ...rest) =>
    ("sub" in profile ? apiError(400, "reserved_profile_key") : noContent)(
      { profile } as never,
      ...rest,
    ),
  );
  const profile = { a: "1", b: "2", sub: "3", c: "4" };
  const args = { ...argumentsFor(user), profile, on_reserved_key: "skip" };
  const codes: string[] = [];
  for (let i = 0; i < 3; i++) codes.push(codeOf((await server.callTool(args)).structured));
  expect(codes).toEqual(["reserved_profile_key", "reserved_profile_key", "too_many_writes"]);
  expect(upstream.received.length).toBeGreaterThan(4);
});

it("is not used up by calls that another guard refuses", async () => {
  const { server, upstream } = await startGuarded({
    env: { ...limit(1), PRELUDE_BLOCKED_KEYS: "role" },
  });
  const refused = [
    { ...argumentsFor(user), profile: { role: "x" } },
    { ...argumentsFor(user), profile: {} },
    { profile: { first_name: "Jane" } },
  ];
  for (const args of refused) {
    const { structured } = await server.callTool(args);
    expect(structured.error?.code).not.toBe("too_many_writes");
  }
  const { structured } = await server.callTool(argumentsFor(user));
  expect(structured.status).toBe("updated");
  expect(upstream.received).toHaveLength(1);
});

it("lets a held call through once its wait is over", async () => {
  const upstream = await startUpstream();
  onTestFinished(upstream.close);
  const client = createClient({
    baseUrl: upstream.url,
    apiKey: "key",
    product: "test/1",
    useProxy: false,
  });
  onTestFinished(client.close);
  const { config, problems } = readConfig({ ...limit(2), PRELUDE_API_KEY: "key" }, () => "");
  if (!config) throw new Error(problems.join());
  const clock = { seconds: 0 };
  const update = createUpdateProfile({
    config,
    sandbox: false,
    client: async () => client,
    audit: undefined,
    now: () => clock.seconds * 1000,
  });
  const callAt = async (seconds: number) => {
    clock.seconds = seconds;
    const result = await update({
      arguments: argumentsFor(user),
      signal: new AbortController().signal,
      clientName: undefined,
      clientVersion: undefined,
      answered: () => undefined,
      confirm: async () => "unavailable",
      progress: () => {},
    });
    if ("question" in result) return result;
    return result.error?.retry_after_seconds ?? result.status;
  };
  const answers: unknown[] = [];
  for (const seconds of [0, 30, 40, 59.5, 60, 61, 90]) answers.push(await callAt(seconds));
  expect(answers).toEqual(["updated", "updated", 20, 1, "updated", 29, "updated"]);
  expect(upstream.received).toHaveLength(4);
});
