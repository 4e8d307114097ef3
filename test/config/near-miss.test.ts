import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SettingName, settings } from "../../src/config/settings.ts";
import { blanks, defaults, placeholders, problemsOf, read } from "./support.ts";

describe("a name that is almost a setting", () => {
  it.each<[name: string, meant: SettingName]>([
    ["PRELUDE_ALLOWED_KEY", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_ALOWED_KEYS", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_ALLOW_KEYS", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_ALLOWED", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_ALLOWED_PROFILE_KEYS", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_KEYS_ALLOWED", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_BLOCK_KEYS", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_BLOCKED", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_BLOCKLIST", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_CONFIRMATION", "PRELUDE_CONFIRM"],
    ["PRELUDE_CONFIRM_WRITES", "PRELUDE_CONFIRM"],
    ["PRELUDE_COMFIRM", "PRELUDE_CONFIRM"],
    ["PRELUDE_MAX_WRITES", "PRELUDE_MAX_WRITES_PER_MINUTE"],
    ["PRELUDE_MAX_WRITES_PER_MIN", "PRELUDE_MAX_WRITES_PER_MINUTE"],
    ["PRELUDE_AUDIT", "PRELUDE_AUDIT_LOG"],
    ["PRELUDE_AUDITLOG", "PRELUDE_AUDIT_LOG"],
    ["PRELUDE_AUDIT_FILE", "PRELUDE_AUDIT_LOG"],
    ["PRELUDE_READS", "PRELUDE_READ"],
    ["PRELUDE_READ_MODE", "PRELUDE_READ"],
    ["PRELUDE_MAX_READS", "PRELUDE_MAX_READS_PER_MINUTE"],
    ["PRELUDE_APP", "PRELUDE_APP_ID"],
    ["PRELUDE_APPID", "PRELUDE_APP_ID"],
    ["PRELUDE_USER", "PRELUDE_USER_ID"],
    ["PRELUDE_USERID", "PRELUDE_USER_ID"],
    ["PRELUDE_USER_IDS", "PRELUDE_USER_ID"],
    ["PRELUDE_APIKEY", "PRELUDE_API_KEY"],
    ["PRELUDE_API_KEYS", "PRELUDE_API_KEY"],
    ["PRELUDE_API_KEYFILE", "PRELUDE_API_KEY_FILE"],
    ["PRELUDE_TIMEOUT", "PRELUDE_TIMEOUT_MS"],
    ["PRELUDE_BASEURL", "PRELUDE_BASE_URL"],
    ["PRELUDE_LOGLEVEL", "PRELUDE_LOG_LEVEL"],
    ["prelude_confirm", "PRELUDE_CONFIRM"],
    ["Prelude_User_Id", "PRELUDE_USER_ID"],
    ["PRELUDE_USER_ID ", "PRELUDE_USER_ID"],
    ["PRELUDE__CONFIRM", "PRELUDE_CONFIRM"],
    ["PRELUD_CONFIRM", "PRELUDE_CONFIRM"],
    ["PRELUDES_CONFIRM", "PRELUDE_CONFIRM"],
    ["PERLUDE_CONFIRM", "PRELUDE_CONFIRM"],
    ["PRELUDECONFIRM", "PRELUDE_CONFIRM"],
    ["PRELUDE-CONFIRM", "PRELUDE_CONFIRM"],
    ["prelud_confirm", "PRELUDE_CONFIRM"],
    ["PRELUDER_BLOCKED_KEYS", "PRELUDE_BLOCKED_KEYS"],
    ["PRELIDE_USER_ID", "PRELUDE_USER_ID"],
    ["PRELUED_AUDIT_LOG", "PRELUDE_AUDIT_LOG"],
    ["RELUDE_API_KEY", "PRELUDE_API_KEY"],
    ["PRELUDE_AUDIT_LOG_PORT_X", "PRELUDE_AUDIT_LOG"],
    ["PRELUDE_CONFIRM_PORTS", "PRELUDE_CONFIRM"],
    ["PRELUDE_REQUIRE_CONFIRM", "PRELUDE_CONFIRM"],
    ["PRELUDE_MCP_CONFIRM", "PRELUDE_CONFIRM"],
    ["PRELUDE_REQUIRE_APPROVAL", "PRELUDE_CONFIRM"],
    ["PRELUDE_PROFILE_ALLOWED_KEYS", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_WHITELIST", "PRELUDE_ALLOWED_KEYS"],
    ["PRELUDE_DENY_KEYS", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_DENIED_KEYS", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_KEY_BLACKLIST", "PRELUDE_BLOCKED_KEYS"],
    ["PRELUDE_RATE_LIMIT", "PRELUDE_MAX_WRITES_PER_MINUTE"],
    ["PRELUDE_MCP_AUDIT_LOG", "PRELUDE_AUDIT_LOG"],
  ])("%j stops the start and is set right", (name, meant) => {
    expect(problemsOf({ [name]: "x" })).toEqual([
      `${name} is not a setting; did you mean ${meant}?`,
    ]);
  });

  it.each([
    "PRELUDE_SANDBOX",
    "PRELUDE_DRY_RUN",
    "prelude_sandbox",
    "PRELUDE_SANDBOX_ENABLED",
    "PRELUDE_TEST_MODE",
  ])("%s stops the start: a real write must not be taken for a simulated one", (name) => {
    expect(problemsOf({ [name]: "true" })).toEqual([
      `${name} is not a setting; the flag --sandbox turns the sandbox on`,
    ]);
    for (const value of [" ", "false", "0", "Off"]) {
      expect(read({ [name]: value })).toEqual({ config: defaults, warnings: [] });
    }
  });

  it.each(blanks)("that is not set (%j) harms nothing", (value) => {
    const env = { PRELUDE_ALLOWED_KEY: value, PRELUD_CONFIRM: value };
    expect(read(env)).toEqual({ config: defaults, warnings: [] });
  });

  it.each(placeholders)("is not made harmless by the placeholder %j", (value) => {
    expect(problemsOf({ PRELUDE_ALLOWED_KEY: value })).toHaveLength(1);
  });

  it("is shown without what would make two lines of it", () => {
    expect(problemsOf({ "PRELUDE_CONFIRM\nx": "x" })[0]).toMatch(
      /^PRELUDE_CONFIRM\\u\{a\}x is not a setting/,
    );
  });

  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_".split("");
  const slipIn = (part: string) =>
    fc
      .tuple(
        fc.nat(part.length - 1),
        fc.constantFrom(...letters),
        fc.constantFrom("insert", "change", "drop", "swap"),
      )
      .map(([at, letter, how]) => {
        const [head, here, tail] = [part.slice(0, at), part.charAt(at), part.slice(at + 1)];
        if (how === "insert") return `${head}${letter}${here}${tail}`;
        if (how === "change") return `${head}${letter}${tail}`;
        return how === "drop" ? head + tail : `${head}${tail.charAt(0)}${here}${tail.slice(1)}`;
      });
  const rests = settings.map(({ name }) => name.slice("PRELUDE_".length));
  const rest = fc.constantFrom(...rests);
  const names = new Set<string>(settings.map(({ name }) => name));

  it.each([
    ["the name", rest.chain((part) => slipIn(part).map((slip) => `PRELUDE_${slip}`))],
    ["the prefix", rest.chain((part) => slipIn("PRELUDE_").map((slip) => `${slip}${part}`))],
  ])("is found after any one slip of the fingers in %s", (_, slips) => {
    fc.assert(
      fc.property(
        slips.filter((name) => !names.has(name)),
        (name) => {
          expect(problemsOf({ [name]: "x" })).toEqual([
            expect.stringContaining(`${name} is not a setting; did you mean PRELUDE_`),
          ]);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("somebody else's name", () => {
  it.each([
    "PRELUDE_WEBHOOK_SECRET",
    "PRELUDE_CORS_ALLOWED_ORIGINS",
    "PRELUDE_EMAIL_CONFIRMATION_URL",
    "PRELUDE_APPROVAL_URL",
    "PRELUDE_DB_WRITES_URL",
    "PRELUDE_MANAGER_AUDIT_ADDR",
    "PRELUDE_DENY_RULES",
    "PRELUDE_WEBHOOK_URL",
    "PRELUDE_SDK_KEY",
    "PRELUDE_ENV",
    "PRELUDE_REGION",
    "PRELUDE_API_URL",
    "PRELUDE_HOST",
    "PRELUDE_PORT",
    "PRELUDE_DEBUG",
    "PRELUDE_VERIFY_SERVICE_ID",
    "PRELUDE_CLIENT_ID",
    "PRELUDE_",
    "PRELUDE",
    "MY_PRELUDE_CONFIRM",
    "CONFIRM",
    "PATH",
    "PRELUDE2_CONFIRM",
    "INTERLUDE_CONFIRM",
    "VITE_PRELUDE_API_KEY",
    "API_KEY",
  ])("%s is ignored", (name) => {
    expect(read({ [name]: "x" })).toEqual({ config: defaults, warnings: [] });
  });
});

/** What Kubernetes puts into every container of the namespace for a service, by its documentation. */
const serviceLinks = (service: string, port: number, protocol: string, portName: string) => {
  const name = service.toUpperCase().replaceAll("-", "_");
  const address = `${protocol.toLowerCase()}://10.0.0.11:${port}`;
  const link = `${name}_PORT_${port}_${protocol}`;
  return {
    [`${name}_SERVICE_HOST`]: "10.0.0.11",
    [`${name}_SERVICE_PORT`]: `${port}`,
    [`${name}_SERVICE_PORT_${portName}`]: `${port}`,
    [`${name}_PORT`]: address,
    [link]: address,
    [`${link}_PROTO`]: protocol.toLowerCase(),
    [`${link}_PORT`]: `${port}`,
    [`${link}_ADDR`]: "10.0.0.11",
  };
};

describe("the variables of a Kubernetes service", () => {
  it.each([
    ["prelude", 443, "TCP", "HTTPS"],
    ["prelude-audit", 443, "TCP", "HTTPS"],
    ["prelude-audit-log", 514, "UDP", "SYSLOG_UDP"],
    ["prelude-confirm", 8080, "TCP", "WEB"],
    ["prelude-blocked-keys", 80, "SCTP", "P"],
    ["prelude-read", 1, "TCP", "GRPC_WEB_2"],
    ["prelud", 443, "TCP", "HTTPS"],
  ])("named %s are nobody's misspelling", (...service) => {
    expect(read(serviceLinks(...service))).toEqual({ config: defaults, warnings: [] });
  });
});
