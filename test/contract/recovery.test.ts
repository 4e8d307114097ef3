import {
  apiBody,
  applied,
  drip,
  drop,
  honest,
  never,
  raw,
  reply,
  reset,
  type Step,
} from "../support/fault-server.ts";
import type { Json } from "../support/server-process.ts";
import { contract, type Row, refused, unknown } from "./harness.ts";

const quickly = { "retry-after-ms": "1" };
const busy = reply(503, apiBody("internal", "Busy."), quickly);
const slowDown = (headers: Record<string, string>) => reply(429, apiBody("slow_down"), headers);
const gone = reply(404, apiBody("user_not_found"));
const updated = { status: "updated" };

/** Answers `soon` to a request that comes before this many milliseconds have passed, else 204. */
const notBefore = (ms: number, first: Step, soon: Step = gone): readonly Step[] => {
  let since = Number.POSITIVE_INFINITY;
  const wait: Step = (exchange) => {
    since = performance.now();
    return first(exchange);
  };
  const look: Step = (exchange) => (performance.now() - since >= ms ? honest : soon)(exchange);
  return [wait, look];
};

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString();

const lost: Row[] = [
  {
    name: "a lost answer is settled by the repeat",
    answers: [applied(drop), honest],
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "an answer lost with the whole connection is settled by the repeat",
    answers: [applied(reset), honest],
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "an answer lost in its head is settled by the repeat",
    answers: [applied(raw("HTTP/1.1 204 No Con")), honest],
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "three lost answers leave it open",
    answers: [drop],
    is: unknown("connection_lost", { attempts: 3, retryable: true }),
    requests: 3,
  },
  {
    name: "a refusal after a lost answer leaves it open",
    answers: [applied(drop), gone],
    is: unknown("user_not_found", { attempts: 2, http_status: 404 }),
    requests: 2,
  },
  {
    name: "a reserved key after a lost answer leaves it open",
    answers: [drop, reply(400, apiBody("reserved_profile_key"))],
    is: unknown("reserved_profile_key", { attempts: 2, http_status: 400, keys: ["first_name"] }),
    requests: 2,
  },
  {
    name: "429 after a lost answer leaves it open",
    answers: [drop, slowDown({ "retry-after": "100" })],
    is: unknown("rate_limited", {
      attempts: 2,
      http_status: 429,
      retryable: true,
      retry_after_seconds: 100,
    }),
    requests: 2,
  },
  {
    name: "a refusal after a 503 leaves it open",
    answers: [busy, gone],
    is: unknown("user_not_found", { attempts: 2, http_status: 404 }),
    requests: 2,
  },
  {
    name: "a refusal after a 429 is a refusal",
    answers: [slowDown(quickly), gone],
    is: refused("user_not_found", { attempts: 2, http_status: 404 }),
    requests: 2,
  },
];

const repeats: Row[] = [
  ...[408, 429, 500, 501, 502, 503, 504, 507, 520, 530].map(
    (status): Row => ({
      name: `${status} is repeated, and then it is written`,
      answers: [reply(status, "", quickly), honest],
      is: { ...updated, attempts: 2 },
      requests: 2,
    }),
  ),
  ...[400, 401, 403, 409, 422].map(
    (status): Row => ({
      name: `${status} is not repeated, whatever it asks for`,
      answers: [reply(status, "", quickly), honest],
      is:
        {
          401: refused("unauthorized", { http_status: 401, retry_after_seconds: 1 }),
          403: refused("forbidden", { http_status: 403, retry_after_seconds: 1 }),
        }[status] ??
        refused("api_error", { http_status: status, keys: ["first_name"], retry_after_seconds: 1 }),
    }),
  ),
  {
    name: "two repeats and no more",
    answers: [busy, busy, busy, honest],
    is: unknown("upstream_error", {
      attempts: 3,
      http_status: 503,
      retryable: true,
      retry_after_seconds: 1,
    }),
    requests: 3,
  },
  {
    name: "x-should-retry: true has a conflict repeated",
    answers: [reply(409, "", { "x-should-retry": "true", ...quickly }), honest],
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "without a word about it, a repeat waits a while",
    answers: notBefore(300, reply(503)),
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "Retry-After in milliseconds is obeyed",
    answers: notBefore(690, reply(429, "", { "retry-after-ms": "700" })),
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "Retry-After in seconds is obeyed",
    answers: notBefore(990, reply(429, "", { "retry-after": "1" })),
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "Retry-After as a date is obeyed",
    // A date has whole seconds only.
    answers: notBefore(950, (exchange) =>
      reply(503, "", { "retry-after": inSeconds(2) })(exchange),
    ),
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "Retry-After of more than a day says nothing",
    answers: [reply(429, "", { "retry-after": "86401", "x-should-retry": "false" })],
    is: refused("rate_limited", { http_status: 429, retryable: true }),
  },
  {
    name: "Retry-After beyond the deadline is left to the agent",
    answers: [slowDown({ "retry-after": "61" })],
    is: refused("rate_limited", { http_status: 429, retryable: true, retry_after_seconds: 61 }),
  },
  {
    name: "Retry-After beyond the deadline after a 503 is left to the agent",
    answers: [reply(503, "", { "retry-after": "61" })],
    is: unknown("upstream_error", { http_status: 503, retryable: true, retry_after_seconds: 61 }),
  },
];

/** Answers so many milliseconds after the request came. */
const after =
  (ms: number, step: Step): Step =>
  (exchange) =>
    void setTimeout(step, ms, exchange);

const timedOut = (more: Json = {}) => unknown("timeout", { retryable: true, ...more });
const late: Row[] = [
  {
    name: "no answer, on a connection that was used before and on a new one",
    answers: [never],
    is: timedOut({ attempts: 2 }),
    requests: 2,
  },
  {
    name: "an answer that comes byte by byte",
    answers: [drip(`HTTP/1.1 204 No Content\r\nx: ${"x".repeat(100)}`, 40)],
    is: timedOut(),
  },
  {
    name: "a silence after a 503, on its connection and on a new one",
    answers: [busy, never],
    is: timedOut({ attempts: 3 }),
    requests: 3,
  },
  {
    name: "Retry-After that the deadline does not allow",
    answers: [reply(503, "", { "retry-after": "4" })],
    is: unknown("upstream_error", { http_status: 503, retryable: true, retry_after_seconds: 4 }),
  },
  {
    name: "a body that never ends behind a 404",
    answers: [
      ({ response }) => {
        response.writeHead(404).write('{"code":"user_not_found",');
      },
    ],
    is: refused("not_found", { http_status: 404 }),
  },
  {
    name: "a search that has no time for its end",
    skip: true,
    profile: { a: "1", sub: "2", b: "3" },
    reserved: ["sub"],
    answers: [honest, honest, honest, honest, never],
    is: timedOut({ attempts: 6, updated_keys: ["a", "b"] }),
    requests: ["a sub b", "a", "sub", "b", "a b", "a b"],
  },
];

/** Each needs the connection that was used before to itself. */
const alone: Row[] = [
  {
    name: "half of the time for a connection that was used before, and the rest for a new one",
    answers: [never, honest],
    is: { ...updated, attempts: 2 },
    requests: 2,
  },
  {
    name: "one deadline for all attempts",
    answers: [after(1_700, busy)],
    is: timedOut({ attempts: 2 }),
    requests: 2,
  },
];

const five = { first_name: "Ada", sub: "x", city: "London", created_at: "y", plan: "pro" };
const reservedKey = (keys: string[], more: Json) => ({
  code: "reserved_profile_key",
  keys,
  http_status: 400,
  ...more,
});
const partly = (updated_keys: string[], keys: string[], attempts: number) =>
  reservedKey(keys, { status: "partially_updated", updated_keys, attempts });

/** Every second one of the keys k0, k1 …, from this one on. */
const numbered = (count: number, first: number): string[] =>
  Array.from({ length: count }, (_, i) => `k${i * 2 + first}`);

const searches: Row[] = [
  { name: "nothing reserved: one request", skip: true, profile: five, is: updated },
  {
    name: "the only key reserved",
    skip: true,
    reserved: ["first_name"],
    is: reservedKey(["first_name"], { status: "not_updated" }),
  },
  {
    name: "one of two",
    skip: true,
    profile: { plan: "pro", role: "admin" },
    reserved: ["role"],
    is: partly(["plan"], ["role"], 4),
    requests: ["plan role", "plan", "role", "plan"],
  },
  {
    name: "one of many",
    skip: true,
    profile: Object.fromEntries([..."abcdefgh"].map((name) => [name, name])),
    reserved: ["f"],
    is: partly([..."abcdegh"], ["f"], 7),
    requests: ["a b c d e f g h", "a b c d", "e f", "e", "f", "g h", "a b c d e g h"],
  },
  {
    name: "several of them",
    skip: true,
    profile: five,
    reserved: ["sub", "created_at"],
    is: partly(["first_name", "city", "plan"], ["sub", "created_at"], 9),
    requests: [
      "first_name sub city created_at plan",
      "first_name sub",
      "first_name",
      "sub",
      "city created_at plan",
      "city",
      "created_at",
      "plan",
      "first_name city plan",
    ],
  },
  {
    name: "all of them",
    skip: true,
    profile: { sub: "x", created_at: "y" },
    reserved: ["sub", "created_at"],
    is: reservedKey(["sub", "created_at"], { status: "not_updated", attempts: 3 }),
    requests: ["sub created_at", "sub", "created_at"],
  },
  {
    name: "two that are refused only together",
    skip: true,
    profile: { first_name: "Ada", city: "London", plan: "pro" },
    rivals: ["first_name", "plan"],
    is: unknown("reserved_profile_key", {
      updated_keys: ["first_name", "city", "plan"],
      attempts: 5,
      http_status: 400,
    }),
    requests: ["first_name city plan", "first_name", "city", "plan", "first_name city plan"],
  },
  {
    name: "two that are refused only together, and one reserved",
    skip: true,
    profile: five,
    reserved: ["sub"],
    rivals: ["first_name", "plan"],
    is: unknown("reserved_profile_key", {
      keys: ["sub"],
      updated_keys: ["first_name", "city", "created_at", "plan"],
      attempts: 6,
      http_status: 400,
    }),
    requests: [
      "first_name sub city created_at plan",
      "first_name sub",
      "first_name",
      "sub",
      "city created_at plan",
      "first_name city created_at plan",
    ],
  },
  {
    name: "a first refusal that was wrong",
    skip: true,
    profile: { a: "1", b: "2" },
    answers: [reply(400, apiBody("reserved_profile_key")), honest],
    is: { ...updated, attempts: 4 },
    requests: ["a b", "a", "b", "a b"],
  },
  {
    name: "a limit of Prelude's in the middle",
    skip: true,
    profile: { a: "1", sub: "2", b: "3" },
    reserved: ["sub"],
    answers: [honest, honest, slowDown({ "retry-after": "100" })],
    is: unknown("rate_limited", {
      updated_keys: ["a"],
      attempts: 3,
      http_status: 429,
      retryable: true,
      retry_after_seconds: 100,
    }),
    requests: ["a sub b", "a", "sub"],
  },
  {
    name: "another refusal in the middle",
    skip: true,
    profile: { a: "1", sub: "2", b: "3" },
    reserved: ["sub"],
    answers: [honest, honest, gone],
    is: unknown("user_not_found", { updated_keys: ["a"], attempts: 3, http_status: 404 }),
    requests: ["a sub b", "a", "sub"],
  },
  {
    name: "a fault in the middle, before anything was written",
    skip: true,
    profile: { sub: "2", a: "1" },
    reserved: ["sub"],
    answers: [honest, reply(503, "", { "x-should-retry": "false" })],
    is: unknown("upstream_error", { attempts: 2, http_status: 503, retryable: true }),
    requests: ["sub a", "sub"],
  },
  {
    name: "a fault in the middle that a repeat settles",
    skip: true,
    profile: { a: "1", sub: "2" },
    reserved: ["sub"],
    answers: [honest, busy, honest],
    is: partly(["a"], ["sub"], 5),
    requests: ["a sub", "a", "a", "sub", "a"],
  },
  {
    name: "a fault at its end",
    skip: true,
    profile: { a: "1", sub: "2", b: "3" },
    reserved: ["sub"],
    answers: [honest, honest, honest, honest, busy],
    is: unknown("upstream_error", {
      updated_keys: ["a", "b"],
      attempts: 7,
      http_status: 503,
      retryable: true,
      retry_after_seconds: 1,
    }),
    requests: ["a sub b", "a", "sub", "b", "a b", "a b", "a b"],
  },
  {
    name: "a lost answer at its end",
    skip: true,
    profile: { a: "1", sub: "2", b: "3" },
    reserved: ["sub"],
    answers: [honest, honest, honest, honest, drop, gone],
    is: unknown("user_not_found", { updated_keys: ["a", "b"], attempts: 6, http_status: 404 }),
    requests: ["a sub b", "a", "sub", "b", "a b", "a b"],
  },
  {
    name: "an answer lost before it leaves it open to its end",
    skip: true,
    profile: { a: "1", sub: "2" },
    reserved: ["sub"],
    answers: [drop, honest],
    is: unknown("reserved_profile_key", {
      keys: ["sub"],
      updated_keys: ["a"],
      attempts: 5,
      http_status: 400,
    }),
    requests: ["a sub", "a sub", "a", "sub", "a"],
  },
  {
    name: "an answer lost in the middle leaves it open to its end",
    skip: true,
    profile: { a: "1", sub: "2" },
    reserved: ["sub"],
    answers: [honest, honest, drop, honest],
    is: unknown("reserved_profile_key", {
      keys: ["sub"],
      updated_keys: ["a"],
      attempts: 5,
      http_status: 400,
    }),
    requests: ["a sub", "a", "sub", "sub", "a"],
  },
  {
    name: "more reserved keys than one call may search for",
    skip: true,
    profile: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, "v"])),
    reserved: numbered(30, 0),
    is: partly(numbered(14, 1), numbered(14, 0), 57),
    requests: { count: 57, last: numbered(14, 1).join(" ") },
  },
];

contract([
  {
    name: "repeats",
    env: { PRELUDE_MAX_WRITES_PER_MINUTE: "0" },
    rows: [...lost, ...repeats],
  },
  {
    name: "on_reserved_key skip",
    env: { PRELUDE_MAX_WRITES_PER_MINUTE: "0" },
    rows: searches,
  },
  { name: "the deadline", env: { PRELUDE_TIMEOUT_MS: "3000" }, warm: true, rows: late },
  ...alone.map((row) => ({
    name: "the deadline",
    env: { PRELUDE_TIMEOUT_MS: "3000" },
    warm: true as const,
    rows: [row],
  })),
  {
    name: "a proxy in the environment",
    env: { HTTP_PROXY: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9" },
    rows: [{ name: "is never used for this machine itself", is: updated }],
  },
  {
    name: "nobody listens",
    env: { PRELUDE_BASE_URL: "http://127.0.0.1:9" },
    rows: [
      {
        name: "unreachable",
        is: refused("unreachable", { attempts: 3, retryable: true }),
        requests: 0,
        audit: ["refused: not_updated unreachable -, attempts 3, keys []"],
      },
    ],
  },
]);
