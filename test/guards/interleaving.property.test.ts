import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as tick } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { openAudit } from "../../src/guards/audit.ts";
import type { Answer } from "../../src/guards/confirmation.ts";
import { createClient, type PreludeClient } from "../../src/prelude/client.ts";
import {
  apiError,
  type Handler,
  noContent,
  startUpstream,
  type Upstream,
} from "../support/upstream.ts";
import { callOf, createUpdateProfile, dependenciesOf } from "../support/use-case.ts";

const runs = Number(process.env.PROPERTY_RUNS ?? 300);
const seed = process.env.PROPERTY_SEED;

const mostCalls = 8;
const anyCall = fc.nat({ max: mostCalls - 1 });

/** What becomes of a request once it is let go. */
const fates = {
  taken: noContent,
  failed: apiError(500, "internal"),
  refused: apiError(400, "reserved_profile_key"),
  lost: (_, __, socket) => socket.destroy(),
} satisfies Record<string, Handler>;

/** What becomes of the audit file. The last is a new file at its path, as a rotation leaves it. */
const hindrances = {
  folder: (path: string) => mkdirSync(path),
  pipe: (path: string) => execFileSync("mkfifo", [path]),
  loop: (path: string) => symlinkSync(path, path),
  full: (path: string) => symlinkSync("/dev/full", path),
  rotated: () => {},
};

type Action =
  | { kind: "call" | "cancel"; call: number }
  | { kind: "answer"; call: number; answer: Exclude<Answer, object> }
  | { kind: "let go"; fate: keyof typeof fates }
  | { kind: "file"; becomes: keyof typeof hindrances }
  | { kind: "signal" | "wait" };

const names = <K extends string>(of: Record<K, unknown>) =>
  fc.constantFrom(...(Object.keys(of) as K[]));
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("call" as const), call: anyCall }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), call: anyCall }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      call: anyCall,
      answer: fc.constantFrom(
        "accepted",
        "accepted",
        "accepted",
        "declined",
        "timeout",
        "unavailable",
      ),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("let go" as const), fate: names(fates) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("file" as const),
      becomes: fc.oneof(names(hindrances), fc.constant("rotated" as const)),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "signal" as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: "wait" as const }) },
);

const anyCase = fc.record({
  confirm: fc.boolean(),
  limit: fc.constantFrom(0, 0, 1, 3),
  skip: fc.boolean(),
  actions: fc.array(action, { minLength: 10, maxLength: 50, size: "max" }),
});

let upstream: Upstream;
let client: PreludeClient;

beforeAll(async () => {
  upstream = await startUpstream();
  client = createClient({
    baseUrl: upstream.url,
    apiKey: "k",
    product: "t",
    useProxy: false,
    firstDelayMs: 1,
  });
});

afterAll(async () => {
  await client.close();
  await upstream.close();
});

type Line = { event: string; call_id: string; keys: string[] };

/** Every line in every file of the folder; a record that is not whole fails the test. */
const linesIn = (folder: string): Line[] =>
  readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile())
    .flatMap((path) => readFileSync(path, "utf8").split("\n").slice(0, -1))
    .map((line) => JSON.parse(line));

const startStage = (folder: string, of: { confirm: boolean; limit: number; skip: boolean }) => {
  const file = join(folder, "audit.jsonl");
  const env = {
    PRELUDE_API_KEY: "k",
    PRELUDE_CONFIRM: String(of.confirm),
    PRELUDE_MAX_WRITES_PER_MINUTE: String(of.limit),
  };
  const { config, problems } = readConfig(env);
  if (!config) throw new Error(problems.join());
  const audit = openAudit(file, () => {});
  const update = createUpdateProfile(dependenciesOf(config, client, { audit }));
  const cancels = Array.from({ length: mostCalls }, () => new AbortController());
  const people = new Map<number, (answer: Answer) => void>();
  const waiting: ((fate: Handler) => void)[] = [];
  const running = new Map<number, Promise<unknown>>();
  const unseen: unknown[] = [];
  let sent = 0;

  upstream.play(async (request, response, socket) => {
    sent += 1;
    const attempted = linesIn(folder).flatMap(({ event, keys }) =>
      event === "attempt" ? [keys] : [],
    );
    const sentKeys = Object.keys(request.profile);
    const seen = attempted.some((keys) => sentKeys.every((key) => keys.includes(key)));
    if (!seen) unseen.push(sentKeys);
    const fate = await new Promise<Handler>((resolve) => waiting.push(resolve));
    fate(request, response, socket);
  });

  const call = (i: number) => {
    const args = {
      app_id: "54e9ujn",
      user_id: `usr_${i % 4}`,
      profile: { [`a${i}`]: "1", [`b${i}`]: "2", [`c${i}`]: "3" },
      on_reserved_key: of.skip ? "skip" : "fail",
    };
    const confirm = () => new Promise<Answer>((resolve) => people.set(i, resolve));
    return update(callOf(args, { signal: (cancels[i] as AbortController).signal, confirm }));
  };

  const turnInto = (becomes: keyof typeof hindrances) => {
    const old = `${file}.${readdirSync(folder).length}`;
    if (lstatSync(file, { throwIfNoEntry: false })?.isFile()) renameSync(file, old);
    rmSync(file, { recursive: true, force: true });
    hindrances[becomes](file);
  };

  const act = (step: Action): unknown => {
    switch (step.kind) {
      case "call":
        return running.has(step.call) || running.set(step.call, call(step.call));
      case "cancel":
        return cancels[step.call]?.abort();
      case "answer":
        return people.get(step.call)?.(step.answer);
      case "let go":
        return waiting.shift()?.(fates[step.fate]);
      case "file":
        return turnInto(step.becomes);
      case "signal":
        return cancels.forEach((cancel) => {
          cancel.abort();
        });
      case "wait":
        return;
    }
  };

  /** Lets every call come to its end, with a file that can be written again. */
  const finish = async () => {
    turnInto("rotated");
    const settled = Promise.all(running.values()).then(() => true);
    while (!(await Promise.race([settled, tick(false)]))) {
      for (const answer of people.values()) answer("declined");
      for (const letGo of waiting.splice(0)) letGo(noContent);
    }
    audit.check();
  };
  return { act, finish, unseen, sent: () => sent };
};

test(`${runs} random courses of events: no request without its attempt line`, {
  timeout: 60_000 + 60 * runs,
}, async () => {
  let requests = 0;
  const property = fc.asyncProperty(anyCase, async ({ actions, ...of }) => {
    const folder = mkdtempSync(join(tmpdir(), "interleaving-"));
    try {
      const stage = startStage(folder, of);
      for (const step of actions) {
        stage.act(step);
        for (let i = 0; i < 20; i++) await tick();
      }
      await stage.finish();
      expect(stage.unseen).toEqual([]);
      const lines = linesIn(folder);
      const ids = (event: string) =>
        lines.flatMap((line) => (line.event === event ? [line.call_id] : [])).sort();
      // Each attempt has its outcome, and each call one ending at most.
      expect([...new Set(ids("outcome"))]).toEqual(ids("attempt"));
      expect(new Set([...ids("outcome"), ...ids("refused")]).size).toBe(
        new Set(ids("outcome")).size + ids("refused").length,
      );
      requests += stage.sent();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  await fc.assert(property, { numRuns: runs, ...(seed && { seed: Number(seed) }) });
  expect(requests).toBeGreaterThan(runs / 2);
});
