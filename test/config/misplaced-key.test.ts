import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config/config.ts";

const problems = (env: Record<string, string>): string[] =>
  readConfig(
    env,
    () => "",
    () => "/tmp",
  ).problems ?? [];

const keys = ["sk_attack_0123456789abcdef", "0123456789abcdef0123456789abcdef"];

describe("a key in the wrong setting, while no key is set", () => {
  it.each(
    keys.flatMap((key) => [
      ["PRELUDE_APP_ID", key],
      ["PRELUDE_ALLOWED_KEYS", key],
      ["PRELUDE_ALLOWED_KEYS", `first_name,${key}`],
      ["PRELUDE_BLOCKED_KEYS", JSON.stringify([key])],
      ["PRELUDE_BASE_URL", `https://api.prelude.dev/${key}`],
    ]),
  )("%s=%s stops the start, and is not repeated", (name, value) => {
    const said = problems({ [name]: value }).join("\n");
    expect(said).toContain(name);
    for (const key of keys) expect(said).not.toContain(key);
  });

  it.each([
    ["PRELUDE_APP_ID", "54e9ujn"],
    ["PRELUDE_ALLOWED_KEYS", "first_name,api_key_hint,skills,sku,rk,deadbeef"],
    ["PRELUDE_BASE_URL", "https://proxy.example.com/prelude/eu-west-1"],
  ])("%s=%s is what it says", (name, value) => {
    expect(problems({ [name]: value })).toEqual([]);
  });
});

describe("a short key that another setting is equal to", () => {
  it.each(["hunter2", "12345678", "54e9ujn"])("%s stops the start", (key) => {
    expect(problems({ PRELUDE_API_KEY: key, PRELUDE_APP_ID: key })).toEqual([
      "PRELUDE_APP_ID holds the API key, which belongs into PRELUDE_API_KEY only",
    ]);
  });

  it("test, with which people test, does not", () => {
    expect(problems({ PRELUDE_API_KEY: "test", PRELUDE_APP_ID: "test" })).toEqual([]);
  });
});
