import type { Json } from "../support/server-process.ts";
import { contract, ignoring, type Row, refused, type Sound } from "./harness.ts";

const updated = { status: "updated" };
const text = (value: unknown): string => JSON.stringify(value);

/** The beginning of a value as JSON, with what cannot be seen written out, for the name of a row. */
const shown = (value: unknown): string =>
  text(value)
    .slice(0, 60)
    .replace(/\p{C}/gu, (char) => `\\u${char.charCodeAt(0).toString(16)}`);

/** Nothing is sent; the words of each issue are in the snapshot. */
const bad = (name: string, args: (sound: Sound) => unknown, more: Json = {}): Row => ({
  name,
  args,
  is: refused("invalid_arguments", more),
  requests: 0,
  // The audit has the ids only where they are ids.
  ...(more.user_id === null && { audit: [] }),
});
const noUser = { user_id: null };
const noIds = { app_id: null, user_id: null };
const good = (name: string, args: (sound: Sound) => unknown, profile?: Row["profile"]): Row => ({
  name,
  args,
  is: updated,
  ...(profile && { profile }),
});

/** What is not declared is named and not used; the declared arguments are carried out. */
const ignored = (name: string, more: Json, names = Object.keys(more)): Row => ({
  name,
  args: (sound) => ({ ...sound, ...more }),
  is: { ...updated, ...ignoring(...names) },
});

const ids: Row[] = [
  ...[
    "jane@example.com",
    "+306912345678",
    "0b7e6c9e-1f64-4c1c-9d4e-6f2f8f0a3c11",
    "usr_",
    "usr_a/../b",
    "..",
    "",
    " ",
    "user_01jqebhswje1ka1z7ahr9rfsgt",
    "users/usr_01jqebhswje1ka1z7ahr9rfsgt",
    "USR_01JQEBHSWJE1KA1Z7AHR9RFSGT",
    "usr_01jq…",
    "<usr_01jqebhswje1ka1z7ahr9rfsgt>",
    `usr_${"x".repeat(300)}`,
    " usr_01jqebhswje1ka1z7ahr9rfsgt",
    '"usr_01jqebhswje1ka1z7ahr9rfsgt"',
    "usr_\u200b01jqebhswje1ka1z7ahr9rfsgt",
    42,
    true,
    null,
    ["usr_1"],
    { id: "usr_1" },
  ].map((id) => bad(`user_id ${shown(id)}`, (sound) => ({ ...sound, user_id: id }), noUser)),
  bad("user_id left out", ({ app_id, profile }) => ({ app_id, profile }), noUser),
  ...["54e9ujn/../x", "", "my app", '" 54e9ujn"', "app\u200b", 42, null].map((id) =>
    bad(`app_id ${shown(id)}`, (sound) => ({ ...sound, app_id: id }), { app_id: null }),
  ),
  bad("app_id left out", ({ user_id, profile }) => ({ user_id, profile }), { app_id: null }),
  bad(
    "both ids exchanged",
    ({ app_id, user_id, profile }) => ({ app_id: user_id, user_id: app_id, profile }),
    noIds,
  ),
];

const withProfile =
  (profile: unknown) =>
  (sound: Sound): unknown => ({ ...sound, profile });

const values: Row[] = [
  ...[42, 1e30, true, null, ["a"], { a: "b" }, "\ud83d"].map((value) =>
    bad(`the value ${shown(value)}`, withProfile({ first_name: value })),
  ),
  {
    name: "an empty value, a line break, an emoji and what cannot be seen are sent as they are",
    profile: { a: "", b: "1\n2", c: "👍", d: "\u200b\u0000\u202e" },
    is: updated,
  },
  bad("no profile", ({ app_id, user_id }) => ({ app_id, user_id })),
  ...[{}, null, [], "Jane", 42, "", "{", "[1]"].map((profile) =>
    bad(`the profile ${shown(profile)}`, withProfile(profile)),
  ),
  bad("a profile of more than 256 KiB", withProfile({ bio: "x".repeat(262_144) })),
  bad(
    "a profile that escapes make more than 256 KiB",
    withProfile({ bio: "\u0001".repeat(60_000) }),
  ),
  { name: "a profile of almost 256 KiB", profile: { bio: "x".repeat(262_000) }, is: updated },
];

const keys: Row[] = [
  ...[
    "",
    " ",
    " first_name",
    "first_name\n",
    '"first_name"',
    "'first_name'",
    "`first_name`",
    "\ude00",
    "x".repeat(257),
    "a\u0000b",
    "first\u200bname",
    "first\u202ename",
    "Zoe\u0308",
  ].map((name) => bad(`the key ${shown(name)}`, withProfile({ [name]: "Jane" }))),
  ...["x".repeat(256), "Ünï", "名前", "a.b-c:d", "first name", "a/b", "👍", "roleㆍplan"].map(
    (name): Row => ({
      name: `the key ${name.slice(0, 40)}`,
      profile: { [name]: "x" },
      is: updated,
    }),
  ),
  {
    name: "keys named like members of Object arrive as keys",
    profile: { constructor: "b", toString: "c" } as unknown as Row["profile"] & {},
    is: updated,
  },
  bad("the key __proto__, which programs lose", withProfile(JSON.parse('{"__proto__":"a"}'))),
  {
    name: "1,001 keys: all are written, 1,000 are listed",
    profile: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`k${i}`, "x"])),
    is: {
      status: "updated",
      updated_keys: Array.from({ length: 1_000 }, (_, i) => `k${i}`),
      updated_keys_total: 1_001,
    },
    audit: false,
  },
];

const options: Row[] = [
  ...["fail", null].map((value) =>
    good(`on_reserved_key ${value}`, (sound) => ({ ...sound, on_reserved_key: value })),
  ),
  ...["Skip", "ignore", "", true, 1].map((value) =>
    bad(`on_reserved_key ${shown(value)}`, (sound) => ({ ...sound, on_reserved_key: value })),
  ),
];

const shapes: Row[] = [
  good("all arguments as JSON text", (sound) => text(sound)),
  good("the profile as JSON text", (sound) => ({ ...sound, profile: text(sound.profile) })),
  bad("the profile as JSON text with a number", (sound) => ({ ...sound, profile: '{"age":42}' })),
  ...[{}, null, [], "", "Jane", 42].map((args) =>
    bad(`the arguments ${shown(args)}`, () => args, noIds),
  ),
  bad("no arguments at all", () => undefined, noIds),
  bad("everything in a list", (sound) => [sound], noIds),
  ...["input", "arguments", "params", "kwargs"].map((name) =>
    bad(`everything inside ${name}`, (sound) => ({ [name]: sound }), noIds),
  ),
  bad("everything as text inside params", (sound) => ({ params: text(sound) }), noIds),
  bad(
    "a provider's function call",
    (sound) => ({
      type: "function",
      id: "call_1",
      function: { name: "update_user_profile", arguments: text(sound) },
    }),
    noIds,
  ),
  ...["_raw", "__unparsedToolInput", "INVALID_JSON"].map((name) =>
    bad(`a host's ${name}`, () => ({ [name]: '{"app_id": "54e9ujn", "user_id": ' }), noIds),
  ),
  bad("profile as a list of pairs", (sound) => ({
    ...sound,
    profile: [{ key: "first_name", value: "Jane" }],
  })),
  { name: "keys named key and value", profile: { key: "first_name", value: "Jane" }, is: updated },
  bad("a key and its value at the top level", ({ app_id, user_id }) => ({
    app_id,
    user_id,
    key: "first_name",
    value: "Jane",
  })),
  bad("a profile inside profile", (sound) => ({ ...sound, profile: { profile: sound.profile } })),
  bad(
    "the ids inside profile",
    ({ app_id, user_id, profile }) => ({ profile: { app_id, user_id, ...profile } }),
    noIds,
  ),
];

const undeclared: Row[] = [
  bad(
    "userId for user_id",
    ({ app_id, user_id, profile }) => ({ app_id, userId: user_id, profile }),
    noUser,
  ),
  bad("app for app_id", ({ app_id, user_id, profile }) => ({ app: app_id, user_id, profile }), {
    app_id: null,
  }),
  bad(
    "fields for profile",
    ({ app_id, user_id, profile }) => ({ app_id, user_id, fields: profile }),
    {},
  ),
  ignored("a key beside profile", { nickname: "Al" }),
  ignored("a key beside profile, with a number", { age: 42 }),
  bad("a key and no profile", ({ app_id, user_id }) => ({ app_id, user_id, first_name: "Jane" })),
  bad("a key as a path", ({ app_id, user_id }) => ({
    app_id,
    user_id,
    "profile.first_name": "Jane",
  })),
  {
    name: "a key named on_reserved_key",
    profile: { first_name: "Jane", on_reserved_key: "skip" },
    is: updated,
  },
  {
    name: "the id under a second name",
    args: (sound) => ({ ...sound, userId: sound.user_id }),
    is: { ...updated, ...ignoring("userId") },
  },
  bad("another user under another name", (sound) => ({ ...sound, target: "usr_other" })),
  bad("another user, deep inside", (sound) => ({
    ...sound,
    context: { of: [{ id: "usr_other" }] },
  })),
  ...[true, "yes", 1].map((value) =>
    bad(`dry_run ${shown(value)}`, (sound) => ({ ...sound, dry_run: value })),
  ),
  ...[false, "false", 0, null, ""].map((value) =>
    ignored(`dryRun ${shown(value)}`, { dryRun: value }),
  ),
  bad("preview", (sound) => ({ ...sound, preview: true })),
  ignored("an email address beside the id", { email: "jane@example.com" }),
  ignored("a note", { note: "approved by the person" }),
  ignored("what Gemini CLI adds", { wait_for_previous: true }),
  ignored("what middleware adds", { context: { trace: "1" } }),
  ignored("a name that is empty", { "": "x" }, ['""']),
  ignored("a name with what cannot be seen", { "a\u202eb": "x" }, ["a\\u{202e}b"]),
  {
    name: "__proto__ beside profile",
    args: (sound) => JSON.parse(`${text(sound).slice(0, -1)},"__proto__":"x"}`),
    is: { ...updated, ...ignoring("__proto__") },
  },
  ignored("what n8n adds", { toolCallId: "call_1", sessionId: "s", chatInput: "x" }),
  bad(
    "every problem in one answer",
    ({ app_id }) => ({
      input: { app: app_id, userId: " usr_1", first_name: "Jane", profile: { age: 42, "": "x" } },
      note: 1,
    }),
    noIds,
  ),
  ignored(
    "many undeclared names, of which twenty are told",
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`n${i}`, "x"])),
    Array.from({ length: 20 }, (_, i) => `n${i}`),
  ),
];

contract([
  {
    name: "ids, keys and values",
    env: { PRELUDE_MAX_WRITES_PER_MINUTE: "0" },
    rows: [...ids, ...values, ...keys],
  },
  {
    name: "the shape of a call",
    env: { PRELUDE_MAX_WRITES_PER_MINUTE: "0" },
    rows: [...options, ...shapes, ...undeclared],
  },
]);
