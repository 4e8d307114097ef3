import type { ServerResponse } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type PreludeClient } from "../../src/prelude/client.ts";
import { defaults } from "../config/support.ts";
import { startApi } from "../support/upstream.ts";
import { callOf, createUpdateProfile, dependenciesOf } from "../support/use-case.ts";

const runs = Number(process.env.PROPERTY_RUNS ?? 500);
const user = "usr_1";

/** How many of the keys a PATCH writes, and what is answered to it. */
const patches = {
  "all, 204": [1, 204],
  "all, lost": [1, 0],
  "all, 500": [1, 500],
  "all, 202": [1, 202],
  "half, lost": [0.5, 0],
  "half, 503": [0.5, 503],
  "none, lost": [0, 0],
  "none, 500": [0, 500],
  "none, 400": [0, 400],
} as const;

/** What a look is answered: the truth, or something else. */
const looks = ["truth", "somebody else", "a list", "lost", "503", "a page", "no profile"] as const;

type Patch = keyof typeof patches;
type Look = (typeof looks)[number];
type Case = { before: "empty" | "same" | "other"; script: Patch[]; look: Look };

const anyCase: fc.Arbitrary<Case> = fc.record({
  before: fc.constantFrom("empty" as const, "same" as const, "other" as const),
  script: fc.array(fc.constantFrom(...(Object.keys(patches) as Patch[])), {
    minLength: 3,
    maxLength: 3,
  }),
  look: fc.oneof(fc.constant<Look>("truth"), fc.constantFrom(...looks)),
});

const values: Record<string, string> = { a: "1", b: "2" };

let scene: { of: Case; store: Record<string, string>; sent: number; looked: number };
let api: Awaited<ReturnType<typeof startApi>>;
let client: PreludeClient;

const answerPatch = (profile: Record<string, string>, response: ServerResponse): void => {
  const [part, status] = patches[scene.of.script[scene.sent++] ?? "none, lost"];
  const entries = Object.entries(profile);
  Object.assign(scene.store, Object.fromEntries(entries.slice(0, entries.length * part)));
  if (status === 0) response.destroy();
  else response.writeHead(status, { "retry-after-ms": "0" }).end();
};

const answerLook = (response: ServerResponse): void => {
  scene.looked += 1;
  const shown = (more: object) =>
    response.end(JSON.stringify({ user: { id: user, profile: scene.store, ...more } }));
  const { look } = scene.of;
  if (look === "truth") shown({});
  else if (look === "somebody else") shown({ id: "usr_2", profile: values });
  else if (look === "a list") shown({ profile: [values] });
  else if (look === "no profile") shown({ profile: undefined });
  else if (look === "a page") response.end("<h1>Sign in</h1>");
  else if (look === "503") response.writeHead(503, { "retry-after-ms": "0" }).end();
  else response.destroy();
};

beforeAll(async () => {
  api = await startApi(({ method, profile }, response) =>
    method === "PATCH" ? answerPatch(profile, response) : answerLook(response),
  );
  client = createClient({
    baseUrl: api.url,
    apiKey: "k",
    product: "test",
    useProxy: false,
    firstDelayMs: 1,
  });
});

afterAll(async () => {
  await client.close();
  await api.close();
});

const holdsAll = (): boolean =>
  Object.entries(values).every(([key, value]) => scene.store[key] === value);

test(`${runs} random calls with reading on: verified is never untrue`, {
  timeout: 60_000 + 60 * runs,
}, async () => {
  let verified = 0;
  const config = { ...defaults, apiKey: "k", read: "keys" as const, maxWritesPerMinute: 0 };
  const update = createUpdateProfile(dependenciesOf(config, client));
  await fc.assert(
    fc.asyncProperty(anyCase, async (of) => {
      const start = { empty: {}, same: { ...values }, other: { a: "0", b: "2" } }[of.before];
      scene = { of, store: { ...start }, sent: 0, looked: 0 };
      const result = await update(callOf({ app_id: "app", user_id: user, profile: values }));
      if ("question" in result) throw new Error("nobody was to be asked");
      if (result.status === "updated") expect(holdsAll()).toBe(true);
      if (result.verified) {
        verified += 1;
        expect([result.status, of.look, scene.looked]).toEqual(["updated", "truth", 1]);
      }
      // One look settles what is true; nothing else does.
      if (result.status === "unknown") expect(of.look === "truth" && holdsAll()).toBe(false);
      if (result.status === "not_updated") expect(scene.looked).toBe(0);
    }),
    { numRuns: runs },
  );
  expect(verified).toBeGreaterThan(0);
});
