import { expect, it, onTestFinished } from "vitest";
import { check } from "../../src/cli/check.ts";
import { readConfig } from "../../src/config/config.ts";
import { apiError, startUpstream } from "../support/upstream.ts";

it.each([
  ["30000", "at most 30 s", "app_not_found"],
  // A key that is accepted, although no app is fixed.
  ["1500", "at most 1.5 s", "user_not_found"],
])(
  "--check says on a terminal that it waits (%s ms), then that the key works",
  async (ms, said, code) => {
    const events: string[] = [];
    const upstream = await startUpstream((request, response, socket) => {
      events.push("asked");
      return apiError(404, code)(request, response, socket);
    });
    onTestFinished(upstream.close);
    const { config = expect.fail() } = readConfig({
      PRELUDE_API_KEY: "sk_test_check",
      PRELUDE_BASE_URL: upstream.url,
      PRELUDE_TIMEOUT_MS: ms,
    });
    const print = (text: string) => events.push(text.split("\n")[0] ?? "");
    const waiting = (text: string) => events.push(text);
    await check(config, { sandbox: false, json: false, warnings: [] }, { print, waiting });
    expect(events).toEqual([
      expect.stringContaining("prelude-profile-mcp"),
      expect.stringMatching(new RegExp(`^waiting for the answer of ${upstream.url}, ${said}`)),
      "asked",
      expect.stringMatching(/^OK: the key works\. No app was tested/),
    ]);
    await check(
      { ...config, apiKey: undefined },
      { sandbox: false, json: true, warnings: [] },
      { print: () => {}, waiting: () => expect.fail("nothing to wait for") },
    );
  },
);
