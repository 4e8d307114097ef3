import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { app, type ServerProcess, startServer } from "../support/server-process.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";
import { fuzz, runsOf } from "./run.ts";

const numRuns = runsOf(300);

// What happens: calls under a few ids, cancellations, and answers, some of them late or odd.

const answers = {
  yes: '"result":{"action":"accept","content":{}}',
  "ticked yes": '"result":{"action":"accept","content":{"write":true},"more":1}',
  no: '"result":{"action":"decline"}',
  "ticked off": '"result":{"action":"accept","content":{"write":true,"approve":false}}',
  "content that is none": '"result":{"action":"accept","content":[]}',
  "no action": '"result":{"content":{}}',
  error: '"error":{"code":-1,"message":"x"}',
  rubbish: '"error":7,"result":null',
} satisfies Record<string, string>;
type Answer = keyof typeof answers;

type Step =
  | { kind: "call" | "cancel"; id: string | number }
  | { kind: "answer"; which: number; how: Answer };
const id = fc.constantFrom<string | number>(7, "7", 0, "");
const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ kind: fc.constant("call" as const), id }),
    fc.record({ kind: fc.constant("cancel" as const), id }),
    fc.record({
      kind: fc.constant("answer" as const),
      which: fc.nat(9),
      how: fc.constantFrom(...(Object.keys(answers) as Answer[])),
    }),
  ),
  { minLength: 2, maxLength: 14 },
);

let server: ServerProcess | undefined;
let upstream: Upstream | undefined;
afterAll(async () => {
  server?.child.kill("SIGKILL");
  await upstream?.close();
});

const start = async (): Promise<ServerProcess> => {
  upstream ??= await startUpstream((_, response) => void response.writeHead(204).end());
  const env = {
    PRELUDE_API_KEY: "sk_test_questions",
    PRELUDE_BASE_URL: upstream.url,
    PRELUDE_CONFIRM: "true",
    PRELUDE_MAX_WRITES_PER_MINUTE: "0",
  };
  const started = startServer({ env });
  await started.initialize({ elicitation: {} });
  return started;
};

const send = (to: ServerProcess, members: string) => to.write(`{"jsonrpc":"2.0",${members}}\n`);

/** Plays the steps, says no to all that is still open, and returns what came of the calls. */
const play = async (to: ServerProcess, all: readonly Step[], run: number) => {
  const from = to.messages.length;
  const asked = () =>
    to.messages.slice(from).filter(({ method }) => method === "elicitation/create");
  const answer = (question: { id?: unknown } | undefined, how: Answer) =>
    question && send(to, `"id":${JSON.stringify(question.id)},${answers[how]}`);
  const approved = new Set<string>();
  const open = new Map<string | number, string>();
  const owed = new Set<string>();
  let calls = 0;

  for (const step of all) {
    if (step.kind === "answer") {
      const question = asked()[step.which];
      const about = [...owed].find((user) => String(question?.params?.message).includes(user));
      // Of a call that was not cancelled before.
      if (step.how.endsWith("yes") && about) approved.add(about);
      answer(question, step.how);
      continue;
    }
    const name = JSON.stringify(step.id);
    if (step.kind === "cancel") {
      send(to, `"method":"notifications/cancelled","params":{"requestId":${name}}`);
      owed.delete(open.get(step.id) ?? "");
      open.delete(step.id);
      continue;
    }
    // A second one under an id that may be in flight is another test's matter.
    if (open.has(step.id)) continue;
    const user = `usr_${run}_${calls}_`;
    calls += 1;
    open.set(step.id, user);
    owed.add(user);
    const args = { app_id: app, user_id: user, profile: { a: "b" } };
    const params = { name: "update_user_profile", arguments: args };
    send(to, `"id":${name},"method":"tools/call","params":${JSON.stringify(params)}`);
    await to.request("ping");
  }
  const done = () => {
    const results = to.messages.slice(from).map(({ result }) => result?.structuredContent);
    return new Set(results.map((one) => (one as { user_id?: string } | undefined)?.user_id));
  };
  await to.until(() => {
    for (const question of asked()) answer(question, "no");
    return [...owed].every((user) => done().has(user));
  });
  await to.request("ping");
  return { approved, done: done(), owed };
};

it(`writes only what a person approved in time, whatever else is answered (${numRuns} inputs)`, {
  timeout: 3_600_000,
}, async () => {
  let run = 0;
  let writes = 0;
  const check = async (all: readonly Step[]): Promise<void> => {
    server ??= await start();
    run += 1;
    const before = upstream?.received.length ?? 0;
    const { approved, owed, done } = await play(server, all, run);
    const written = upstream?.received.slice(before).map(({ path }) => path) ?? [];
    for (const path of written) expect(approved).toContain(/usr_\d+_\d+_/.exec(path)?.[0]);
    writes += written.length;
    expect(new Set(written).size).toBe(written.length);
    for (const user of owed) expect(done).toContain(user);
    expect(server.stderr()).toMatch(/^(?:prelude-profile-mcp: (?:ignored|what else) [^\n]*\n)*$/);
    server.messages.length = 0;
  };
  await fuzz("questions", numRuns, steps, check, () => {
    server?.child.kill("SIGKILL");
    server = undefined;
  });
  expect(writes).toBeGreaterThan(0);
  expect(await server?.close()).toEqual({ code: 0, signal: null });
});
