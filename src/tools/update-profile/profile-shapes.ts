import { isObject } from "../../lib/json.ts";
import { parsedJson, plainForm } from "../envelopes.ts";
import type { Issue } from "../issues.ts";
import type { ToolScope } from "../tool.ts";
import { type Arguments, alsoCalled, fixedValue, spelt } from "./argument-names.ts";
import { keyPath } from "./profile-argument.ts";

type Members = Readonly<Record<string, unknown>>;

/** What to send in place of keys and values in any other arrangement. */
export const profileForm =
  'one object whose members are the keys: {"first_name": "…", "last_name": "…"}, each key with its new value';

const keyForms: ReadonlySet<string> = new Set(["key", "field", "attribute", "name", "property"]);
/** Those that are hardly names of profile keys themselves. */
const clearKeyForms: ReadonlySet<string> = new Set(["key", "field", "attribute"]);
const valueForms: ReadonlySet<string> = new Set(["value", "newvalue", "to"]);

/** Longest list of pairs that is read. */
const maxPairs = 1_000;

/** The two among these names that hold a key and its value. */
export const pairNames = (names: readonly string[]): [key: string, value: string] | undefined => {
  const key = names.find((name) => keyForms.has(plainForm(name)));
  const value = names.find((name) => valueForms.has(plainForm(name)));
  return key === undefined || value === undefined ? undefined : [key, value];
};

/** A key with its value, given as `["a", "b"]`, `{"key": "a", "value": "b"}` or `{"a": "b"}`. */
const onePair = (pair: unknown): [string, unknown] | undefined => {
  if (Array.isArray(pair)) {
    const [key, value] = pair;
    return pair.length === 2 && typeof key === "string" ? [key, value] : undefined;
  }
  if (!isObject(pair)) return undefined;
  const [entry, ...others] = Object.entries(pair);
  if (entry && others.length === 0) return entry;
  const names = others.length === 1 ? pairNames(Object.keys(pair)) : undefined;
  if (!names) return undefined;
  const key = pair[names[0]];
  return typeof key === "string" ? [key, pair[names[1]]] : undefined;
};

const fromList = (list: readonly unknown[]): Members | undefined => {
  if (list.length === 0 || list.length > maxPairs) return undefined;
  const pairs = list.map(onePair).filter((pair) => pair !== undefined);
  return pairs.length === list.length ? Object.fromEntries(pairs) : undefined;
};

/** A profile given as a list of pairs, or as one pair, as the object that was meant. */
const fromPairs = (value: unknown, { allowedKeys = [] }: ToolScope): Members | undefined => {
  if (Array.isArray(value)) return fromList(value);
  if (!isObject(value)) return undefined;
  const names = Object.keys(value);
  if (names.length !== 2 || names.some((name) => allowedKeys.includes(name))) return undefined;
  const clear = names.some((name) => clearKeyForms.has(plainForm(name)));
  const pair = clear ? onePair(value) : undefined;
  return pair && Object.fromEntries([pair]);
};

/** Whether a value can only be meant as a whole profile. */
export const isProfileLike = (value: unknown, scope: ToolScope): boolean => {
  const held = parsedJson(value);
  return isObject(held) || fromPairs(held, scope) !== undefined;
};

type Inner = { name: string; profile: Members };

/** The member of a profile that holds another whole profile, if there is one. */
const innerProfile = (profile: Members, { allowedKeys = [] }: ToolScope): Inner | undefined => {
  const names = Object.keys(profile);
  const candidates = names.length === 1 ? names : ["profile"];
  for (const name of candidates) {
    const held = Object.hasOwn(profile, name) ? profile[name] : undefined;
    if (!isObject(held) || allowedKeys.includes(name)) continue;
    if ((spelt(name) ?? alsoCalled(name)) === "profile") return { name, profile: held };
  }
  return undefined;
};

export type ProfileShape = {
  /** The profile that was meant; anything but an object where that cannot be told. */
  profile: unknown;
  /** Arguments that stood inside it. */
  moved: Arguments;
  issues: Issue[];
};

/** Takes out the arguments that stand inside the profile and are missing beside it. */
const withoutArguments = (
  profile: Members,
  given: ReadonlySet<string>,
  scope: ToolScope,
): ProfileShape => {
  const moved: Arguments = {};
  const issues: Issue[] = [];
  const takenOut = new Set<string>();
  for (const name of ["app_id", "appId", "user_id", "userId", "on_reserved_key"]) {
    const value = Object.hasOwn(profile, name) ? profile[name] : undefined;
    const argument = typeof value === "string" ? spelt(name) : undefined;
    if (argument === undefined || given.has(argument)) continue;
    if (fixedValue(argument, scope) !== undefined) continue;
    if (argument === "on_reserved_key" && value !== "fail" && value !== "skip") continue;
    const accepted = `the same beside profile, under the name ${argument}`;
    issues.push({ path: keyPath(name), received: "an argument inside profile", accepted });
    moved[argument] = value;
    takenOut.add(name);
  }
  if (issues.length === 0) return { profile, moved, issues };
  const rest = Object.entries(profile).filter(([name]) => !takenOut.has(name));
  return { profile: Object.fromEntries(rest), moved, issues };
};

/**
 * Finds out which profile was meant: one given as JSON text, which some hosts send, counts as it
 * is; lists of pairs, a profile inside the profile and arguments inside it are issues.
 *
 * @param given names of the arguments that the call has beside the profile
 */
export const profileMeantBy = (
  value: unknown,
  given: ReadonlySet<string>,
  scope: ToolScope,
): ProfileShape => {
  const whole = parsedJson(value);
  const paired = fromPairs(whole, scope);
  const profile = paired ?? whole;
  if (!isObject(profile)) return { profile, moved: {}, issues: [] };
  const issues: Issue[] = [];
  if (paired) {
    const received = Array.isArray(whole) ? "a list of pairs" : "a key and a value as two members";
    issues.push({ path: "profile", received, accepted: profileForm });
  }
  const inner = innerProfile(profile, scope);
  if (!inner) {
    const shape = withoutArguments(profile, given, scope);
    return { ...shape, issues: [...issues, ...shape.issues] };
  }
  const accepted = "its keys directly in profile";
  issues.push({ path: keyPath(inner.name), received: "a profile inside profile", accepted });
  const { [inner.name]: _, ...others } = profile;
  const shape = withoutArguments({ ...inner.profile, ...others }, given, scope);
  return { ...shape, issues: [...issues, ...shape.issues] };
};
