import { Ajv } from "ajv";
import fc from "fast-check";
import { expect, test } from "vitest";
import { maxBodyBytes } from "../../src/lib/contract.ts";
import { readArguments } from "../../src/tools/arguments.ts";
import { jsonSchema } from "../../src/tools/json-schema.ts";
import type { ToolScope } from "../../src/tools/tool.ts";
import * as update from "../../src/tools/update-profile/schema.ts";

const app_id = "54e9ujn";
const user_id = "usr_01jqebhswje1ka1z7ahr9rfsgt";
const valid = { app_id, user_id, profile: { first_name: "Jane" } };
const open: ToolScope = { appId: undefined, userId: undefined, allowedKeys: undefined };
const fixed: ToolScope = { ...open, appId: app_id, userId: user_id };

const read = (raw: unknown, scope: Partial<ToolScope> = {}) =>
  readArguments(update.argumentsSpec({ ...open, ...scope }), raw, ["sk_secret"]);

/** Path of each issue, with what was received and what is accepted. */
const told = ({ issues }: ReturnType<typeof read>): Record<string, string> =>
  Object.fromEntries(
    issues.map(({ path, received, accepted }) => [path, `${received} -> ${accepted}`]),
  );

const numbered = (count: number, value: unknown): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]));

test("a body of exactly the limit, and not a byte more", () => {
  const first_name = "é".repeat((maxBodyBytes - '{"profile":{"first_name":""}}'.length) / 2 - 1);
  const rest = maxBodyBytes - Buffer.byteLength(JSON.stringify({ profile: { first_name } }));
  const ofLimit = `${first_name}${"x".repeat(rest)}`;
  expect(read({ ...valid, profile: { first_name: ofLimit } }).issues).toEqual([]);
  expect(told(read({ ...valid, profile: { first_name: `${ofLimit}x` } }))).toEqual({
    profile: "262145 bytes as JSON -> at most 262144 bytes",
  });
});

test("a value that is nested without end", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  expect(told(read(JSON.parse(`{"profile":{"a":${deep}}}`), fixed))).toEqual({
    "profile.a": expect.stringMatching(/^an array/),
  });
});

test("10,000 undeclared arguments are one problem beside the others", () => {
  expect(read({ profile: {}, ...numbered(10_000, 1) }, fixed).issues).toHaveLength(2);
});

test("millions of digits in place of an id", () => {
  const { user_id } = told(read({ ...valid, user_id: "1".repeat(9_000_000) }));
  expect(user_id).toMatch(/^a string that does not begin with usr_/);
});

test.each([
  { ...valid, profile: {} },
  { app_id, user_id },
])("a listed name that each object inherits is not found in %j", (args) => {
  const issues = told(read(args, { allowedKeys: ["first_name", "constructor"] }));
  expect(Object.keys(issues)).toEqual(["profile"]);
});

test("nothing passes that the published schema refuses", () => {
  const published = new Ajv({ strict: true }).compile(jsonSchema(update.inputSchema(open)));
  const anything = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant({ a: "b" }));
  const args = fc.record(
    {
      app_id: fc.oneof(fc.constant(app_id), anything),
      user_id: fc.oneof(fc.constant(user_id), anything),
      profile: fc.oneof(fc.dictionary(fc.string(), anything), anything),
      on_reserved_key: fc.constantFrom("fail", "skip", "x", 1),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(args, (raw) => {
      const { issues, data } = read(raw);
      expect(data === undefined).toBe(issues.length > 0);
      if (data && typeof raw.profile === "object") expect(published(raw)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
