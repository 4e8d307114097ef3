import { describe, expect, it, onTestFinished } from "vitest";
import { pasteHere } from "../../src/cli/hosts.ts";
import { settings } from "../../src/config/settings.ts";
import { runCli } from "../support/run-cli.ts";
import { app, user } from "../support/server-process.ts";
import { apiError, type Handler, noContent, startUpstream } from "../support/upstream.ts";

const key = "sk_test_check_1f3a77";
const nilUser = "usr_00000000000000000000000000";

const html =
  (status: number): Handler =>
  (_, response) => {
    response.writeHead(status, { "content-type": "text/html" });
    response.end("<html><h1>Access denied</h1>Reference #18</html>");
  };

type Setup = { answer?: Handler; env?: Record<string, string>; flags?: string[] };

const check = async ({ answer = noContent, env = {}, flags = [] }: Setup) => {
  const upstream = await startUpstream(answer);
  onTestFinished(upstream.close);
  const all = { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url, ...env };
  const ended = await runCli(["--check", ...flags], all);
  expect(ended.out + ended.err).not.toContain(key);
  return { ...ended, upstream };
};

const noUser = apiError(404, "user_not_found", "The user was not found.");
const noApp = apiError(404, "app_not_found", "The application was not found.");

describe("--check", () => {
  it("sends one PATCH for a user that cannot exist, and says so", async () => {
    const env = { PRELUDE_APP_ID: app };
    const { code, out, upstream } = await check({ answer: noUser, env });
    expect(code).toBe(0);
    expect(upstream.received.map(({ method, path }) => [method, path])).toEqual([
      ["PATCH", `/v2/session/apps/${app}/users/${nilUser}/profile`],
    ]);
    expect(out).toContain(`a PATCH for ${nilUser}, a user that cannot exist`);
    expect(out).toContain(`OK  user_not_found: Prelude accepts the key and knows the app ${app}.`);
  });

  it("claims nothing about an app that is not set", async () => {
    const { code, out } = await check({ answer: noApp });
    expect(code).toBe(0);
    expect(out).toContain("OK  app_not_found: Prelude accepts the key. No app was tested");
  });

  it.each([
    [app, noUser],
    [undefined, noApp],
  ])("says that a fixed user was not tested (app %s)", async (appId, answer) => {
    const env = { PRELUDE_USER_ID: user, ...(appId !== undefined && { PRELUDE_APP_ID: appId }) };
    const { code, out, upstream } = await check({ answer, env });
    expect(code).toBe(0);
    expect(out).toContain(`Whether there is a user ${user} was not tested`);
    expect(upstream.received.every(({ path }) => !path.includes(user))).toBe(true);
  });

  it.each([
    ["a firewall's page", html(403), "HTTP 403"],
    ["a 403 without a body", (_, response) => response.writeHead(403).end(), "HTTP 403"],
    ["a gateway's page", html(404), "HTTP 404"],
  ] as [string, Handler, string][])(
    "blames %s on what stands in between",
    async (_, answer, said) => {
      const { code, out, upstream } = await check({ answer, env: { PRELUDE_APP_ID: app } });
      expect(code).toBe(1);
      expect(out).toContain(`${said} did not come in the form of Prelude's answers`);
      expect(out).toContain(`between here and ${upstream.url}`);
      expect(out).not.toMatch(/what the API key may do/i);
    },
  );

  it("blames the account for a 403 in Prelude's own form", async () => {
    const { code, out } = await check({ answer: apiError(403, "no_such_right", "No right.") });
    expect(code).toBe(1);
    expect(out).toContain("Check the Prelude account and what the API key may do");
    expect(out).toContain("No right.");
  });

  it.each([
    [apiError(401, "invalid_api_token"), "unauthorized", "management API key"],
    [
      apiError(403, "session_disabled"),
      "session_disabled",
      "Enable session management for this app in Prelude",
    ],
    [noApp, "app_not_found", "Correct PRELUDE_APP_ID: "],
    [noContent, "updated", "this is not Prelude"],
    [html(302), "unexpected_response", "Check PRELUDE_BASE_URL"],
  ])("says what to do, %#", async (answer, code, advice) => {
    const ended = await check({ answer, env: { PRELUDE_APP_ID: app } });
    expect(ended.code).toBe(1);
    expect(ended.out).toContain(`NOT OK  ${code}: `);
    expect(ended.out).toContain(advice);
  });

  it("sends nothing without a key", async () => {
    const { code, out, upstream } = await check({ env: { PRELUDE_API_KEY: "" } });
    expect(code).toBe(1);
    expect(out).toContain("NOT OK  not_configured: Set PRELUDE_API_KEY");
    expect(out).not.toContain("a PATCH for");
    expect(upstream.received).toEqual([]);
  });

  it("with --sandbox claims nothing about key and network", async () => {
    const { code, out, upstream } = await check({ flags: ["--sandbox"] });
    expect(code).toBe(0);
    expect(out).toContain("Neither a key nor the network was tested.");
    expect(out).not.toMatch(/accepts the key|network (?:is|are) fine/);
    expect(upstream.received).toEqual([]);
  });
});

describe("--check --json", () => {
  const parse = (out: string) => {
    expect(out.trimEnd()).not.toContain("\n");
    return JSON.parse(out);
  };

  it("gives values that a script can use, and whether there is a key", async () => {
    const env = {
      PRELUDE_APP_ID: app,
      PRELUDE_ALLOWED_KEYS: "first_name,locale",
      PRELUDE_CONFIRM: "true",
      PRELUDE_MAX_WRITES_PER_MINUTE: "5",
    };
    const { code, out } = await check({ answer: noUser, env, flags: ["--json"] });
    expect(code).toBe(0);
    const { ok, sandbox, problems, settings: values, check: verdict } = parse(out);
    expect({ ok, sandbox, problems }).toEqual({ ok: true, sandbox: false, problems: [] });
    expect(values).toMatchObject({
      api_key: true,
      app_id: app,
      user_id: null,
      allowed_keys: ["first_name", "locale"],
      blocked_keys: [],
      confirm: true,
      max_writes_per_minute: 5,
      audit_log: null,
      timeout_ms: 30_000,
      log_level: "error",
    });
    expect(verdict).toMatchObject({
      code: "user_not_found",
      http_status: 404,
      tested: { key: true, network: true, app: true, user: false },
    });
  });

  it("holds every setting", async () => {
    const { out } = await check({ flags: ["--json", "--sandbox"] });
    const names = Object.keys(parse(out).settings).map((name) => `PRELUDE_${name.toUpperCase()}`);
    expect(names.sort()).toEqual(settings.map(({ name }) => name).sort());
  });

  it("lists what is only worth a warning", async () => {
    const env = { PRELUDE_TIMEOUT_MS: "30" };
    const { out } = await check({ env, flags: ["--json", "--sandbox"] });
    expect(parse(out).warnings).toEqual([expect.stringContaining("PRELUDE_TIMEOUT_MS")]);
  });

  const references = ["PRELUDE_API_KEY", "env:PRELUDE_API_KEY", "input:prelude-api-key"];
  it.each([pasteHere, ...references.map((name) => `\${${name}}`)])(
    "takes what a block says in the key's place, unreplaced, for no key: %s",
    async (text) => {
      const { code, out, upstream } = await check({
        env: { PRELUDE_API_KEY: text },
        flags: ["--json"],
      });
      expect(code).toBe(1);
      expect(parse(out)).toMatchObject({
        settings: { api_key: false },
        check: { code: "not_configured" },
      });
      expect(upstream.received).toEqual([]);
    },
  );

  it("says of the sandbox that nothing was tested", async () => {
    const { out } = await check({ flags: ["--json", "--sandbox"] });
    expect(parse(out)).toMatchObject({
      ok: true,
      sandbox: true,
      check: { tested: { key: false, network: false, app: false, user: false } },
    });
  });

  it.each<[string, Record<string, string>, string[]]>([
    ["a wrong value", { PRELUDE_CONFIRM: "maybe" }, ["PRELUDE_CONFIRM"]],
    [
      "two wrong values",
      { PRELUDE_USER_ID: "jane", PRELUDE_TIMEOUT_MS: "soon" },
      ["PRELUDE_USER_ID", "PRELUDE_TIMEOUT_MS"],
    ],
    ["a file that cannot be opened", { PRELUDE_AUDIT_LOG: "/no/such/x" }, ["PRELUDE_AUDIT_LOG"]],
  ])("answers in JSON for %s, with exit code 2", async (_, env, names) => {
    const { code, out, err, upstream } = await check({ env, flags: ["--json"] });
    expect({ code, err }).toEqual({ code: 2, err: "" });
    const { ok, problems, settings: values, check: verdict } = parse(out);
    expect({ ok, values, verdict }).toEqual({ ok: false, values: null, verdict: null });
    expect(problems).toHaveLength(names.length);
    for (const name of names) expect(problems.join("\n")).toContain(name);
    expect(upstream.received).toEqual([]);
  });
});
