import { expect, it, onTestFinished } from "vitest";
import { check } from "../../src/cli/check.ts";
import { readConfig } from "../../src/config/config.ts";
import { apiError, startUpstream } from "../support/upstream.ts";

const configFor = (env: Record<string, string>) =>
  readConfig({ PRELUDE_API_KEY: "sk_test_check", ...env }, () => "").config ?? expect.fail();

it.each([
  ["30000", "at most 30 s"],
  ["1500", "at most 1.5 s"],
])("says on a terminal that it waits, before the answer comes (%s ms)", async (ms, said) => {
  const events: string[] = [];
  const upstream = await startUpstream((request, response, socket) => {
    events.push("asked");
    return apiError(404, "app_not_found")(request, response, socket);
  });
  onTestFinished(upstream.close);
  const config = configFor({ PRELUDE_BASE_URL: upstream.url, PRELUDE_TIMEOUT_MS: ms });
  const print = () => events.push("printed");
  const waiting = (text: string) => events.push(text);
  await check(config, { sandbox: false, json: false }, { print, waiting });
  expect(events).toEqual([
    "printed",
    expect.stringMatching(new RegExp(`^waiting for the answer of ${upstream.url}, ${said}`)),
    "asked",
    "printed",
  ]);
});

it("does not wait for what it does not ask", async () => {
  const print = () => {};
  const waiting = () => expect.fail("nothing to wait for");
  const config = configFor({});
  await check({ ...config, apiKey: undefined }, { sandbox: false, json: true }, { print, waiting });
});
