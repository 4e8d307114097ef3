import { afterAll, describe, it } from "vitest";
import { app, user } from "../support/server-process.ts";
import {
  apiError,
  type Handler,
  noContent,
  startUpstream,
  type Upstream,
} from "../support/upstream.ts";
import { run, runJson } from "./command-line.ts";

const key = "sk_test_check_1f3a77";
const other = "usr_01jqy7455pf8p9bap5qke912g1";
const fixed = { PRELUDE_APP_ID: app };
const readable = { ...fixed, PRELUDE_USER_ID: user, PRELUDE_READ: "keys" };

const upstreams: Upstream[] = [];
afterAll(async () => {
  await Promise.all(upstreams.map((one) => one.close()));
});

/** The settings for a check that meets these answers, and the requests that came of it. */
const prepare = async (answers: readonly Handler[], env: Record<string, string>) => {
  const upstream = await startUpstream(...answers);
  upstreams.push(upstream);
  const settings = { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url, ...env };
  const requests = () => upstream.received.map(({ method, path }) => `${method} ${path}`);
  return { settings, requests };
};

const html =
  (status: number, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, { "content-type": "text/html", ...headers });
    response.end("<html><h1>Access denied</h1>Reference #18</html>");
  };
const holding =
  (id: string): Handler =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ user: { id, profile: { a: "b" } } }));
  };
const again = { "retry-after-ms": "1" };
const silent: Handler = () => {};
const noApp = apiError(404, "app_not_found", "The application was not found.");
const noUser = apiError(404, "user_not_found", "The user was not found.");

type Row = [name: string, answers: Handler[], env?: Record<string, string>];

const verdicts: Row[] = [
  ["a key that is accepted, and an app that is known", [noUser], fixed],
  ["a key that is accepted, and no app fixed", [noApp]],
  ["no such user, and no app fixed", [noUser]],
  ["an app that Prelude does not know", [noApp], fixed],
  ["a user that is fixed, while reading is off", [noUser], { ...fixed, PRELUDE_USER_ID: user }],
  ["a user that is fixed, and no app", [noUser], { PRELUDE_USER_ID: user, PRELUDE_READ: "keys" }],
  ["a user that is fixed and known", [noUser, holding(user)], readable],
  ["a user that is fixed and not known", [noUser, noUser], readable],
  ["a user that is fixed and cannot be looked up", [noUser, html(403)], readable],
  ["a look that finds somebody else", [noUser, holding(other)], readable],
  ["a key that Prelude does not accept", [apiError(401, "invalid_api_token", "No.")], fixed],
  ["a sign-in page with 401", [html(401)], fixed],
  ["a key without the right", [apiError(403, "no_such_right", `No right for ${key}.`)], fixed],
  ["a firewall's page", [html(403)], fixed],
  ["session management that is off", [apiError(403, "session_disabled", "Off.")], fixed],
  ["a write that is accepted", [noContent], fixed],
  ["a redirect", [html(302, { location: "https://sign-in.example/" })], fixed],
  ["a key of the profile that is reserved", [apiError(400, "reserved_profile_key", "Res.")], fixed],
  ["too many requests", [apiError(429, "slow_down", "Slow.", again)], fixed],
  ["an upstream that fails", [apiError(503, "down", "Down.", again)], fixed],
  ["a gateway that fails", [html(502, again)], fixed],
  ["an upstream that does not answer", [silent], { ...fixed, PRELUDE_TIMEOUT_MS: "300" }],
  [
    "nobody there",
    [],
    { ...fixed, PRELUDE_BASE_URL: "http://127.0.0.1:9", PRELUDE_TIMEOUT_MS: "400" },
  ],
  ["no key", [noUser], { ...fixed, PRELUDE_API_KEY: "" }],
];

describe("--check --json says, and takes as its exit code, what it thinks of", () => {
  it.concurrent.for(verdicts)("%s", async ([, answers, env = {}], { expect }) => {
    const { settings, requests } = await prepare(answers, env);
    const { exit, err, answer } = await runJson([], settings);
    const { request: _, tested, ...check } = answer.check;
    const known = Object.keys(tested).filter((what) => tested[what]);
    expect(answer.ok).toBe(exit === 0);
    expect({ exit, err, ...check, known, requests: requests() }).toMatchSnapshot();
  });
});

describe("--check --json", () => {
  it.concurrent("is whole: settings as values, the key only as being there", async ({ expect }) => {
    const { settings } = await prepare([noUser], { ...readable, PRELUDE_ALLOWED_KEYS: "a,b" });
    const names = { [settings.PRELUDE_BASE_URL ?? ""]: "<address>" };
    expect(await runJson([], settings, { names })).toMatchSnapshot();
  });

  it.concurrent.for<[string, Record<string, string>]>([
    ["two wrong values", { PRELUDE_USER_ID: "jane", PRELUDE_TIMEOUT_MS: "soon" }],
    ["an audit file in no folder", { PRELUDE_AUDIT_LOG: "/no/such/folder/x" }],
    ["a misspelt guard", { PRELUDE_CONFIRMATION: "true" }],
  ])("stays JSON where %s would stop the start", async ([, env], { expect }) => {
    const { settings, requests } = await prepare([noUser], env);
    expect(await runJson([], settings)).toMatchSnapshot();
    expect(requests()).toEqual([]);
  });

  it.concurrent("lists what is only worth a warning", async ({ expect }) => {
    const { answer } = await runJson(["--sandbox"], { PRELUDE_API_KEY: "<your key>" });
    expect(answer.warnings).toMatchSnapshot();
  });

  it.concurrent("tells a stand-in for the key from no key", async ({ expect }) => {
    const { exit, answer } = await runJson([], { PRELUDE_API_KEY: "<your key>" });
    expect({ exit, code: answer.check.code }).toEqual({ exit: 1, code: "not_configured" });
    expect(answer.check.message).toContain("holds something that stands in for a key");
  });

  it.concurrent("says of the sandbox that nothing was tested", async ({ expect }) => {
    const { settings, requests } = await prepare([noUser], {});
    const { exit, answer } = await runJson(["--sandbox"], settings);
    expect({ exit, sandbox: answer.sandbox, check: answer.check }).toMatchSnapshot();
    expect(requests()).toEqual([]);
  });
});

const everyGuard = {
  ...readable,
  PRELUDE_ALLOWED_KEYS: "first_name,plan",
  PRELUDE_BLOCKED_KEYS: "role",
  PRELUDE_READ: "values",
  PRELUDE_CONFIRM: "true",
  PRELUDE_MAX_WRITES_PER_MINUTE: "5",
  PRELUDE_MAX_READS_PER_MINUTE: "0",
  PRELUDE_TIMEOUT_MS: "5000",
  PRELUDE_LOG_LEVEL: "silent",
};

describe("--check in words", () => {
  it.concurrent.for<[string, Handler[], Record<string, string>]>([
    ["with no guard at all", [noApp], { PRELUDE_MAX_WRITES_PER_MINUTE: "0" }],
    ["with every guard", [noUser, holding(user)], everyGuard],
    ["with a bad key", [apiError(401, "invalid_api_token", "No.")], fixed],
    ["without a key", [], { PRELUDE_API_KEY: "" }],
  ])("%s", async ([, answers, env], { expect }) => {
    const { settings } = await prepare(answers, env);
    expect(await run(["--check"], settings)).toMatchSnapshot();
  });

  it.concurrent("of the sandbox", async ({ expect }) => {
    expect(await run(["--check", "--sandbox"], fixed)).toMatchSnapshot();
  });
});
