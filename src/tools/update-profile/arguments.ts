import { userIdPattern } from "../../lib/contract.ts";
import { isObject } from "../../lib/json.ts";
import type { Profile, Write } from "../../profile/write.ts";
import { openEnvelopes, type Shape } from "../envelopes.ts";
import { type IdName, idIssue, userIdAdvice } from "../ids.ts";
import { type Issue, kindOf } from "../issues.ts";
import type { ToolScope } from "../tool.ts";
import { reads } from "../words.ts";
import { type Arguments, argumentForms, declaredNames } from "./argument-names.ts";
import { checkProfile, keyPath, sizeIssue } from "./profile-argument.ts";
import { type Meant, meantBy } from "./wrong-shapes.ts";

export type Parsed = {
  /** Each id where it is given and well-formed, or fixed; usable for the result beside issues. */
  target: { appId?: string; userId?: string };
  /** Keys of the profile as sent, in order, save those that are too long. */
  keys: string[];
  /** Those of them that are not broken and may be compared with the operator's lists. */
  sound: string[];
  issues: Issue[];
  /** A sentence of its own for the commonest mistake, an id of the wrong kind. */
  advice?: string;
  /** Present exactly if there are no issues. */
  write?: Write;
};

type Ids = { appId: string | undefined; userId: string | undefined; issues: Issue[] };

const readIds = (args: Arguments, scope: ToolScope): Ids => {
  const issues: Issue[] = [];
  const read = (name: IdName, fixed: string | undefined): string | undefined => {
    if (fixed !== undefined) return fixed;
    const value = args[name];
    const issue = idIssue(name, value);
    if (issue) issues.push(issue);
    return issue || typeof value !== "string" ? undefined : value;
  };
  const appId = read("app_id", scope.appId);
  const userId = read("user_id", scope.userId);
  const { app_id } = args;
  const exchanged =
    userId === undefined && typeof app_id === "string" && userIdPattern.test(app_id);
  if (scope.appId === undefined && exchanged) {
    const accepted = "the app id (are the two ids exchanged?)";
    issues.push({ path: "app_id", received: "a user id", accepted });
  }
  return { appId, userId, issues };
};

/** Some hosts send null for an optional argument that the model left out. */
const readChoice = (value: unknown): { choice: "fail" | "skip" } | { issue: Issue } => {
  if (value === undefined || value === null) return { choice: "fail" };
  if (value === "fail" || value === "skip") return { choice: value };
  const accepted = '"fail" or "skip"; without it, "fail" is used';
  return { issue: { path: "on_reserved_key", received: kindOf(value), accepted } };
};

const holdsTexts = (profile: Readonly<Record<string, unknown>>): profile is Profile =>
  Object.values(profile).every((value) => typeof value === "string");

const notJson = "a string that is not an object as JSON";

type ReadProfile = { profile?: Profile; keys: string[]; sound: string[]; issues: Issue[] };

const noKeys = { keys: [], sound: [] };

const readProfile = ({ args, misplaced }: Meant, scope: ToolScope): ReadProfile => {
  const { profile } = args;
  // What stands beside it was told of, and may be all that it was to hold.
  const empty = profile === undefined || (isObject(profile) && Object.keys(profile).length === 0);
  if (empty && misplaced) return { ...noKeys, issues: [] };
  if (!isObject(profile)) {
    const received = profile === "" || typeof profile !== "string" ? kindOf(profile) : notJson;
    const accepted = "an object of keys and string values";
    return { ...noKeys, issues: [{ path: "profile", received, accepted }] };
  }
  const checked = checkProfile(profile, scope.allowedKeys !== undefined);
  // The object itself, not a copy, which could lose an own "__proto__": to the API a key like any.
  if (checked.issues.length > 0 || !holdsTexts(profile)) return checked;
  const size = sizeIssue(profile);
  const { keys, sound } = checked;
  return { keys, sound, profile, issues: size ? [size] : [] };
};

const writeOf = (
  { appId, userId }: Ids,
  { profile, keys }: ReadProfile,
  onReservedKey: "fail" | "skip",
): Write | undefined => {
  if (appId === undefined || userId === undefined || profile === undefined) return undefined;
  return { appId, userId, profile, keys, onReservedKey };
};

const targetOf = ({ appId, userId }: Pick<Ids, "appId" | "userId">): Parsed["target"] => {
  const target: Parsed["target"] = {};
  if (appId !== undefined) target.appId = appId;
  if (userId !== undefined) target.userId = userId;
  return target;
};

/**
 * Makes the check of the tool's arguments for one scope. The check compares them with the published
 * schema and with the limits that a JSON Schema does not carry, finds every problem at once, and
 * never repeats a value. `raw` is the `arguments` of `tools/call`: an object, or JSON text of one.
 * Which keys may be written is not its business: that is the policy's to say, with a code of its own.
 */
export const createArgumentParser = (scope: ToolScope) => {
  const names = declaredNames(scope);
  const shape: Shape = { names, forms: argumentForms };

  return (raw: unknown): Parsed => {
    const opened = openEnvelopes(raw, shape);
    if (opened.unreadable) return { target: targetOf(scope), ...noKeys, issues: opened.issues };
    const meant = meantBy(opened.args, names, scope);
    const ids = readIds(meant.args, scope);
    const profile = readProfile(meant, scope);
    const choice = readChoice(meant.args.on_reserved_key);
    const issues = [...opened.issues, ...meant.issues, ...ids.issues, ...profile.issues];
    if ("issue" in choice) issues.push(choice.issue);

    const { keys, sound } = profile;
    const parsed: Parsed = { target: targetOf(ids), keys, sound, issues };
    const advice = userIdAdvice(ids.issues, reads(scope));
    if (advice !== undefined) parsed.advice = advice;
    if (issues.length > 0 || "issue" in choice) return parsed;
    const write = writeOf(ids, profile, choice.choice);
    if (write) parsed.write = write;
    return parsed;
  };
};

/** One issue for every key that the policy refuses, beside the other problems of the same call. */
export const refusedKeyIssues = (keys: readonly string[]): Issue[] =>
  keys.map((key) => ({
    path: keyPath(key),
    received: "a key that this server may not write",
    accepted: "only keys that it may write; tell the person which one is not permitted",
  }));
