import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSandbox } from "../../src/sandbox/sandbox.ts";

const jane = "usr_01jqebhswje1ka1z7ahr9rfsgt";
const sam = "usr_01jqy7455pf8p9bap5qke912g1";

let sandbox: Awaited<ReturnType<typeof startSandbox>>;
beforeAll(async () => {
  sandbox = await startSandbox({ appId: "myapp", userId: "usr_mine" });
});
afterAll(() => sandbox.close());

const ask = async (method: string, path: string, body?: string, key = sandbox.apiKey) => {
  const response = await fetch(`${sandbox.baseUrl}/v2/session/apps/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
};
const patch = (user: string, profile: unknown, app = "54e9ujn") =>
  ask("PATCH", `${app}/users/${user}/profile`, JSON.stringify({ profile }));
const find = (type: string, value: string, app = "54e9ujn") =>
  ask("GET", `${app}/users?identifier_type=${type}&identifier_value=${encodeURIComponent(value)}`);

describe("the embedded sandbox", () => {
  it.each([
    ["GET", "54e9ujn/users/usr_x"],
    ["GET", "54e9ujn/users?identifier_type=email_address&identifier_value=jane@example.com"],
    ["PATCH", "54e9ujn/users/usr_x/profile"],
    ["GET", "../../../sandbox/profiles"],
  ])("tells nothing without its key: %s %s", async (method, path) => {
    expect(await ask(method, path, method === "PATCH" ? "{}" : undefined, "another")).toEqual({
      status: 401,
      body: expect.objectContaining({ code: "invalid_api_token" }),
    });
  });

  it("merges a patch, and shows it", async () => {
    expect(await patch(sam, { first_name: "Samuel", nickname: "S" })).toEqual({ status: 204 });
    const { body } = await ask("GET", `54e9ujn/users/${sam}`);
    expect(body.user.profile).toEqual({ first_name: "Samuel", locale: "fr-FR", nickname: "S" });
    // The same person in another app is another user.
    const elsewhere = await ask("GET", `fvua38g/users/${sam}`);
    expect(elsewhere.body.user.profile.first_name).toBe("Sam");
  });

  it.each([
    ["email_address", "JANE@example.com", [jane]],
    ["phone_number", "+12025550156", [sam]],
    ["phone_number", "jane@example.com", []],
    ["email_address", "nobody@example.com", []],
  ])("finds by %s %s", async (type, value, ids) => {
    const { status, body } = await find(type, value);
    expect(status).toBe(200);
    expect(body.users.map(({ id }: { id: string }) => id)).toEqual(ids);
  });

  it.each<[string, () => ReturnType<typeof ask>, number, string]>([
    ["a reserved key", () => patch(jane, { sub: "x", a: "b" }), 400, "reserved_profile_key"],
    ["a number", () => patch(jane, { a: 1 }), 400, "invalid_request"],
    ["no object", () => patch(jane, ["a"]), 400, "invalid_request"],
    ["no JSON", () => ask("PATCH", `54e9ujn/users/${jane}/profile`, "{"), 400, "invalid_request"],
    ["an unknown user", () => patch("usr_nobody", { a: "b" }), 404, "user_not_found"],
    ["an unknown app", () => patch(jane, { a: "b" }, "nope"), 404, "app_not_found"],
    ["a disabled app", () => patch(jane, { a: "b" }, "disabled"), 403, "session_disabled"],
    ["a look at nobody", () => ask("GET", "54e9ujn/users/usr_nobody"), 404, "user_not_found"],
    ["a list of all users", () => ask("GET", "54e9ujn/users"), 400, "invalid_request"],
    ["a list of an unknown app", () => find("email_address", "a@b.c", "no"), 404, "app_not_found"],
  ])("refuses %s", async (_, call, status, code) => {
    expect(await call()).toEqual({ status, body: expect.objectContaining({ code }) });
  });
});
