import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SettingName, settings } from "../../src/config/settings.ts";
import { blanks, defaults, dollar, problemsOf, read } from "./support.ts";

/** Setting -> names that somebody gave it. */
const misspelt: Partial<Record<SettingName, string[]>> = {
  PRELUDE_ALLOWED_KEYS: [
    ...["PRELUDE_ALLOWED_KEY", "PRELUDE_ALOWED_KEYS", "PRELUDE_ALLOW_KEYS", "PRELUDE_WHITELIST"],
    ...["PRELUDE-ALLOWED-KEYS", "preludeAllowedKeys", "PRELUDE_KEYS_ALLOWED", "PRELUDE_ALLOWED"],
    ...["prelude.allowed.keys", "PRELUDE_CORS_ALLOWED_ORIGINS"],
  ],
  PRELUDE_BLOCKED_KEYS: [
    ...["PRELUDE_BLOCK_KEYS", "PRELUDE_BLOCKLIST", "PRELUDE_DENY_KEYS", "PRELUDE_KEY_BLACKLIST"],
    ...[
      "PRELUDE_FORBIDDEN",
      "PRELUDE_DISALLOWED_KEYS",
      "PRELUDE_NOT_ALLOWED",
      "PRELUDER_BLOCKED_KEYS",
    ],
  ],
  PRELUDE_CONFIRM: [
    ...["PRELUDE_COMFIRM", "PRELUDE_CONFIRMATION", "PRELUDE_REQUIRE_APPROVAL", "prelude_confirm"],
    ...[
      "PRELUD_CONFIRM",
      "PERLUDE_CONFIRM",
      "prelud-confirm",
      "PRELUDECONFIRM",
      "PRELUDE_CONFIRM ",
    ],
  ],
  PRELUDE_MAX_WRITES_PER_MINUTE: [
    ...["PRELUDE_MAX_WRITES", "PRELUDE_RATE_LIMIT", "PRELUDE_WRITE_LIMIT"],
  ],
  PRELUDE_MAX_READS_PER_MINUTE: ["PRELUDE_MAX_READS", "PRELUDE_READ_LIMIT"],
  PRELUDE_AUDIT_LOG: ["PRELUDE_AUDIT", "PRELUDE_AUDIT_FILE", "PRELUED_AUDIT_LOG"],
  PRELUDE_READ: ["PRELUDE_READS"],
  PRELUDE_WRITE: [
    ...["PRELUDE_WRITES", "PRELUDE_READ_ONLY", "PRELUDE_READONLY"],
    ...["PRELUDE_DRY_RUN", "prelude-dry-run", "PRELUDE_WRITE_MODE_DRYRUN"],
  ],
  PRELUDE_APP_ID: ["PRELUDE_APP", "PRELUDE_APPID"],
  PRELUDE_USER_ID: ["PRELUDE_USER", "Prelude_User_Id", "PRELIDE_USER_ID"],
  PRELUDE_API_KEY: ["PRELUDE_APIKEY", "PRELUDE_API_KEYS", "RELUDE_API_KEY"],
  PRELUDE_TIMEOUT_MS: ["PRELUDE_TIMEOUT"],
};
const rows = Object.entries(misspelt).flatMap(([meant, names]) =>
  names.map((name) => [name, meant] as const),
);

describe("a name that is almost a setting", () => {
  it.each(rows)("%j stops the start, and is told the right name: %s", (name, meant) => {
    expect(problemsOf({ [name]: "x" })).toEqual([
      `${name} is not a setting; did you mean ${meant}?`,
    ]);
  });

  it.each(["PRELUDE_SANDBOX", "prelude_sandbox", "PRELUDE_SANDBOX_ENABLED"])(
    "%s stops the start: a real write must not be taken for a simulated one",
    (name) => {
      expect(problemsOf({ [name]: "true" })).toEqual([
        `${name} is not a setting; the flag --sandbox turns the sandbox on`,
      ]);
    },
  );

  it.each(blanks)("that is not set (%j) harms nothing", (value) => {
    const env = { PRELUDE_ALLOWED_KEY: value, PRELUD_CONFIRM: value };
    expect(read(env)).toEqual({ config: defaults, warnings: [] });
  });

  it("is not made harmless by a placeholder", () => {
    expect(problemsOf({ PRELUDE_ALLOWED_KEY: dollar("VAR") })).toHaveLength(1);
  });

  it("is shown without what would make two lines of it", () => {
    expect(problemsOf({ "PRELUDE_CONFIRM\nx": "x" })[0]).toMatch(
      /^PRELUDE_CONFIRM\\u\{a\}x is not a setting/,
    );
  });

  const known = new Set<string>(settings.map(({ name }) => name));
  const slips = fc
    .tuple(
      fc.constantFrom(...known),
      fc.nat(),
      fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
      fc.constantFrom("insert", "change", "drop", "swap"),
    )
    .map(([name, place, letter, how]) => {
      const at = place % name.length;
      const [head, here, tail] = [name.slice(0, at), name.charAt(at), name.slice(at + 1)];
      if (how === "insert") return `${head}${letter}${here}${tail}`;
      if (how === "change") return `${head}${letter}${tail}`;
      return how === "drop" ? head + tail : `${head}${tail.charAt(0)}${here}${tail.slice(1)}`;
    })
    .filter((name) => !known.has(name));

  it("is found after any one slip of the fingers", () => {
    fc.assert(
      fc.property(slips, (name) => {
        expect(problemsOf({ [name]: "x" })).toEqual([
          expect.stringContaining(`${name} is not a setting; did you mean PRELUDE_`),
        ]);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("somebody else's name", () => {
  it.each([
    ...["PRELUDE_ENV", "PRELUDE_VERIFY_SDK_KEY", "MY_PRELUDE_API_KEY", "VITE_PRELUDE_API_KEY"],
    ...[
      "PRELUDE_WEBHOOK_SECRET",
      "PRELUDE_SDK_KEY",
      "PRELUDE_REGION",
      "PRELUDE_API_URL",
      "API_KEY",
    ],
    ...["PRELUDE_HOST", "PRELUDE_PORT", "PRELUDE_DEBUG", "PRELUDE_CLIENT_ID", "PRELUDE_", "PATH"],
    ...["PRELUDE", "MY_PRELUDE_CONFIRM", "CONFIRM", "INTERLUDE_CONFIRM", "AUDIT_LOG"],
    // What Kubernetes puts into every container of a namespace for services of these names.
    ...["PRELUDE_AUDIT_SERVICE_HOST", "PRELUDE_AUDIT_SERVICE_PORT", "PRELUDE_CONFIRM_PORT"],
    ...["PRELUDE_AUDIT_SERVICE_PORT_SYSLOG_UDP", "PRELUDE_READ_PORT_443_TCP"],
    ...["PRELUDE_AUDIT_LOG_PORT_514_UDP_PROTO", "PRELUD_CONFIRM_PORT_80_SCTP_ADDR"],
  ])("%s is ignored", (name) => {
    expect(read({ [name]: "x" })).toEqual({ config: defaults, warnings: [] });
  });
});
