import { userIdPattern } from "../../lib/contract.ts";
import { isObject } from "../../lib/json.ts";
import { hostFields, parsedJson, plainForm } from "../envelopes.ts";
import type { Issue } from "../issues.ts";
import { shortName } from "../names.ts";
import type { ToolScope } from "../tool.ts";
import { keyPath, stringInstead } from "./profile-argument.ts";

type Args = Readonly<Record<string, unknown>>;
export type ArgumentName = "app_id" | "user_id" | "profile" | "on_reserved_key";

/** Names of arguments without case and punctuation -> the argument. */
const spellings: ReadonlyMap<string, ArgumentName> = new Map([
  ["appid", "app_id"],
  ["userid", "user_id"],
  ["profile", "profile"],
  ["onreservedkey", "on_reserved_key"],
]);

const forms = (argument: ArgumentName, names: string): [string, ArgumentName][] =>
  names.split(" ").map((name) => [name, argument]);

/** The same for other names that agents give to an argument; they count only where it is missing. */
const otherNames: ReadonlyMap<string, ArgumentName> = new Map([
  ...forms("app_id", "app application applicationid"),
  ...forms("user_id", "user uid id usrid sub subject targetuser targetuserid preludeuserid"),
  ...forms(
    "profile",
    "profiledata userprofile profileupdate profileupdates profilefields profilekeys fields attributes data update updates values properties changes keys newvalues set patch body payload metadata",
  ),
  ...forms("on_reserved_key", "onreserved onreservedkeys reservedkey reservedkeys"),
]);

/** The forms that mean an argument of this tool wherever they stand. */
export const argumentForms: ReadonlySet<string> = new Set(spellings.keys());

const keyForms: ReadonlySet<string> = new Set(["key", "field", "attribute", "name", "property"]);
/** Those that are hardly names of profile keys themselves. */
const clearKeyForms: ReadonlySet<string> = new Set(["key", "field", "attribute"]);
const valueForms: ReadonlySet<string> = new Set(["value", "newvalue", "to"]);

/** What a call was meant to be, and why it is none yet. */
export type Meant = {
  app_id?: unknown;
  user_id?: unknown;
  profile?: unknown;
  on_reserved_key?: unknown;
  issues: Issue[];
  /** Profile keys that stood beside `profile`. */
  misplaced: string[];
};

/** What the operator fixed, by the name of its argument. */
const fixedValue = (name: ArgumentName | undefined, scope: ToolScope): string | undefined => {
  if (name === "app_id") return scope.appId;
  return name === "user_id" ? scope.userId : undefined;
};

const fixedIssue = (name: string, value: unknown, argument: string, fixed: string): Issue => {
  const what = argument === "app_id" ? "app" : "user";
  const same = value === fixed || value === null || value === "";
  return {
    path: shortName(name),
    received: "an argument that the operator fixed",
    accepted: same
      ? `nothing: leave it out, this server writes for ${what} ${fixed} only`
      : `nothing: this server reaches ${what} ${fixed} only. If another ${what} is meant, tell the person that this server cannot reach it and write nothing; if ${fixed} is meant, call again without ${shortName(name)}`,
  };
};

const onePair = (value: unknown): [string, unknown] | undefined => {
  if (Array.isArray(value)) {
    const [key, held] = value;
    return value.length === 2 && typeof key === "string" ? [key, held] : undefined;
  }
  if (!isObject(value)) return undefined;
  const names = Object.keys(value);
  if (names.length === 1) return [names[0] as string, value[names[0] as string]];
  if (names.length !== 2) return undefined;
  const key = names.find((name) => keyForms.has(plainForm(name)));
  const held = names.find((name) => valueForms.has(plainForm(name)));
  if (key === undefined || held === undefined) return undefined;
  return typeof value[key] === "string" ? [value[key], value[held]] : undefined;
};

const profileForm =
  'one object whose members are the keys: {"first_name": "…", "last_name": "…"}, each key with its new value';

/** Longest list of pairs that is read. */
const maxPairs = 1_000;

/** A profile given as a list of pairs, or as one pair, as the object that was meant. */
const fromPairs = (value: unknown, { allowedKeys = [] }: ToolScope): Args | undefined => {
  if (Array.isArray(value)) {
    if (value.length === 0 || value.length > maxPairs) return undefined;
    const pairs = value.map(onePair).filter((pair) => pair !== undefined);
    return pairs.length === value.length ? Object.fromEntries(pairs) : undefined;
  }
  if (!isObject(value)) return undefined;
  const names = Object.keys(value);
  const clear = names.some((name) => clearKeyForms.has(plainForm(name)));
  if (names.length !== 2 || !clear || names.some((name) => allowedKeys.includes(name))) {
    return undefined;
  }
  const pair = onePair(value);
  return pair && Object.fromEntries([pair]);
};

/** The member of a profile that holds another whole profile, if there is one. */
const innerProfile = (profile: Args, { allowedKeys = [] }: ToolScope): string | undefined => {
  const names = Object.keys(profile);
  const inner = (name: string): boolean => isObject(profile[name]) && !allowedKeys.includes(name);
  if (Object.hasOwn(profile, "profile") && inner("profile")) return "profile";
  const [only] = names;
  if (only === undefined || names.length > 1 || !inner(only)) return undefined;
  const form = plainForm(only);
  return [spellings, otherNames].some((table) => table.get(form) === "profile") ? only : undefined;
};

/** Arguments that stand inside `profile` instead of beside it. */
const strayArguments = (profile: Args, given: ReadonlySet<string>, scope: ToolScope) => {
  const strays: { name: string; argument: ArgumentName; fixed: string | undefined }[] = [];
  for (const name of ["app_id", "appId", "user_id", "userId", "on_reserved_key"]) {
    const argument = spellings.get(plainForm(name));
    const value = profile[name];
    if (argument === undefined || typeof value !== "string" || given.has(argument)) continue;
    const fixed = fixedValue(argument, scope);
    // Beside a fixed user, only what can be nothing else is taken for an attempt to name another.
    const isUser = argument === "user_id" && userIdPattern.test(value);
    const isChoice = argument === "on_reserved_key" && /^(?:fail|skip)$/.test(value);
    const missing = fixed === undefined && argument !== "on_reserved_key";
    if (isUser || isChoice || missing) strays.push({ name, argument, fixed });
  }
  return strays;
};

const isProfileLike = (value: unknown, scope: ToolScope): boolean => {
  const held = parsedJson(value);
  return isObject(held) || fromPairs(held, scope) !== undefined;
};

/** The argument that an undeclared name stands for; undefined: it is a profile key, if anything. */
const argumentFor = (
  name: string,
  value: unknown,
  given: ReadonlySet<string>,
  scope: ToolScope,
): ArgumentName | undefined => {
  const form = plainForm(name);
  const spelt = spellings.get(form);
  if (spelt !== undefined) return spelt;
  if (isProfileLike(value, scope)) return given.has("profile") ? undefined : "profile";
  const other = otherNames.get(form);
  if (other === undefined || other === "profile" || given.has(other)) return undefined;
  if (fixedValue(other, scope) === undefined) return other;
  // Beside a fixed id, only what can be nothing else is taken for an attempt to name another.
  return other === "user_id" && typeof value === "string" && userIdPattern.test(value)
    ? other
    : undefined;
};

/** An undeclared argument that is, if anything, a key to write. */
const misplacedIssue = (name: string, value: unknown, { allowedKeys }: ToolScope): Issue => {
  const path = shortName(name);
  const inside = `inside profile, as ${keyPath(name)}`;
  const how = typeof value === "string" ? "" : ` (${stringInstead(value)})`;
  if (allowedKeys === undefined) {
    const accepted = `${inside}${how}, if it is a profile key; this tool has no other argument of this name`;
    return { path, received: "an undeclared argument", accepted };
  }
  return allowedKeys.includes(name)
    ? { path, received: "a profile key beside profile", accepted: `${inside}${how}` }
    : {
        path,
        received: "an undeclared argument",
        accepted: "only the listed arguments, and in profile only the listed keys",
      };
};

/** `{"key": …, "value": …}` beside the other arguments, where a profile is missing. */
const topLevelPair = (args: Args, undeclared: readonly string[]): string[] => {
  const pair = [keyForms, valueForms].map((table) =>
    undeclared.find((name) => table.has(plainForm(name))),
  );
  const [key, value] = pair;
  if (key === undefined || value === undefined) return [];
  return typeof args[key] === "string" ? [key, value] : [];
};

/**
 * Finds out what a call was meant to be. Nothing that the agent may have meant to write is called
 * superfluous: each issue says where it belongs. What is put right here is only read for further
 * problems; a call with an issue is never carried out.
 *
 * @param args without anything around them, at most a few hundred
 */
export const meantBy = (args: Args, names: readonly ArgumentName[], scope: ToolScope): Meant => {
  const meant: Meant = { issues: [], misplaced: [] };
  const given = new Set<string>(names.filter((name) => Object.hasOwn(args, name)));
  for (const name of names) if (given.has(name)) meant[name] = args[name];
  const undeclared = Object.keys(args).filter((name) => !given.has(name) && !hostFields.has(name));
  const pair = given.has("profile") ? [] : topLevelPair(args, undeclared);
  if (pair.length > 0) readTopLevelPair(args, pair, meant);
  const beside: [string, unknown][] = [];
  for (const name of undeclared) {
    if (pair.includes(name)) continue;
    const argument = argumentFor(name, args[name], given, scope);
    if (argument === undefined) beside.push([name, args[name]]);
    else readArgument(name, args[name], argument, given, meant, scope);
  }
  readProfile(meant, given, scope);
  addMisplaced(meant, beside, scope);
  return meant;
};

/** Reads an argument under another name, or one that the operator fixed. */
const readArgument = (
  name: string,
  value: unknown,
  argument: ArgumentName,
  given: Set<string>,
  meant: Meant,
  scope: ToolScope,
): void => {
  const fixed = fixedValue(argument, scope);
  if (fixed !== undefined) {
    meant.issues.push(fixedIssue(name, value, argument, fixed));
    return;
  }
  meant.issues.push(renamedIssue(name, argument, given));
  if (!given.has(argument)) meant[argument] = value;
  given.add(argument);
};

const renamedIssue = (name: string, argument: string, given: ReadonlySet<string>): Issue => ({
  path: shortName(name),
  received: `another name of ${argument}`,
  accepted: given.has(argument)
    ? `only ${argument}, which was given too`
    : `the same under the name ${argument}`,
});

const readTopLevelPair = (args: Args, pair: readonly string[], meant: Meant): void => {
  const [key = "", value = ""] = pair;
  for (const name of pair) {
    const received = "a key and its value as two arguments";
    meant.issues.push({ path: shortName(name), received, accepted: `profile: ${profileForm}` });
  }
  meant.profile = Object.fromEntries([[args[key], args[value]]]);
};

/** Puts the profile right: JSON text, lists of pairs, a profile inside, arguments inside. */
const readProfile = (meant: Meant, given: ReadonlySet<string>, scope: ToolScope): void => {
  const whole = parsedJson(meant.profile);
  const paired = fromPairs(whole, scope);
  if (paired) {
    const received = Array.isArray(whole) ? "a list of pairs" : "a key and a value as two members";
    meant.issues.push({ path: "profile", received, accepted: profileForm });
  }
  let profile = paired ?? whole;
  if (!isObject(profile)) {
    meant.profile = profile;
    return;
  }
  const inner = innerProfile(profile, scope);
  if (inner !== undefined) {
    const { [inner]: held, ...rest } = profile;
    const accepted = "its keys directly in profile";
    meant.issues.push({ path: keyPath(inner), received: "a profile inside profile", accepted });
    profile = { ...(held as Args), ...rest };
  }
  meant.profile = withoutStrays(profile as Args, meant, given, scope);
};

const withoutStrays = (
  profile: Args,
  meant: Meant,
  given: ReadonlySet<string>,
  scope: ToolScope,
): Args => {
  const strays = strayArguments(profile, given, scope);
  if (strays.length === 0) return profile;
  const rest: Record<string, unknown> = { ...profile };
  for (const { name, argument, fixed } of strays) {
    const path = keyPath(name);
    const accepted = `the same at the top level, beside profile, as ${argument}`;
    meant.issues.push(
      fixed === undefined
        ? { path, received: "an argument inside profile", accepted }
        : fixedIssue(path, rest[name], argument, fixed),
    );
    if (fixed === undefined) meant[argument] = rest[name];
    delete rest[name];
  }
  return rest;
};

/** Tells where the keys that stood beside the profile belong, and has them checked with the others. */
const addMisplaced = (
  meant: Meant,
  beside: readonly [string, unknown][],
  scope: ToolScope,
): void => {
  for (const [name, value] of beside) meant.issues.push(misplacedIssue(name, value, scope));
  const { allowedKeys } = scope;
  const keys = beside.filter(([name]) => allowedKeys?.includes(name) ?? true);
  meant.misplaced = keys.map(([name]) => name);
  const { profile } = meant;
  if (!isObject(profile)) return;
  const texts = keys.filter(([, value]) => typeof value === "string");
  meant.profile = { ...Object.fromEntries(texts), ...profile };
};
