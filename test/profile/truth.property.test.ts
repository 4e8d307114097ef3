import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { escapeInvisible } from "../../src/lib/text.ts";
import { createClient, type PreludeClient } from "../../src/prelude/client.ts";
import { readArguments } from "../../src/tools/arguments.ts";
import {
  argumentsSpec,
  outputSchema,
  type UpdateResult,
} from "../../src/tools/update-profile/schema.ts";
import { defaults } from "../config/support.ts";
import {
  apiBody,
  applied,
  compressed,
  drop,
  type FaultServer,
  honest,
  interim,
  never,
  raw,
  reply,
  reset,
  type Stage,
  type Step,
  startFaultServer,
  succeeding,
  truncated,
} from "../support/fault-server.ts";
import {
  callOf,
  createUpdateProfile,
  dependenciesOf,
  type UpdateProfile,
} from "../support/use-case.ts";

const runs = Number(process.env.PROPERTY_RUNS ?? 1_000);
const seed = process.env.PROPERTY_SEED;

const apiKey = "test-key-0f5e";
const appId = "54e9ujn";
const valueMark = "value-of-";

/** What may happen to one request. `cancel` and `hang` need the call; the rest is the server's. */
const faults = {
  "drop before": drop,
  "drop after": applied(drop),
  "reset before": reset,
  "reset after": applied(reset),
  "408": reply(408),
  "429": reply(429),
  "429, far too long": reply(429, "", { "retry-after": "3600" }),
  "429, now": reply(429, "", { "retry-after-ms": "0" }),
  "429, do not": reply(429, "", { "x-should-retry": "false" }),
  "500 before": reply(500, apiBody("internal")),
  "500 after": applied(reply(500, `<p>Bearer ${apiKey}</p>`)),
  "502 after": applied(reply(502)),
  "503 before": reply(503, "", { "retry-after-ms": "1" }),
  "503 after, do not": applied(reply(503, "", { "x-should-retry": "false" })),
  "504 after": applied(reply(504)),
  "501 after": applied(reply(501)),
  "520 after": applied(reply(520)),
  "user gone": reply(404, apiBody("user_not_found", `No such user, Bearer ${apiKey}.`)),
  "session disabled": reply(403, apiBody("session_disabled")),
  "key revoked": reply(401, apiBody("invalid_api_token", apiKey)),
  invalid: reply(400, apiBody("invalid_request")),
  "reserved, wrongly": reply(400, apiBody("reserved_profile_key")),
  "unknown 409": reply(409, apiBody("conflict")),
  "409, try again": reply(409, "", { "x-should-retry": "true" }),
  "bare 404": reply(404),
  "200": succeeding(reply(200)),
  "200 with JSON": succeeding(reply(200, {})),
  "200 with gzip": succeeding(compressed("gzip", 200, "{}")),
  "200, broken off": succeeding(truncated(200, "{")),
  "200, broken off before": truncated(200, "{"),
  "a page": reply(200, "<h1>Sign in</h1>"),
  "a page after": applied(reply(200, "<h1>Saved</h1>")),
  "redirect before": reply(307, "", { location: "/" }),
  "redirect after": applied(reply(303, "", { location: "/" })),
  "no HTTP before": raw("hello\r\n\r\n"),
  "no HTTP after": applied(raw("hello\r\n\r\n")),
  "204 with garbage": succeeding(raw("HTTP/1.1 204 No Content\r\n\r\nhello\r\n\r\n", false)),
  "HTTP/1.0": succeeding(raw("HTTP/1.0 204 No Content\r\n\r\n")),
  "early hints": interim(2, "103 Early Hints", honest),
  "100 unasked": interim(1, "100 Continue", honest),
  "100 unasked, then 500 after": interim(1, "100 Continue", applied(reply(500))),
  "200, failed after": applied(reply(200, { state: "FAILED" })),
  "200, pending": reply(200, { status: "pending" }),
  "200, nobody": reply(200, { detail: "Not authenticated" }),
  "403, a page": reply(403, "<h1>Sign in</h1>"),
  "200, success": succeeding(reply(200, { success: true })),
  "200, an error after": applied(reply(200, { error: "no" })),
  "200, no success after": applied(reply(200, { success: false })),
  "200, an error before": reply(200, { errors: ["no"] }),
  "200, false before": reply(200, "false"),
  "202 before": reply(202),
  "206 after": applied(reply(206, {})),
  "100 before": interim(1, "100 Continue", never),
  "101 after": applied(raw("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n")),
} as const satisfies Record<string, Step>;

type Fault = keyof typeof faults | "honest" | `${"cancel" | "hang"} ${"before" | "after"}`;

const theRest: Fault[] = ["cancel before", "cancel after", "hang before", "hang after"];

/** More often honest, so that searches get far; hanging costs time and is rare. */
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Fault>("honest") },
  { weight: 20, arbitrary: fc.constantFrom(...(Object.keys(faults) as Fault[])) },
  // What an API says that applied an attempt and then takes the repeat for something else.
  { weight: 4, arbitrary: fc.constant<Fault>("500 after") },
  { weight: 4, arbitrary: fc.constant<Fault>("reserved, wrongly") },
  { weight: 1, arbitrary: fc.constantFrom(...theRest) },
);

const oddKeys = ["__proto__", "constructor", "toJSON", "a", "A", "é", "e\u0301", "a\u200bb"];
const spec = argumentsSpec({ appId, userId: "usr_1", allowedKeys: undefined });
const isWritable = (name: string): boolean =>
  readArguments(spec, `{"profile":{${JSON.stringify(name)}:""}}`, []).issues.length === 0;
const key = fc
  .oneof(
    { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 6 }) },
    { weight: 1, arbitrary: fc.constantFrom(...oddKeys) },
  )
  .filter(isWritable);

type Case = {
  keys: string[];
  reserved: Set<string>;
  /** Keys that are refused only together; fewer than two are none. */
  rivals: string[];
  semantics: Stage["semantics"];
  onReservedKey: "fail" | "skip" | undefined;
  /** Whether the profile already held a key of its own and one of the call's. */
  before: boolean;
  script: Fault[];
};

const anyCase: fc.Arbitrary<Case> = fc
  .uniqueArray(key, { minLength: 1, maxLength: 14 })
  .chain((keys) =>
    fc.record({
      keys: fc.constant(keys),
      reserved: fc
        .oneof(
          { weight: 1, arbitrary: fc.constant([]) },
          { weight: 4, arbitrary: fc.subarray(keys, { maxLength: Math.min(3, keys.length) }) },
          { weight: 1, arbitrary: fc.subarray(keys) },
        )
        .map((names) => new Set(names)),
      rivals: fc.oneof(
        { weight: 4, arbitrary: fc.constant<string[]>([]) },
        { weight: 1, arbitrary: fc.subarray(keys, { maxLength: Math.min(3, keys.length) }) },
      ),
      semantics: fc.constantFrom("merge" as const, "replace" as const),
      onReservedKey: fc.constantFrom("fail" as const, "skip" as const, "skip" as const, undefined),
      before: fc.boolean(),
      script: fc.oneof(
        { weight: 1, arbitrary: fc.constant<Fault[]>([]) },
        { weight: 4, arbitrary: fc.array(fault, { maxLength: 16, size: "max" }) },
      ),
    }),
  );

let server: FaultServer;
let client: PreludeClient;

beforeAll(async () => {
  server = await startFaultServer();
  client = createClient({
    baseUrl: server.url,
    apiKey,
    product: "test",
    useProxy: false,
    firstDelayMs: 1,
  });
});

afterAll(async () => {
  await client.close();
  await server.close();
});

const useCase = (timeoutMs: number): UpdateProfile => {
  const config = { ...defaults, apiKey, maxWritesPerMinute: 0, timeoutMs };
  return createUpdateProfile(dependenciesOf(config, client));
};

const call = async (update: UpdateProfile, args: object, signal: AbortSignal) => {
  const result = await update(callOf(args, { signal }));
  if ("question" in result) throw new Error("nobody was to be asked");
  return result;
};

const stepOf = (name: Fault, cancel: () => void): Step => {
  if (name === "honest") return honest;
  if (name in faults) return faults[name as keyof typeof faults];
  const [what, when] = name.split(" ");
  const step: Step = what === "cancel" ? cancel : never;
  return when === "after" ? applied(step) : step;
};

const valuesFor = (keys: readonly string[]) =>
  Object.fromEntries(keys.map((name, i) => [name, `${valueMark}${i}`]));

/** The profile as it must be after a write of these keys and nothing else. */
const profileWith = (before: Map<string, string>, written: string[], of: Case) => {
  const values = valuesFor(of.keys);
  const profile = new Map(of.semantics === "merge" ? before : []);
  for (const name of written) profile.set(name, values[name] as string);
  return profile;
};

/** Whether the keys cannot be written in one patch, though none of them is reserved. */
const areRivals = ({ rivals, reserved }: Case): boolean =>
  rivals.length > 1 && !rivals.some((name) => reserved.has(name));

/** The keys of the call that a result names so. */
const sentAs = (named: readonly string[], keys: readonly string[]): string[] =>
  keys.filter((name) => named.includes(escapeInvisible(name)));

/** Whether each of these keys was sent in a patch of its own. */
const checkSentAlone = (stage: Stage, names: readonly string[] = []) => {
  const alone = stage.received.flatMap(({ profile }) => {
    const sent = Object.keys(profile);
    return sent.length === 1 ? sent.map(escapeInvisible) : [];
  });
  for (const name of names) expect(alone).toContain(name);
};

/** Whether the claim is true of the record. */
const checkClaim = (result: UpdateResult, stage: Stage, before: Map<string, string>, of: Case) => {
  const { keys, reserved } = of;
  const searched = of.onReservedKey === "skip" && result.error?.code === "reserved_profile_key";
  switch (result.status) {
    case "updated":
      expect(result.error).toBeUndefined();
      expect([...result.updated_keys].sort()).toEqual(keys.map(escapeInvisible).sort());
      expect(reserved.size).toBe(0);
      expect(stage.profile).toEqual(profileWith(before, keys, of));
      break;
    case "partially_updated":
      expect(searched).toBe(true);
      expect(result.updated_keys.length).toBeGreaterThan(0);
      expect(result.updated_keys.length + (result.error?.keys?.length ?? 0)).toBe(keys.length);
      expect(stage.profile).toEqual(profileWith(before, sentAs(result.updated_keys, keys), of));
      break;
    case "not_updated":
      expect(result.updated_keys).toEqual([]);
      expect(stage.applied).toEqual([]);
      expect(stage.profile).toEqual(before);
      break;
    case "unknown": {
      // No claim but this: what it says was acknowledged had been applied.
      const everApplied = new Set(stage.applied.flatMap((patch) => [...patch.keys()]));
      for (const name of sentAs(result.updated_keys, keys)) expect(everApplied).toContain(name);
      break;
    }
  }
  if (searched) checkSentAlone(stage, result.error?.keys);
};

/** What must hold where nothing went wrong, or nothing more. */
const checkCalm = (result: UpdateResult, requests: number, of: Case) => {
  const { keys, reserved, onReservedKey } = of;
  const skip = onReservedKey === "skip";
  if (areRivals(of)) {
    expect(result.status).toBe(skip ? "unknown" : "not_updated");
    if (skip) expect(result.error?.message).toContain("together");
    return;
  }
  if (reserved.size === 0) expect(result.status).toBe("updated");
  else if (skip && reserved.size < keys.length) expect(result.status).toBe("partially_updated");
  else expect(result).toMatchObject({ status: "not_updated", error: { retryable: false } });
  if (skip && reserved.size > 0) {
    const names = keys.filter((name) => reserved.has(name)).map(escapeInvisible);
    expect(result.error?.keys?.toSorted()).toEqual(names.sort());
  }
  const most = skip ? 2 * reserved.size * (Math.log2(keys.length) + 1) + 2 : 1;
  expect(requests).toBeLessThanOrEqual(most);
  expect(result.attempts ?? 1).toBe(requests);
};

test(`${runs} random calls: no claim is false`, { timeout: 60_000 + 30 * runs }, async () => {
  const seen = new Map<string, number>();
  const unwritten: [Case, Stage][] = [];
  let users = 0;

  const property = fc.asyncProperty(anyCase, async (of) => {
    users += 1;
    const user = `usr_${users}`;
    const cancelled = new AbortController();
    const before = new Map(
      of.before
        ? [
            ["kept", "as it was"],
            [of.keys[0] ?? "", "old"],
          ]
        : [],
    );
    const stage = server.stage(user, {
      semantics: of.semantics,
      reserved: of.reserved,
      rivals: of.rivals.length > 1 ? of.rivals : [],
      profile: new Map(before),
      steps: of.script.map((name) => stepOf(name, () => cancelled.abort())),
    });
    const args = {
      app_id: appId,
      user_id: user,
      profile: valuesFor(of.keys),
      ...(of.onReservedKey && { on_reserved_key: of.onReservedKey }),
    };
    const hangs = of.script.some((name) => name.startsWith("hang") || name === "100 before");
    const patient = useCase(60_000);
    const result = await call(hangs ? useCase(40) : patient, args, cancelled.signal);

    outputSchema.parse(result);
    const text = JSON.stringify(result);
    expect(text).not.toContain(valueMark);
    expect(text).not.toContain(apiKey);
    checkClaim(result, stage, before, of);
    const requests = stage.received.length;
    if (!hangs) expect(result.attempts ?? 1).toBe(requests);
    const calm = of.script.slice(0, requests).every((name) => name === "honest");
    if (calm && !hangs) checkCalm(result, requests, of);
    if (result.status === "not_updated") unwritten.push([of, stage]);
    seen.set(result.status, (seen.get(result.status) ?? 0) + 1);

    // The next step that an unknown outcome names: the identical call settles it. Not looked at
    // after a deadline, whose last request may still be on its way.
    if (result.status === "unknown" && !hangs) {
      stage.steps = [];
      const applied = stage.applied.length;
      const settled = await call(patient, args, new AbortController().signal);
      checkCalm(settled, stage.received.length - requests, of);
      if (settled.status !== "not_updated") checkClaim(settled, stage, before, of);
      else expect(stage.applied).toHaveLength(applied);
    }
  });
  await fc.assert(property, { numRuns: runs, ...(seed && { seed: Number(seed) }) });

  // Nothing arrived late, either.
  for (const [of, stage] of unwritten) expect([of, stage.applied]).toEqual([of, []]);
  // A call that writes is never rehearsed.
  for (const status of outputSchema.shape.status.exclude(["would_update"]).options) {
    expect([status, (seen.get(status) ?? 0) > runs / 100]).toEqual([status, true]);
  }
});
