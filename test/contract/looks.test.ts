import { drop, honest, never, reply, type Step } from "../support/fault-server.ts";
import { app } from "../support/server-process.ts";
import { contract, key, type Row, unknown } from "./harness.ts";
import { one, says } from "./users.ts";

// What reading gives to writing: an open outcome is settled, a question shows what is there now.

const profile = { first_name: "Jo", locale: "en" };
const both = "first_name locale";
const look = `GET /v2/session/apps/${app}/users/USER`;
const html = reply(200, "<h1>Sign in</h1>", { "content-type": "text/html" });

const lost = unknown("connection_lost", { retryable: true, attempts: 3 });
const verified = { status: "updated", verified: true, attempts: 3 };

/** The last line of the audit: a look of the server's own is no attempt. */
const wrote = (attempts: number) =>
  `outcome: updated, attempts ${attempts}, keys [first_name,locale]`;
const outcome = {
  unknown: "outcome: unknown connection_lost -, attempts 3, keys []",
  updated: wrote(3),
};

const settled = (name: string, answer: Step, is: Row["is"] = lost, times = 1): Row => ({
  name,
  profile,
  answers: [drop],
  looks: [answer],
  is,
  requests: [both, both, both, ...Array(times).fill(look)],
  audit: ["attempt", is === lost ? outcome.unknown : outcome.updated],
});

const again = { "retry-after-ms": "1" };
const open: Row[] = [
  settled("every value is there", one({ profile: { ...profile, x: "y" } }), verified),
  settled("one of them is", one({ profile: { first_name: "Jo" } })),
  settled("others are", one({ profile: { first_name: "Jane", locale: "en" } })),
  settled("one is no text", one({ profile: { first_name: ["Jo"], locale: "en" } })),
  settled("somebody else has them", one({ id: "usr_other", profile })),
  settled("nobody is there", says(404, "user_not_found")),
  settled("a page is", html),
  settled("the look fails, though it is repeated", says(503, "down", again), lost, 3),
  {
    name: "a known outcome is not looked at",
    profile,
    answers: [honest],
    is: { status: "updated" },
    requests: [both],
  },
];

const inTime: Row[] = [
  {
    name: "a fifth of it is kept for the look",
    profile,
    answers: [never],
    looks: [one({ profile })],
    is: { status: "updated", verified: true, attempts: 2 },
    requests: [both, both, look],
    audit: ["attempt", wrote(2)],
  },
  {
    name: "a write without an answer says how much it had",
    profile,
    answers: [never],
    looks: [one()],
    is: unknown("timeout", { retryable: true, attempts: 2 }),
    requests: [both, both, look],
    audit: ["attempt", "outcome: unknown timeout -, attempts 2, keys []"],
  },
];

const yes = { result: { action: "accept", content: {} } };
const asked = (name: string, answer: Step): Row => ({
  name,
  profile,
  looks: [answer],
  reply: yes,
  is: { status: "updated" },
  requests: [look, both],
  audit: ["attempt", "attempt", wrote(1)],
});

const questions: Row[] = [
  asked("old values and new keys", one({ profile: { first_name: "Jane" } })),
  asked("values that stay as they are", one({ profile })),
  asked("a long old value, cut", one({ profile: { first_name: "J".repeat(201) } })),
  asked("an old value with what cannot be seen", one({ profile: { first_name: "J\u202e\nane" } })),
  asked("old values that are no text", one({ profile: { first_name: { a: [1] }, locale: 5 } })),
  asked("the API key in an old value, taken out", one({ profile: { first_name: `a ${key}` } })),
  asked("new values alone where the look fails", html),
  asked("and where it finds somebody else", one({ id: "usr_other" })),
  {
    ...asked("a no, and nothing is sent", one()),
    reply: { result: { action: "decline" } },
    is: { status: "not_updated", code: "confirmation_declined" },
    requests: [look],
    audit: ["attempt", "outcome: not_updated confirmation_declined -, attempts 0, keys []"],
  },
];

const keys = { PRELUDE_READ: "keys" };
const values = { PRELUDE_READ: "values" };
const unlimited = { PRELUDE_MAX_WRITES_PER_MINUTE: "0" };
const confirm = { PRELUDE_CONFIRM: "true", ...unlimited };
const capabilities = { elicitation: {} };

contract([
  { name: "an outcome that stayed open", env: { ...values, ...unlimited }, rows: open },
  {
    name: "and where only names may be seen",
    env: { ...keys, ...unlimited },
    rows: [settled("every value is there", one({ profile }), verified)],
  },
  // A process that has answered once has nothing left to load in the time of the next call.
  ...inTime.map((row) => ({
    name: `in the time of a call, ${row.name}`,
    env: { ...values, PRELUDE_TIMEOUT_MS: "4000" },
    inOrder: true as const,
    rows: [{ name: "a quick answer", is: { status: "updated" } }, row],
  })),
  { name: "a question shows", env: { ...values, ...confirm }, capabilities, rows: questions },
  {
    name: "a question where only names may be seen",
    env: { ...keys, ...confirm },
    capabilities,
    rows: [asked("which keys are new", one({ profile: { first_name: "Jane" } }))],
  },
  {
    name: "a question of the newest revision",
    env: { ...values, ...confirm },
    capabilities,
    revision: "2026-07-28",
    rows: [
      {
        ...asked("old values and new keys", one({ profile: { first_name: "Jane" } })),
        audit: [
          "attempt",
          "outcome: not_updated confirmation_asked -, attempts 0, keys []",
          "attempt",
          wrote(1),
        ],
      },
    ],
  },
  {
    name: "reading off",
    env: unlimited,
    rows: [
      {
        ...settled("an open outcome stays open", one({ profile })),
        requests: [both, both, both],
      },
    ],
  },
]);
