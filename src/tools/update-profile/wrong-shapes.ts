import { userIdPattern } from "../../lib/contract.ts";
import { shortName } from "../../lib/names.ts";
import { hostFields } from "../envelopes.ts";
import type { Issue } from "../issues.ts";
import type { ToolScope } from "../tool.ts";
import {
  type ArgumentName,
  type Arguments,
  alsoCalled,
  fixedValue,
  spelt,
} from "./argument-names.ts";
import { keyPath, stringInstead } from "./profile-argument.ts";
import { isProfileLike, pairNames, profileForm, profileMeantBy } from "./profile-shapes.ts";

type Members = Readonly<Record<string, unknown>>;

/** What a call was meant to be, and why it is not that yet. */
export type Meant = {
  args: Arguments;
  issues: Issue[];
  /** Whether something stood beside `profile` that may be a key of it. */
  misplaced: boolean;
};

const undeclared = (name: string, accepted: string): Issue => ({
  path: name === "" ? '""' : shortName(name),
  received: "an undeclared argument",
  accepted,
});

/** The operator fixed what this argument says. */
const fixedIssue = (name: string, value: unknown, argument: string, fixed: string): Issue => {
  const is = `${argument === "app_id" ? "app" : "user"} ${fixed} is fixed by the operator`;
  const same = value === fixed || value === null || value === "";
  return undeclared(
    name,
    same
      ? `nothing: leave ${shortName(name)} out, ${is}`
      : `nothing: ${is}, and this server reaches no other. If another one is meant, tell the person that this server cannot reach it and write nothing; if ${fixed} is meant, call again without ${shortName(name)}`,
  );
};

const renamedIssue = (name: string, argument: string, given: ReadonlySet<string>): Issue =>
  undeclared(
    name,
    given.has(argument)
      ? `only ${argument}, which was given too`
      : `the same under the name ${argument}`,
  );

/** `profile.first_name` and `profile[first_name]` are how some write the key `first_name`. */
const withoutPath = (name: string): string =>
  /^profile(?:\.(.+)|\[["']?([^"'\]]+)["']?\])$/s.exec(name)?.slice(1).find(Boolean) ?? name;

/** An argument that is, if anything, a key to write. */
const misplacedIssue = (name: string, value: unknown, { allowedKeys }: ToolScope): Issue => {
  const how = typeof value === "string" ? "" : ` (${stringInstead(value)})`;
  const inside = `inside profile, as ${keyPath(withoutPath(name))}${how}`;
  if (allowedKeys?.includes(name)) return undeclared(name, inside);
  return undeclared(
    name,
    allowedKeys
      ? "only the listed arguments, and in profile only the listed keys"
      : `${inside}, if it is a profile key; this tool has no other argument of this name`,
  );
};

/** The argument that an undeclared name stands for; undefined: it is a profile key, if anything. */
const argumentFor = (
  name: string,
  value: unknown,
  given: ReadonlySet<string>,
  scope: ToolScope,
): ArgumentName | undefined => {
  const argument = spelt(name);
  if (argument !== undefined) return argument;
  if (isProfileLike(value, scope)) return given.has("profile") ? undefined : "profile";
  const other = alsoCalled(name);
  if (other === undefined || other === "profile" || given.has(other)) return undefined;
  if (fixedValue(other, scope) === undefined) return other;
  // Beside a fixed id, only what can be nothing else is taken for an attempt to name another.
  const isUser = other === "user_id" && typeof value === "string" && userIdPattern.test(value);
  return isUser ? other : undefined;
};

type Read = { issue: Issue; argument?: ArgumentName; misplaced?: true };

const readUndeclared = (
  name: string,
  value: unknown,
  given: ReadonlySet<string>,
  scope: ToolScope,
): Read => {
  const argument = argumentFor(name, value, given, scope);
  if (argument === undefined) return { issue: misplacedIssue(name, value, scope), misplaced: true };
  const fixed = fixedValue(argument, scope);
  if (fixed !== undefined) return { issue: fixedIssue(name, value, argument, fixed) };
  const issue = renamedIssue(name, argument, given);
  return given.has(argument) ? { issue } : { issue, argument };
};

/**
 * Finds out what a call was meant to be. Nothing that the agent may have meant to write is called
 * superfluous: each issue says where it belongs. What is put right here is only read for further
 * problems; a call with an issue is never carried out.
 *
 * @param members the call's arguments without anything around them, at most a few hundred
 * @param names arguments of the published schema
 */
export const meantBy = (
  members: Members,
  names: readonly ArgumentName[],
  scope: ToolScope,
): Meant => {
  const args: Arguments = {};
  const issues: Issue[] = [];
  const given = new Set<string>();
  for (const name of names) {
    if (!Object.hasOwn(members, name)) continue;
    args[name] = members[name];
    given.add(name);
  }
  const others = Object.keys(members).filter((name) => !given.has(name) && !hostFields.has(name));
  const pair = given.has("profile") ? undefined : pairNames(others);
  let misplaced = false;
  for (const name of others) {
    if (pair?.includes(name)) {
      issues.push(undeclared(name, `profile: ${profileForm}`));
      misplaced = true;
      continue;
    }
    const read = readUndeclared(name, members[name], given, scope);
    issues.push(read.issue);
    if (read.misplaced) misplaced = true;
    if (read.argument) args[read.argument] = members[name];
    if (read.argument) given.add(read.argument);
  }
  const { profile, moved, issues: shapes } = profileMeantBy(args.profile, given, scope);
  return { args: { ...args, ...moved, profile }, issues: [...issues, ...shapes], misplaced };
};
