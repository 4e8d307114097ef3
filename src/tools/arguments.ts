import type { z } from "zod/v3";
import { userIdPattern } from "../lib/contract.ts";
import { isObject } from "../lib/json.ts";
import { foreignText, type Secrets } from "../lib/text.ts";
import { type Issue, idKind, kindOf, namePath } from "./fields.ts";
import { fixedNames, type ToolScope } from "./tool.ts";

type Described<T> = {
  scope: ToolScope;
  /**
   * Checks what the schema cannot say, and gives what the schema is to check. Not `z.preprocess`,
   * which costs as much as the rest of the schema.
   */
  prepare: (args: Args) => { ready: Args; flaws: z.ZodIssue[] };
  /** Checks every argument of the tool; what the operator fixed is put in its place. */
  schema: z.ZodType<T, z.ZodTypeDef, unknown>;
  /** Names of all of them, whatever is fixed. */
  names: readonly string[];
  /** Where a call that has no sound arguments should have put what it holds. */
  place: string;
};

/** A tool's arguments as this server takes them; `known`: names of those that are not fixed. */
export const createSpec = <T>(of: Described<T>) => {
  const fixed = fixedNames(of.scope);
  const known = of.names.filter((name) => !fixed.has(name));
  const declared = known.join(", ");
  return { ...of, known, declared, only: `only ${declared}, at the top level${of.place}` };
};

export type ArgumentsSpec<T> = ReturnType<typeof createSpec<T>>;

export type Args = Readonly<Record<string, unknown>>;

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

/** In the order of the arguments. */
const issuesOf = (issues: readonly z.ZodIssue[], args: Args, names: readonly unknown[]): Issue[] =>
  issues
    // Keys that are not listed are the key policy's to refuse, with a code of its own.
    .filter(({ code }) => code !== "unrecognized_keys")
    .sort((a, b) => names.indexOf(a.path[0]) - names.indexOf(b.path[0]))
    .map((issue) => ({
      path: issue.path.map((step) => namePath(String(step))).join("."),
      received: receivedIn(issue, args),
      accepted: issue.message,
    }));

/** A user id, other than this one, that stands as a whole anywhere in a value. */
const otherUserIn = (value: unknown, userId: string | undefined): string | undefined => {
  const open = [value];
  while (open.length > 0) {
    const one = open.pop();
    if (typeof one === "string" && userIdPattern.test(one) && one !== userId) return one;
    if (Array.isArray(one)) for (const member of one) open.push(member);
    else if (isObject(one)) for (const name of Object.keys(one)) open.push(name, one[name]);
  }
  return undefined;
};

/** Letters of arguments that ask for a rehearsal; nothing may be done in earnest then. */
const rehearsals = new Set("dryrun preview simulate validateonly test".split(" "));
const switchedOff: ReadonlySet<unknown> = new Set([false, "false", 0, null, ""]);

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
  const letters = name.replace(/\P{L}/gu, "").toLowerCase();
  if (!rehearsals.has(letters) || switchedOff.has(value)) return undefined;
  return refuse(
    write === "dry-run"
      ? `this server only rehearses, whatever it is called with. Call again without ${path}`
      : `this tool has no rehearsal and does at once what it is called for. If the person wants only a rehearsal, tell them that; if they want it done at once, call again without ${path}`,
  );
};

/** Names of undeclared arguments that are shown, and characters of each. */
const maxNames = 20;
const maxNameLength = 64;

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

const tell = (received: string, accepted: string) => ({ path: "arguments", received, accepted });

/** The declared arguments, those that are fixed among them, and what else came. */
const split = ({ scope, known, declared }: ArgumentsSpec<unknown>, whole: unknown) => {
  const members = isObject(whole) ? Object.entries(whole) : [];
  const broken = isObject(whole) ? undefined : tell(kindOf(whole), `an object with ${declared}`);
  const args: Record<string, unknown> = { app_id: scope.appId, user_id: scope.userId };
  const rest: typeof members = [];
  for (const [name, value] of members) {
    if (known.includes(name)) args[name] = readJson(value);
    else rest.push([name, value]);
  }
  return { args, rest, broken, isEmpty: rest.length === members.length };
};

/**
 * Checks the arguments of a call: the schema those that are declared. What is not declared is never
 * used; it is refused only where it asks for what is not done, another app or user or a rehearsal.
 *
 * @param raw the `arguments` of `tools/call`: an object, or JSON text of one
 */
export const readArguments = <T>(spec: ArgumentsSpec<T>, raw: unknown, secrets: Secrets) => {
  const { prepare, schema, names, declared, only } = spec;
  const { args, rest, broken, isEmpty } = split(spec, readJson(raw ?? {}));
  const { ready, flaws } = prepare(args);
  const parsed = schema.safeParse(ready);
  const found = parsed.error ? [...flaws, ...parsed.error.issues] : flaws;
  const wrong = broken ? [broken] : issuesOf(found, args, names);
  const isSound = wrong.length === 0;
  const sound = (name: string) =>
    // Some optional ids are filled with nothing.
    wrong.some(({ path }) => path === name) ? undefined : textOf(args[name]) || undefined;
  const target = { appId: sound("app_id"), userId: sound("user_id") };

  const others = rest.map(([name, value]) => {
    return { name, value, user: otherUserIn([name, value], target.userId) };
  });
  const asked = (id: string) => textOf(others.find(({ name }) => name === id)?.value);
  const askedWithin = others.find(({ user }) => user !== undefined)?.user;
  const shown = others.slice(0, maxNames).map(({ name }) => name);
  const ignored = shown.map((name) => foreignText(name, secrets, maxNameLength) || '""');
  const issues = others.flatMap((one) => refusalOf(spec, one, isSound) ?? []);
  if (!isSound && others.length > 0) {
    issues.push(tell(`undeclared arguments (${ignored.join(", ")})`, only));
  }
  issues.push(...wrong);
  const nothingArrived = `Not one argument of this tool (${declared}) arrived, so the client may not have passed on what was sent: send it again as one plain object.`;
  return {
    /** What was asked for; absent where there are issues, or keys that are not listed. */
    data: issues.length === 0 ? parsed.data : undefined,
    /** The declared arguments as they were sent, with what the operator fixed. */
    args,
    /** Each id that is well-formed; usable for the result beside issues. */
    target,
    asked: { askedAppId: asked("app_id"), askedUserId: asked("user_id") ?? askedWithin },
    issues,
    isSound,
    advice: !isSound && isEmpty ? nothingArrived : undefined,
    ignored,
  };
};

export type ReadArguments<T> = ReturnType<typeof readArguments<T>>;
