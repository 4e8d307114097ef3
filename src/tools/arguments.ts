import type { z } from "zod/v3";
import { userIdPattern } from "../lib/contract.ts";
import { isObject } from "../lib/json.ts";
import { foreignText, type Secrets } from "../lib/text.ts";
import { type Issue, idKind, kindOf, namePath } from "./fields.ts";
import { fixedNames, type ToolScope } from "./tool.ts";

/** The arguments of a tool for one scope. */
export type ArgumentsSpec<T> = {
  scope: ToolScope;
  /** Checks every argument of the tool; what the operator fixed is put in its place. */
  schema: z.ZodType<T, z.ZodTypeDef, unknown>;
  /** Names of all of them, whatever is fixed. */
  names: readonly string[];
  /** Where a call that has no sound arguments should have put what it holds. */
  place: string;
};

type Args = Readonly<Record<string, unknown>>;
type Ids = { appId?: string | undefined; userId?: string | undefined };
type Asked = { askedAppId?: string | undefined; askedUserId?: string | undefined };

export type ReadArguments<T> = {
  /** What was asked for; present exactly if there are no issues. */
  data?: T;
  /** The declared arguments as they were sent, with what the operator fixed. */
  args: Args;
  /** Each id that is well-formed; usable for the result beside issues. */
  target: Ids;
  /** Ids that the call names beside its arguments, for the audit. */
  asked: Asked;
  issues: Issue[];
  /** A sentence of its own where nothing arrived. */
  advice?: string | undefined;
  /** Names of undeclared arguments, as the result shows them. */
  ignored: string[];
};

/** What JSON text of an object or array holds; anything else as it is. Some clients send objects so. */
const readJson = (value: unknown): unknown => {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

const receivedIn = (issue: z.ZodIssue, args: Args): string => {
  // Where the kind of the value does not tell what is wrong with it, the schema says it.
  if (issue.code === "custom" && issue.params) return String(issue.params.received);
  const value = issue.path.reduce<unknown>((from, step) => isObject(from) && from[step], args);
  return issue.code === "invalid_string"
    ? idKind(String(issue.path[0]), String(value))
    : kindOf(value);
};

const issuesOf = ({ issues }: z.ZodError, args: Args): Issue[] =>
  issues
    // Keys that are not listed are the key policy's to refuse, with a code of its own.
    .filter(({ code }) => code !== "unrecognized_keys")
    .map((issue) => ({
      path: issue.path.map((step) => namePath(String(step))).join("."),
      received: receivedIn(issue, args),
      accepted: issue.message,
    }));

const isUserId = (value: unknown): value is string =>
  typeof value === "string" && userIdPattern.test(value);

/** A user id, other than this one, that stands as a whole anywhere in a value. */
const otherUserIn = (value: unknown, userId: string | undefined): string | undefined => {
  const open = [value];
  while (open.length > 0) {
    const one = open.pop();
    if (isUserId(one) && one !== userId) return one;
    if (Array.isArray(one)) for (const member of one) open.push(member);
    else if (isObject(one)) for (const name of Object.keys(one)) open.push(name, one[name]);
  }
  return undefined;
};

/** Letters of arguments that ask for a rehearsal; nothing may be done in earnest then. */
const maxRehearsal = 100;
const rehearsals = new Set("dryrun preview simulate validateonly test".split(" "));
const switchedOff: ReadonlySet<unknown> = new Set([false, "false", 0, null, ""]);

type Member = [name: string, value: unknown];
/** An undeclared argument; `user`: the id in it of another user than the call is for. */
type Other = { name: string; value: unknown; user: string | undefined };

/**
 * Why an undeclared argument must not be passed over, or undefined.
 *
 * @param isSound whether the declared arguments say whom the call is for
 */
const refusalOf = (
  { scope: { appId, userId, write }, names }: ArgumentsSpec<unknown>,
  { name, value, user }: Other,
  isSound: boolean,
): Issue | undefined => {
  const path = namePath(name);
  const refuse = (accepted: string, what = ""): Issue => ({
    path,
    received: `an undeclared argument${what}`,
    accepted: `nothing: ${accepted}`,
  });
  const isOther = isSound && user !== undefined;
  const [is, fixed] = name === "app_id" ? ["app", appId] : ["user", userId];
  if (names.includes(name) ? value !== fixed : isOther && fixed !== undefined) {
    return refuse(
      `${is} ${fixed} is fixed by the operator, and this server reaches no other. If another one is meant, tell the person that this server cannot reach it and write nothing; if ${fixed} is meant, call again without ${path}`,
    );
  }
  if (isOther) {
    return refuse(
      `one call is for one user. If the user of this call is the one meant, call again without ${path}; if not, correct the call`,
      " with the id of another user",
    );
  }
  const letters = name.length > maxRehearsal ? "" : name.replace(/\P{L}/gu, "").toLowerCase();
  if (!rehearsals.has(letters) || switchedOff.has(value)) return undefined;
  return refuse(
    write === "dry-run"
      ? `this server only rehearses, whatever it is called with. Call again without ${path}`
      : `this tool has no rehearsal and does at once what it is called for. If that is wanted, call again without ${path}`,
  );
};

/** Arguments that a call may bring; nobody looks through more. */
const maxArguments = 1_000;
/** Names of undeclared arguments that are shown, and characters of each. */
const maxNames = 20;
const maxNameLength = 64;

const shownNames = (others: readonly Other[], secrets: Secrets): string[] =>
  others.slice(0, maxNames).map(({ name }) => foreignText(name, secrets, maxNameLength) || '""');

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

/** For the audit: the ids that a call names beside its arguments. */
const askedOf = (others: readonly Other[]): Asked => {
  const named = (id: string) => textOf(others.find(({ name }) => name === id)?.value);
  const within = others.find(({ user }) => user !== undefined)?.user;
  return { askedAppId: named("app_id"), askedUserId: named("user_id") ?? within };
};

const nothingArrived = (declared: string): string =>
  `Not one argument of this tool (${declared}) arrived, so the client may not have passed on what was sent: send it again as one plain object.`;

const tell = (received: string, accepted: string): Issue => ({
  path: "arguments",
  received,
  accepted,
});

/** The members of a call's arguments, those that are declared and the others; or why nobody looks at them. */
const split = ({ scope, names, place }: ArgumentsSpec<unknown>, whole: unknown) => {
  const fixed = fixedNames(scope);
  const known = names.filter((name) => !fixed.has(name));
  const declared = known.join(", ");
  const only = `only ${declared}, at the top level${place}`;
  const given: Member[] = [];
  const rest: Member[] = [];
  const count = isObject(whole) ? Object.keys(whole).length : 0;
  if (!isObject(whole) || count > maxArguments) {
    const broken = isObject(whole)
      ? tell(`${count} arguments`, only)
      : tell(kindOf(whole), `an object with ${declared}`);
    return { declared, only, given, rest, broken };
  }
  for (const [name, value] of Object.entries(whole)) {
    if (known.includes(name)) given.push([name, readJson(value)]);
    else rest.push([name, value]);
  }
  return { declared, only, given, rest };
};

/**
 * Checks the arguments of a call: the schema those that are declared. What is not declared is never
 * used; it is refused only where it asks for what is not done, another app or user or a rehearsal.
 * Every problem is told at once.
 *
 * @param raw the `arguments` of `tools/call`: an object, or JSON text of one
 */
export const readArguments = <T>(
  spec: ArgumentsSpec<T>,
  raw: unknown,
  secrets: Secrets,
): ReadArguments<T> => {
  const { scope, schema } = spec;
  const { declared, only, given, rest, broken } = split(spec, readJson(raw ?? {}));
  const args = { app_id: scope.appId, user_id: scope.userId, ...Object.fromEntries(given) };
  const parsed = schema.safeParse(args);
  const wrong = parsed.success ? [] : issuesOf(parsed.error, args);
  const sound = (name: string, id: unknown) =>
    wrong.some(({ path }) => path === name) ? undefined : textOf(id);
  const target = { appId: sound("app_id", args.app_id), userId: sound("user_id", args.user_id) };
  const others = rest.map(([name, value]) => {
    return { name, value, user: otherUserIn([name, value], target.userId) };
  });
  const ignored = shownNames(others, secrets);
  const read = { args, target, asked: askedOf(others), ignored };
  const nothing = given.length === 0 ? nothingArrived(declared) : undefined;
  if (broken) return { ...read, issues: [broken], advice: nothing };

  const isSound = wrong.length === 0;
  const issues = others.flatMap((one) => refusalOf(spec, one, isSound) ?? []);
  if (parsed.success && issues.length === 0) return { ...read, issues, data: parsed.data };
  if (!isSound && others.length > 0) {
    issues.push(tell(`undeclared arguments (${ignored.join(", ")})`, only));
  }
  return { ...read, issues: [...issues, ...wrong], advice: isSound ? undefined : nothing };
};
