import { describe, expect, it } from "vitest";
import { settings } from "../../src/config/settings.ts";
import { blanks, defaults, dollar, problemsOf, read, standIns } from "./support.ts";

const guards = settings.filter(({ guard }) => guard !== false);
const others = settings.filter(({ guard }) => guard === false);

it.each(settings)(
  "$name is not set by a blank or by an empty field of a bundle; a blank guard is told",
  ({ name, guard }) => {
    const told = `set and empty, which counts as not set: ${name}`;
    for (const blank of blanks) {
      const warnings = guard !== false && blank.trim() === "" ? [told] : [];
      expect(read({ [name]: blank })).toEqual({ config: defaults, warnings });
    }
  },
);

it("the guards are every setting but key, address, deadline and log", () => {
  const names = others.map(({ name }) => name.replace("PRELUDE_", ""));
  expect(names).toEqual(["API_KEY", "API_KEY_FILE", "BASE_URL", "TIMEOUT_MS", "LOG_LEVEL"]);
});

describe.each(guards)("$name is a guard", ({ name }) => {
  it.each(standIns)("so %j stops the start", (value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} holds a placeholder`))]);
  });
});

it.each(others.slice(1))(
  "$name is no guard: what a host did not replace is not set",
  ({ name }) => {
    for (const value of ["VAR", "env:VAR", "VAR:-", ""].map(dollar)) {
      expect(read({ [name]: value })).toEqual({ config: defaults, warnings: [] });
    }
  },
);

it.each(settings.slice(1))("$name with the API key in it stops the start", ({ name }) => {
  const likely = problemsOf({ [name]: "sk_live_4f9c1d7e2b" });
  const known = problemsOf({ PRELUDE_API_KEY: "correct-horse", [name]: "/x/correct-horse" });
  for (const problems of [likely, known]) {
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join()).not.toMatch(/4f9c|horse/);
  }
});
