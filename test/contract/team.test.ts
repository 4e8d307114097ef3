import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, builtServer, type Json, user } from "../support/server-process.ts";
import { apiError, noContent } from "../support/upstream.ts";
import { contract, linesOf, type Row, refused, type Sound } from "./harness.ts";

// What a team needs that rolls an agent out: rehearsals, and lines that say who did what for whom.

const dry = (looked: boolean, ignored = ""): string =>
  `Dry run: this server only rehearses (PRELUDE_WRITE is dry-run). ${looked ? "No write" : "Nothing"} was sent and nothing was written; say so. Keys that Prelude reserves show only in a real write.${ignored}`;
const would = (keys: string[], note = dry(false)): Json => ({
  status: "would_update",
  would_update_keys: keys,
  note,
});
const rehearsed = {
  is: would(["first_name"]),
  requests: 0,
  audit: ["attempt", "outcome: would_update, attempts 0, keys []"],
};

const rehearsals: Row[] = [
  { name: "a write is only rehearsed", ...rehearsed },
  {
    name: "several keys, some of them reserved",
    profile: { a: "x", sub: "y" },
    skip: true,
    ...rehearsed,
    is: would(["a", "sub"]),
  },
  {
    name: "what is undeclared is told of as well",
    args: (sound: Sound) => ({ ...sound, wait_for_previous: true }),
    ...rehearsed,
    is: {
      ...would(
        ["first_name"],
        dry(false, " These are no arguments of this tool, and nothing was written for them."),
      ),
      ignored_arguments: ["wait_for_previous"],
    },
  },
  {
    name: "a call that asks for a rehearsal by itself",
    args: (sound) => ({ ...sound, dry_run: true }),
    is: refused("invalid_arguments"),
    requests: 0,
  },
  {
    name: "what may not be written",
    profile: { role: "x" },
    is: refused("key_not_allowed", { keys: ["role"] }),
    requests: 0,
  },
];

const look = `GET /v2/session/apps/${app}/users/USER`;
const lookedAt: Row[] = [
  {
    name: "a yes: the look is real, the write is not",
    reply: { result: { action: "accept", content: {} } },
    is: would(["first_name"], dry(true)),
    requests: [look],
    audit: ["attempt", "attempt", "outcome: would_update, attempts 0, keys []"],
  },
  {
    name: "a no",
    reply: { result: { action: "decline" } },
    is: refused("confirmation_declined"),
    requests: [look],
    audit: ["attempt", "outcome: not_updated confirmation_declined -, attempts 0, keys []"],
  },
];

contract([
  {
    name: "a dry run",
    env: { PRELUDE_WRITE: "dry_run", PRELUDE_BLOCKED_KEYS: "role" },
    rows: rehearsals,
  },
  {
    name: "a dry run that takes the places of writes",
    env: { PRELUDE_WRITE: "dry-run", PRELUDE_MAX_WRITES_PER_MINUTE: "1" },
    inOrder: true,
    rows: [
      { name: "the first call", ...rehearsed },
      {
        name: "the second",
        is: refused("too_many_writes", { retryable: true, retry_after_seconds: 60 }),
        requests: 0,
      },
    ],
  },
  {
    name: "a dry run that asks",
    env: { PRELUDE_WRITE: "DryRun", PRELUDE_CONFIRM: "true", PRELUDE_READ: "values" },
    capabilities: { elicitation: {} },
    rows: lookedAt,
  },
  {
    name: "a dry run without a key",
    env: { PRELUDE_WRITE: "dry-run", PRELUDE_API_KEY: "" },
    rows: [{ name: "is not configured", is: refused("not_configured"), requests: 0 }],
  },
]);

const args = { app_id: app, user_id: user, profile: { first_name: "Jane" } };
const envelope = (capabilities: Json = {}): Json => ({
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": capabilities,
});

test("every result carries the id under which the audit has its call", async () => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const env = { PRELUDE_AUDIT_LOG: file, PRELUDE_CONFIRM: "true", PRELUDE_READ: "keys" };
  const { server } = await startGuarded({ env });
  const call = async (params: Json): Promise<Json> =>
    (await server.request("tools/call", { name: "update_user_profile", ...params })).result ?? {};
  const results = [
    await call({ arguments: args }),
    await call({ arguments: {} }),
    await call({ arguments: args, _meta: envelope() }),
    await call({ arguments: args, _meta: envelope({ elicitation: {} }) }),
    await call({ name: "get_user_profile", arguments: {} }),
  ];
  const types = [undefined, undefined, "complete", "input_required", undefined];
  expect(results.map(({ resultType }) => resultType)).toEqual(types);
  const ids = results.map(({ _meta }) => (_meta as Json).call_id);
  const ends = linesOf(file).filter(({ event }) => event !== "attempt");
  expect(ids).toEqual(ends.map(({ call_id }) => call_id));
  expect(new Set(ids).size).toBe(5);
});

test("the audit says on whose behalf a call came, and whether a person approved it", async () => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const env = {
    PRELUDE_AUDIT_LOG: file,
    PRELUDE_AUDIT_META: "traceparent,acme/ticket,count,nothing",
    PRELUDE_CONFIRM: "true",
  };
  const { server } = await startGuarded({ env, capabilities: { elicitation: {} } });
  const ticket = `T-\u202e1${"x".repeat(300)}`;
  const meta = { traceparent: "00-ab-cd-01", "acme/ticket": ticket, count: 7, threadId: "t" };
  const called = server.callTool(args, undefined, meta);
  const question = () => server.messages.find(({ method }) => method === "elicitation/create");
  await server.until(() => question() !== undefined);
  server.send({ jsonrpc: "2.0", id: question()?.id, result: { action: "accept" } });
  await called;
  await server.callTool({}, undefined, { threadId: "t" });
  const told = linesOf(file).map(({ event, meta, confirmed, pid, server_version }) => ({
    event,
    meta,
    confirmed,
    isOurs: pid === server.child.pid && /^\d+\.\d+\.\d+$/.test(String(server_version)),
  }));
  const shown = { traceparent: "00-ab-cd-01", "acme/ticket": `T-\\u{202e}1${"x".repeat(189)}…` };
  const approved = { meta: shown, confirmed: true, isOurs: true };
  expect(told).toEqual([
    { event: "attempt", ...approved },
    { event: "outcome", ...approved },
    { event: "refused", meta: undefined, confirmed: undefined, isOurs: true },
  ]);
});

test("the operator reads on stderr what only they can help, and nothing else", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "key");
  writeFileSync(file, "sk_old_1f0c");
  const env = {
    PRELUDE_API_KEY: "",
    PRELUDE_API_KEY_FILE: file,
    PRELUDE_AUDIT_LOG: join(folder, "audit.jsonl"),
  };
  const answers = [
    noContent,
    apiError(400, "invalid_request", "No."),
    apiError(403, "session_disabled", "No.", { "x-request-id": "req_7" }),
    apiError(401, "invalid_api_token", "No."),
  ];
  const { server } = await startGuarded({ env, answers });
  for (let i = 0; i < 3; i++) await server.callTool(args);
  rmSync(file);
  await server.callTool(args);
  await server.callTool({});
  const lines = server.stderr().replaceAll(/[\da-f-]{36}/g, "ID");
  expect(lines).toMatchSnapshot();
});

test("a defect leaves a line in the audit and one on stderr, without what it was about", async () => {
  const folder = temporaryFolder();
  const break_ = join(folder, "break.cjs");
  writeFileSync(
    break_,
    `const { entries } = Object;
Object.entries = (of) => {
  if (Object.hasOwn(of, "odd")) throw new RangeError("about\\n    at " + of.odd);
  return entries(of);
};`,
  );
  const file = join(folder, "audit.jsonl");
  const command = [process.execPath, "--require", break_, builtServer];
  const { server } = await startGuarded({ env: { PRELUDE_AUDIT_LOG: file }, command });
  const params = { name: "update_user_profile", arguments: { ...args, odd: "the-value" } };
  const { error } = await server.request("tools/call", params);
  expect(error?.code).toBe(-32603);
  expect(linesOf(file)).toMatchObject([{ event: "refused", code: "internal_error" }]);
  expect(server.stderr()).toMatch(
    /^prelude-profile-mcp: defect: RangeError at .*break\.cjs:\d+:\d+\)?\n$/,
  );
  expect((await server.callTool(args)).structured.status).toBe("updated");
});
