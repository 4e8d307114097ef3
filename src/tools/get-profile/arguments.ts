import { emailOf, phoneOf } from "../../lib/contact.ts";
import { shortName } from "../../lib/names.ts";
import type { Sought } from "../../profile/read.ts";
import { hostFields, openEnvelopes, plainForm, type Shape } from "../envelopes.ts";
import { idIssue } from "../ids.ts";
import { type Issue, kindOf } from "../issues.ts";
import type { ToolScope } from "../tool.ts";

type Contact = "email" | "phone";
type Name = "app_id" | "user_id" | Contact;
type Scope = Pick<ToolScope, "appId" | "userId">;
type Args = Readonly<Record<string, unknown>>;

export type Parsed = {
  /** Each id where it is given and well-formed, or fixed. */
  target: { appId?: string; userId?: string };
  issues: Issue[];
  /** Present exactly if there are no issues. */
  look?: { appId: string; sought: Sought };
};

/** Arguments of the published schema for this scope. */
const declaredNames = (scope: Scope): Name[] => {
  const names: Name[] = scope.appId === undefined ? ["app_id"] : [];
  return scope.userId === undefined ? [...names, "user_id", "email", "phone"] : names;
};

/** Names without case and punctuation -> the argument that is meant. */
const spellings: ReadonlyMap<string, Name> = new Map([
  ["appid", "app_id"],
  ["app", "app_id"],
  ["userid", "user_id"],
  ["user", "user_id"],
  ["uid", "user_id"],
  ["id", "user_id"],
  ["sub", "user_id"],
  ["email", "email"],
  ["emailaddress", "email"],
  ["mail", "email"],
  ["phone", "phone"],
  ["phonenumber", "phone"],
  ["tel", "phone"],
  ["mobile", "phone"],
]);

const forms: ReadonlySet<string> = new Set(["appid", "userid", "email", "phone"]);

const contacts = {
  email: { of: emailOf, kind: "an email address", accepted: "an email address: name@example.com" },
  phone: {
    of: phoneOf,
    kind: "a phone number",
    accepted: "a phone number with + and country code and without (0): +12025550123",
  },
} as const;

/** The kind of contact that a text is, if it is one. */
const contactKind = (text: string): Contact | undefined => {
  if (emailOf(text) !== undefined) return "email";
  return phoneOf(text) === undefined ? undefined : "phone";
};

/** Hosts and models fill optional arguments with nothing. */
const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

/** A contact that was given under another name. */
const misnamed = (name: Name, value: unknown): Issue | undefined => {
  const kind = typeof value === "string" ? contactKind(value) : undefined;
  if (kind === undefined || kind === name) return undefined;
  return { path: name, received: contacts[kind].kind, accepted: `the same under the name ${kind}` };
};

const contactIssue = (name: Contact, value: unknown): Issue => {
  const { kind, accepted } = contacts[name];
  const received = typeof value === "string" ? `a string that is not ${kind}` : kindOf(value);
  return misnamed(name, value) ?? { path: name, received, accepted };
};

const undeclaredIssue = (name: string, names: readonly Name[], scope: Scope): Issue => {
  const path = name === "" ? '""' : shortName(name);
  const meant = spellings.get(plainForm(name));
  const received = "an undeclared argument";
  if (meant === undefined) {
    const accepted = names.length === 0 ? "no argument at all" : `only ${names.join(", ")}`;
    return { path, received, accepted };
  }
  if (names.includes(meant))
    return { path, received, accepted: `the same under the name ${meant}` };
  const fixed = meant === "app_id" ? `app ${scope.appId}` : `user ${scope.userId}`;
  const accepted = `nothing: ${fixed} is fixed by the operator, and this server reaches no other. If another one is meant, tell the person that this server cannot reach it; if not, call again without ${path}`;
  return { path, received, accepted };
};

type ReadSought = { sought?: Sought; issues: Issue[] };

const oneOf = "exactly one of user_id, email and phone";

/** Reads the one argument that says who is meant. */
const readSought = (args: Args, { userId }: Scope): ReadSought => {
  if (userId !== undefined) return { sought: { by: "user_id", value: userId }, issues: [] };
  const given = (["user_id", "email", "phone"] as const).filter((name) => isGiven(args[name]));
  if (given.length === 0) {
    return { issues: [{ path: "user_id", received: "nothing", accepted: oneOf }] };
  }
  const issues: Issue[] = [];
  let sought: Sought | undefined;
  for (const name of given) {
    const value = args[name];
    const read = readOne(name, value);
    if ("issue" in read) issues.push(read.issue);
    else sought = { by: name, value: read.value };
  }
  if (given.length > 1) {
    const received = `${given.join(" and ")} together`;
    issues.push({ path: given.at(-1) ?? "user_id", received, accepted: oneOf });
  }
  return sought && issues.length === 0 ? { sought, issues } : { issues };
};

const readOne = (name: Sought["by"], value: unknown): { value: string } | { issue: Issue } => {
  if (name === "user_id") {
    const issue = misnamed(name, value) ?? idIssue(name, value);
    return issue ? { issue } : { value: String(value) };
  }
  const contact = typeof value === "string" ? contacts[name].of(value) : undefined;
  return contact === undefined ? { issue: contactIssue(name, value) } : { value: contact };
};

/** Reads the app, which is fixed or given. */
const readApp = (args: Args, { appId }: Scope): { appId: string } | { issue: Issue } => {
  if (appId !== undefined) return { appId };
  const issue = idIssue("app_id", args.app_id);
  return issue ? { issue } : { appId: String(args.app_id) };
};

/**
 * Makes the check of the tool's arguments for one scope: it finds every problem at once and never
 * repeats a value. `raw` is the `arguments` of `tools/call`: an object, or JSON text of one.
 */
export const createArgumentParser = (scope: Scope) => {
  const names = declaredNames(scope);
  const declared: ReadonlySet<string> = new Set(names);
  const shape: Shape = { names, forms };

  return (raw: unknown): Parsed => {
    const target: Parsed["target"] = {};
    if (scope.appId !== undefined) target.appId = scope.appId;
    if (scope.userId !== undefined) target.userId = scope.userId;
    const opened = openEnvelopes(raw, shape);
    const issues = [...opened.issues];
    if (opened.unreadable) return { target, issues };
    for (const name of Object.keys(opened.args)) {
      if (declared.has(name) || hostFields.has(name)) continue;
      issues.push(undeclaredIssue(name, names, scope));
    }
    const app = readApp(opened.args, scope);
    const { sought, issues: about } = readSought(opened.args, scope);
    if ("issue" in app) issues.push(app.issue);
    else target.appId = app.appId;
    issues.push(...about);
    if (sought?.by === "user_id") target.userId = sought.value;
    if (issues.length > 0 || "issue" in app || sought === undefined) return { target, issues };
    return { target, issues, look: { appId: app.appId, sought } };
  };
};
