/** Calls in a wrong shape, and the call that the answer leads to. */

export const appId = "54e9ujn";
export const userId = "usr_01jqebhswje1ka1z7ahr9rfsgt";
export const both = { app_id: appId, user_id: userId };
const profile = { first_name: "Jane" };
export const meant = { ...both, profile };

const text = (value: unknown): string => JSON.stringify(value);

export type Row = {
  name: string;
  raw: unknown;
  /** Path of each issue -> what its `accepted` says. */
  issues: Record<string, RegExp>;
  /** The call that the answer leads to; `meant` unless given. */
  corrected?: unknown;
};

const atTop = /at the top level: app_id, user_id, profile, on_reserved_key/;
const again = /again, as one JSON object with app_id, user_id, profile/;
const wrapped: Row[] = [
  ...["input", "arguments", "parameters", "params", "kwargs", "args", "update", "request", "x"].map(
    (name): Row => ({
      name: `everything inside ${name}`,
      raw: { [name]: meant },
      issues: { [name]: atTop },
    }),
  ),
  {
    name: "everything as text inside params",
    raw: { params: text(meant) },
    issues: { params: atTop },
  },
  {
    name: "everything as text inside text",
    raw: text({ input: text(meant) }),
    issues: { input: atTop },
  },
  { name: "everything in a list inside input", raw: { input: [meant] }, issues: { input: atTop } },
  { name: "everything in a list", raw: [meant], issues: { arguments: /the object itself/ } },
  {
    name: "the tool's name beside the arguments",
    raw: { name: "update_user_profile", arguments: meant },
    issues: { arguments: atTop },
  },
  {
    name: "a provider's function call",
    raw: {
      type: "function",
      id: "call_1",
      function: { name: "update_user_profile", arguments: text(meant) },
    },
    issues: { function: atTop, arguments: atTop },
  },
  {
    name: "a tool_use block",
    raw: { type: "tool_use", id: "toolu_1", name: "update_user_profile", input: meant },
    issues: { input: atTop },
  },
  {
    name: "the ids outside, the rest inside",
    raw: { ...both, body: { profile } },
    issues: { body: atTop },
  },
  {
    name: "other names inside a wrapper, and a number",
    raw: { input: { appId, userId, profile: { age: 42 } } },
    issues: {
      input: atTop,
      appId: /under the name app_id/,
      userId: /under the name user_id/,
      "profile.age": /digits in quotes/,
    },
    corrected: { ...both, profile: { age: "42" } },
  },
];

const unparsed: Row[] = [
  "_raw",
  "raw_arguments",
  "_raw_arguments",
  "__unparsed",
  "__unparsedToolInput",
  "INVALID_JSON",
  "__arg1",
].map((name) => ({
  name: `a host's ${name}`,
  raw: { [name]: '{"app_id": "54e9ujn", "user_id": ' },
  issues: { [name]: again },
}));

const renamed: Row[] = [
  ...["userId", "userID", "UserId", "user-id", "uid", "id", "user", "sub"].map(
    (name): Row => ({
      name: `${name} for user_id`,
      raw: { app_id: appId, [name]: userId, profile },
      issues: { [name]: /under the name user_id/ },
    }),
  ),
  ...["appId", "appID", "app", "application_id"].map(
    (name): Row => ({
      name: `${name} for app_id`,
      raw: { [name]: appId, user_id: userId, profile },
      issues: { [name]: /under the name app_id/ },
    }),
  ),
  ...[
    "profile_data",
    "profileData",
    "fields",
    "attributes",
    "data",
    "updates",
    "user",
    "stuff",
  ].map(
    (name): Row => ({
      name: `${name} for profile`,
      raw: { ...both, [name]: profile },
      issues: { [name]: /under the name profile/ },
    }),
  ),
  {
    name: "Profile, as text",
    raw: { ...both, Profile: text(profile) },
    issues: { Profile: /under the name profile/ },
  },
  {
    name: "onReservedKey",
    raw: { ...meant, onReservedKey: "skip" },
    issues: { onReservedKey: /under the name on_reserved_key/ },
    corrected: { ...meant, on_reserved_key: "skip" },
  },
  {
    name: "a name and its other spelling",
    raw: { ...meant, userId },
    issues: { userId: /only user_id, which was given too/ },
  },
  {
    name: "another name for an address",
    raw: { app_id: appId, userId: "jane@example.com", profile },
    issues: { userId: /under the name user_id/, user_id: /usr_/ },
  },
];

const misplaced: Row[] = [
  {
    name: "a key beside profile",
    raw: { ...meant, nickname: "Al" },
    issues: { nickname: /inside profile, as profile\.nickname/ },
    corrected: { ...both, profile: { ...profile, nickname: "Al" } },
  },
  {
    name: "a key and no profile",
    raw: { ...both, first_name: "Jane" },
    issues: { first_name: /inside profile, as profile\.first_name/ },
  },
  ...["profile.first_name", "profile[first_name]", 'profile["first_name"]'].map(
    (path): Row => ({
      name: `a key as the path ${path}`,
      raw: { ...both, [path]: "Jane" },
      issues: { [path]: /^inside profile, as profile\.first_name, if it is a profile key/ },
    }),
  ),
  {
    name: "a number beside profile",
    raw: { ...meant, age: 42 },
    issues: { age: /inside profile, as profile\.age \(a string: send the digits in quotes\)/ },
    corrected: { ...both, profile: { ...profile, age: "42" } },
  },
  {
    name: "__proto__ beside profile",
    raw: JSON.parse(`{"app_id":"${appId}","user_id":"${userId}","profile":{},"__proto__":"x"}`),
    issues: { ["__proto__"]: /inside profile, as profile\.__proto__/ },
    corrected: { ...both, profile: JSON.parse('{"__proto__":"x"}') },
  },
  {
    name: "a profile inside profile",
    raw: { ...both, profile: { profile } },
    issues: { "profile.profile": /its keys directly in profile/ },
  },
  {
    name: "a profile inside profile, as text",
    raw: { ...both, profile: text({ profile }) },
    issues: { "profile.profile": /its keys directly in profile/ },
  },
  {
    name: "everything inside profile",
    raw: { profile: { ...both, profile } },
    issues: {
      "profile.profile": /directly in profile/,
      "profile.app_id": /beside profile, under the name app_id/,
      "profile.user_id": /beside profile, under the name user_id/,
    },
  },
  {
    name: "the user inside profile",
    raw: { app_id: appId, profile: { userId, ...profile } },
    issues: { "profile.userId": /beside profile, under the name user_id/ },
  },
  {
    name: "on_reserved_key inside profile",
    raw: { ...both, profile: { ...profile, on_reserved_key: "skip" } },
    issues: { "profile.on_reserved_key": /beside profile, under the name on_reserved_key/ },
    corrected: { ...meant, on_reserved_key: "skip" },
  },
  ...["fields", "data", "set", "$set", "values"].map(
    (name): Row => ({
      name: `a profile inside profile.${name}`,
      raw: { ...both, profile: { [name]: profile } },
      issues: { [`profile.${name}`]: /its keys directly in profile/ },
    }),
  ),
];

const members = /one object whose members are the keys/;
const pairs: Row[] = [
  ...[
    [{ key: "first_name", value: "Jane" }],
    [{ name: "first_name", value: "Jane" }],
    [{ field: "first_name", new_value: "Jane" }],
    [["first_name", "Jane"]],
    [{ first_name: "Jane" }],
  ].map(
    (list): Row => ({
      name: `profile as the list ${text(list)}`,
      raw: { ...both, profile: list },
      issues: { profile: members },
    }),
  ),
  {
    name: "profile as one pair",
    raw: { ...both, profile: { key: "first_name", value: "Jane" } },
    issues: { profile: members },
  },
  {
    name: "a list of pairs as text, with a number",
    raw: { ...both, profile: text([{ key: "age", value: 42 }]) },
    issues: { profile: members, "profile.age": /digits in quotes/ },
    corrected: { ...both, profile: { age: "42" } },
  },
  {
    name: "a key and its value at the top level",
    raw: { ...both, key: "first_name", value: "Jane" },
    issues: { key: members, value: members },
  },
  {
    name: "a list of pairs under another name",
    raw: { ...both, updates: [{ field: "first_name", value: "Jane" }] },
    issues: { updates: /under the name profile/, profile: members },
  },
];

const bare = /^the bare id, as it was given: user id: usr_ followed by/;
const ids: Row[] = [
  ["white space around it", ` ${userId}\n`],
  ["white space inside", userId.replace("je1", "j e1")],
  ["quotes", `"${userId}"`],
  ["quotes", `‘${userId}’`],
  ["backticks", `\`${userId}\``],
  ["angle brackets", `<${userId}>`],
  ["brackets", `{${userId}}`],
  ["usr_ in capital letters", userId.toUpperCase()],
  ["usr_ in capital letters", userId.replace("usr", "Usr")],
  ["another prefix than usr_", userId.replace("usr_", "user_")],
  ["another prefix than usr_", userId.replace("usr_", "usr-")],
  ["a prefix before it", `user:${userId}`],
  ["a prefix before it", `user_id=${userId}`],
  ["parts of a path or URL", `users/${userId}`],
  ["invisible characters", userId.replace("_", "_\u200b")],
  ["a part left out", "usr_01jq…"],
].map(
  ([flaw, id]): Row => ({
    name: `a user id with ${flaw}: ${text(id)}`,
    raw: { ...meant, user_id: id },
    issues: { user_id: bare },
  }),
);

export const rows: readonly Row[] = [
  ...wrapped,
  ...unparsed,
  ...renamed,
  ...misplaced,
  ...pairs,
  ...ids,
  {
    name: "an app id in quotes with a blank",
    raw: { ...meant, app_id: `" ${appId}"` },
    issues: { app_id: /^the bare id, as it was given: app id/ },
  },
  {
    name: "both ids exchanged",
    raw: { ...meant, app_id: userId, user_id: appId },
    issues: { app_id: /exchanged/, user_id: /usr_/ },
  },
];
