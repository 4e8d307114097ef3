import { expect } from "vitest";
import { apiBody, reply } from "../support/fault-server.ts";
import { app, type Json } from "../support/server-process.ts";
import { contract, ignoring, type Row, refused, type Sound } from "./harness.ts";

const updated = { status: "updated" };
const person = { elicitation: {} };
const key = (name: string, more: Partial<Row> = {}): Row => ({
  name: `the key ${name}`,
  profile: { [name]: "x" },
  is: updated,
  ...more,
});
const notAllowed = (...keys: string[]) => ({
  is: refused("key_not_allowed", { keys }),
  requests: 0,
});
const bad = (name: string, args: (sound: Sound) => unknown, more: Json = {}): Row => ({
  name,
  args,
  is: refused("invalid_arguments", more),
  requests: 0,
});

/** Undeclared arguments of these names are told of, and not used. */
const unused = (name: string, args: (sound: Sound) => unknown, ...names: string[]): Row => ({
  name,
  args,
  is: { ...updated, ...ignoring(...names) },
});

const allowed: Row[] = [
  key("first_name"),
  key("role", notAllowed("role")),
  key("First_Name", notAllowed("First_Name")),
  key("ﬁrst_name", notAllowed("ﬁrst_name")),
  bad("the key __proto__", (sound) => ({ ...sound, profile: JSON.parse('{"__proto__":"x"}') })),
  key("constructor", notAllowed("constructor")),
  {
    name: "a refused key beside an allowed one",
    profile: { first_name: "x", role: "y" },
    ...notAllowed("role"),
  },
  {
    name: "a refused key and skip",
    skip: true,
    profile: { first_name: "x", role: "y" },
    ...notAllowed("role"),
  },
  {
    name: "several refused keys",
    profile: { role: "x", plan: "y" },
    ...notAllowed("role", "plan"),
  },
  {
    name: "a refused key, whatever it holds",
    args: (sound) => ({ ...sound, profile: { role: 42 } }),
    ...notAllowed("role"),
  },
  {
    name: "a refused key with half a character, beside a field of the client's",
    args: (sound) => ({ ...sound, profile: { role: "\ud800" }, toolCallId: "1" }),
    ...notAllowed("role"),
    is: { ...notAllowed("role").is, ...ignoring("toolCallId") },
  },
  bad("a refused key among other problems", (sound) => ({
    ...sound,
    profile: { role: "x", first_name: 42 },
  })),
  bad("an empty value beside another key wipes nothing", (sound) => ({
    ...sound,
    profile: { first_name: "Jane", nickname: "" },
  })),
  { name: "an empty value in a call of its own", profile: { nickname: "" }, is: updated },
  unused(
    "keys beside profile, listed or not, are not written",
    (sound) => ({ ...sound, nickname: "Al", role: "admin" }),
    "nickname",
    "role",
  ),
];

const blocked: Row[] = [
  key("plan"),
  key("roles"),
  key("r0le"),
  key("role", notAllowed("role")),
  ...["ROLE", "ｒｏｌｅ", "rôle", "ro le"].map((name) => key(name, notAllowed(name))),
  ...["\u200b", "\u202e", "\u0000", "\uffff", "\ufdd0", "\u{1d159}"].map((char) =>
    bad(`the key role, split by U+${char.codePointAt(0)?.toString(16)}`, (sound) => ({
      ...sound,
      profile: { [`ro${char}le`]: "x" },
    })),
  ),
  {
    name: "a blocked key beside another",
    profile: { plan: "x", role: "y" },
    ...notAllowed("role"),
  },
  bad("a blocked key in quotes", (sound) => ({ ...sound, profile: { '"role"': "x" } })),
];

const other = "fvua38g";
const appFixed: Row[] = [
  { name: "the fixed app is written to", is: updated },
  unused("the fixed app, named", (sound) => ({ ...sound, app_id: app }), "app_id"),
  bad("another app", (sound) => ({ ...sound, app_id: other })),
  unused(
    "another app under another name is not used",
    (sound) => ({ ...sound, appId: other }),
    "appId",
  ),
  bad("no app as null", (sound) => ({ ...sound, app_id: null })),
  bad("no user", ({ profile }) => ({ profile }), { user_id: null }),
  { name: "a profile key named app_id is data", profile: { app_id: other }, is: updated },
  {
    name: "app_not_found",
    answers: [reply(404, apiBody("app_not_found"))],
    is: refused("app_not_found", { http_status: 404 }),
  },
  {
    name: "user_not_found",
    answers: [reply(404, apiBody("user_not_found"))],
    is: refused("user_not_found", { http_status: 404 }),
  },
].map((row) => (row.name === "no user" ? { ...row, audit: [] } : row));

const userFixed: Row[] = [
  { name: "the fixed user is written", is: updated },
  unused("the fixed user, named", (sound) => ({ ...sound, user_id: "usr_only" }), "user_id"),
  bad("another user", (sound) => ({ ...sound, user_id: "usr_other" })),
  bad("another user under another name", (sound) => ({ ...sound, sub: "usr_other" })),
  { name: "a profile key named user_id is data", profile: { user_id: "usr_other" }, is: updated },
  {
    name: "user_not_found",
    answers: [reply(404, apiBody("user_not_found"))],
    is: refused("user_not_found", { http_status: 404 }),
  },
];

const bothFixed: Row[] = [
  { name: "the profile is enough", is: updated },
  unused(
    "both ids, named",
    (sound) => ({ ...sound, app_id: app, user_id: "usr_fixed" }),
    "app_id",
    "user_id",
  ),
  bad("another user and another app", (sound) => ({
    ...sound,
    app_id: other,
    user_id: "usr_other",
  })),
  bad("nothing but the ids", () => ({ app_id: app, user_id: "usr_fixed" })),
  {
    name: "app_not_found",
    answers: [reply(404, apiBody("app_not_found"))],
    is: refused("app_not_found", { http_status: 404 }),
  },
  {
    name: "user_not_found",
    answers: [reply(404, apiBody("user_not_found"))],
    is: refused("user_not_found", { http_status: 404 }),
  },
];

const soon = { retryable: true, retry_after_seconds: expect.any(Number) };
const held: Partial<Row> = { is: refused("too_many_writes", soon), requests: 0 };
const limited: Row[] = [
  bad("a call that is not valid takes no place", (sound) => ({ ...sound, profile: {} })),
  { name: "the first write", is: updated },
  { name: "the second, of another user", is: updated, ...held },
  bad("what is not valid is told all the same", (sound) => ({ ...sound, profile: {} })),
];

const busy = reply(503, "", { "retry-after-ms": "1" });
const countedRepeats: Row[] = [
  {
    name: "the first write, repeated twice",
    answers: [busy, busy, reply(204)],
    is: { ...updated, attempts: 3 },
    requests: 3,
  },
  { name: "the second", is: updated, ...held },
];
const countedSearch: Row[] = [
  {
    name: "the first write, a search",
    skip: true,
    profile: { a: "1", role: "2" },
    reserved: ["role"],
    is: {
      status: "partially_updated",
      updated_keys: ["a"],
      code: "reserved_profile_key",
      keys: ["role"],
      http_status: 400,
      attempts: 4,
    },
    requests: ["a role", "a", "role", "a"],
  },
  { name: "the second", is: updated, ...held },
];

const accept = { result: { action: "accept", content: {} } };
const decline = { result: { action: "decline" } };
const order: Row[] = [
  bad("first what the call is: its arguments", (sound) => ({
    ...sound,
    profile: { role: "x", a: 1 },
  })),
  { name: "then the keys", profile: { role: "x" }, ...notAllowed("role") },
  { name: "then the person", reply: decline, is: refused("confirmation_declined"), requests: 0 },
  { name: "whom nobody asks more often than may be written", is: updated, ...held },
];
const asked: Row[] = [
  { name: "the person says yes", reply: accept, is: updated },
  { name: "nobody is asked about what may not be sent", is: updated, ...held },
];
const nobody: Row[] = [
  {
    name: "an update too large to show, of a key that may be written",
    profile: { a: "x".repeat(11_000) },
    is: refused("confirmation_unavailable"),
    requests: 0,
  },
  { name: "a client that cannot ask", is: refused("confirmation_unavailable"), requests: 0 },
];

const everything = {
  PRELUDE_BLOCKED_KEYS: "role",
  PRELUDE_CONFIRM: "true",
  PRELUDE_MAX_WRITES_PER_MINUTE: "1",
};
const inOrder = { inOrder: true } as const;
const limit = (count: number) => ({ PRELUDE_MAX_WRITES_PER_MINUTE: String(count) });

contract([
  {
    name: "keys that are allowed",
    env: { PRELUDE_ALLOWED_KEYS: "first_name, nickname" },
    rows: allowed,
  },
  { name: "keys that are blocked", env: { PRELUDE_BLOCKED_KEYS: "role" }, rows: blocked },
  {
    name: "keys on both lists' sides",
    env: { PRELUDE_ALLOWED_KEYS: "first_name,plan", PRELUDE_BLOCKED_KEYS: "role" },
    rows: [
      key("plan"),
      key("role", notAllowed("role")),
      key("Role", notAllowed("Role")),
      key("other", notAllowed("other")),
    ],
  },
  {
    name: "an allowed list typed with separate marks",
    env: { PRELUDE_ALLOWED_KEYS: "cafe\u0301" },
    rows: [key("café", { profile: { "caf\u00e9": "x" } })],
  },
  { name: "a fixed app", env: { PRELUDE_APP_ID: app }, rows: appFixed },
  { name: "a fixed user", env: { PRELUDE_USER_ID: "usr_only" }, ...inOrder, rows: userFixed },
  {
    name: "a fixed app and user",
    env: { PRELUDE_APP_ID: app, PRELUDE_USER_ID: "usr_fixed" },
    ...inOrder,
    rows: bothFixed,
  },
  { name: "one write a minute", env: limit(1), ...inOrder, rows: limited },
  { name: "repeats are no calls of their own", env: limit(1), ...inOrder, rows: countedRepeats },
  { name: "a search is one call", env: limit(1), ...inOrder, rows: countedSearch },
  {
    name: "no key",
    env: { PRELUDE_API_KEY: "", ...everything },
    rows: [
      {
        name: "is said before anything else",
        profile: { role: "x" },
        is: refused("not_configured"),
        requests: 0,
      },
      {
        name: "is said of a call that is not valid, too",
        args: (sound) => ({ ...sound, profile: 1 }),
        is: refused("not_configured"),
        requests: 0,
      },
    ],
  },
  { name: "all guards", env: everything, capabilities: person, ...inOrder, rows: order },
  { name: "all guards, and a yes", env: everything, capabilities: person, ...inOrder, rows: asked },
  { name: "all guards, and nobody to ask", env: everything, ...inOrder, rows: nobody },
]);
