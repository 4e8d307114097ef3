import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settings } from "../../src/config/settings.ts";
import { blanks, defaults, problemsOf, read } from "./support.ts";

describe("a name that is almost a setting", () => {
  it.each(blanks)("that is not set (%j) harms nothing", (value) => {
    const env = { PRELUDE_ALLOWED_KEY: value, PRELUD_CONFIRM: value };
    expect(read(env)).toEqual({ config: defaults, warnings: [] });
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
