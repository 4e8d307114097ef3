import { expect, it, onTestFinished } from "vitest";
import { check } from "../../src/cli/check.ts";
import { readConfig } from "../../src/config/config.ts";
import { apiError, type Handler, startUpstream } from "../support/upstream.ts";

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
  await check(config, { sandbox: false, json: false, warnings: [] }, { print, waiting });
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
  await check(
    { ...config, apiKey: undefined },
    { sandbox: false, json: true, warnings: [] },
    { print, waiting },
  );
});

const nobody = apiError(404, "user_not_found");
const app = "54e9ujn";
const user = "usr_01jqebhswje1ka1z7ahr9rfsgt";

/** Answers the PATCH as for a user that cannot exist, and the GET as given. */
const checkReading = async (read: "off" | "keys", onGet: Handler) => {
  const upstream = await startUpstream((request, ...rest) =>
    (request.method === "GET" ? onGet : nobody)(request, ...rest),
  );
  onTestFinished(upstream.close);
  const env = { PRELUDE_BASE_URL: upstream.url, PRELUDE_APP_ID: app, PRELUDE_USER_ID: user };
  const said: string[] = [];
  const out = { print: (text: string) => said.push(text), waiting: undefined };
  const exit = await check(
    Object.assign(configFor(env), { read }),
    { sandbox: false, json: true, warnings: [] },
    out,
  );
  const methods = upstream.received.map(({ method }) => method);
  return { ...JSON.parse(said.join("")).check, exit, methods };
};

const found =
  (id: string): Handler =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ user: { id, status: "active", profile: { a: "secret" } } }));
  };

it.each<[string, Handler, number, string, boolean]>([
  ["is there", found(user), 0, `It knows the user ${user}.`, true],
  ["is not there", nobody, 1, `It knows no user ${user}: correct PRELUDE_USER_ID.`, true],
  [
    "is answered with somebody else",
    found("usr_other"),
    0,
    "was not tested: looking it up failed",
    false,
  ],
  [
    "cannot be read",
    apiError(403, "no_such_right"),
    0,
    "was not tested: looking it up failed",
    false,
  ],
])("looks a fixed user up where reading is on: it %s", async (_, onGet, exit, text, tested) => {
  const answer = await checkReading("keys", onGet);
  expect(answer.methods).toEqual(["PATCH", "GET"]);
  expect(answer.message).toContain(text);
  expect(answer.message).not.toContain("secret");
  expect(answer.tested).toEqual({ key: true, network: true, app: true, user: tested });
  expect(answer.exit).toBe(exit);
});

it("reads nothing where reading is off", async () => {
  const { methods, message } = await checkReading("off", found(user));
  expect(methods).toEqual(["PATCH"]);
  expect(message).toContain("was not tested: that would take a write");
});
