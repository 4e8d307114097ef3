import { identifierTypes, userIdPattern } from "../lib/contract.ts";
import { isObject } from "../lib/json.ts";
import type { PreludeClient, Sought } from "../prelude/client.ts";
import type { CallScope } from "../prelude/request.ts";
import type { Outcome } from "../prelude/send.ts";

export type User = {
  id: string;
  /** As Prelude holds it; values may be anything that JSON can say. */
  profile: Readonly<Record<string, unknown>>;
  identifiers: readonly unknown[];
  /** RFC 3339. */
  updatedAt?: string;
};

/** What became of a look-up; `outcome` has the attempts, and what Prelude answered. */
export type Read = { outcome: Outcome } & (
  | { kind: "found"; user: User }
  | { kind: "nobody" }
  | { kind: "several"; userIds: readonly string[] }
  /** The answer is about somebody else, or about nobody that could be told. */
  | { kind: "somebody_else" }
  | { kind: "failed" }
);

const timeForm = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** A user of an answer, or what it lacks to tell of one. */
const userOf = (value: unknown, { by }: Sought): User | string => {
  if (!isObject(value)) return by === "user_id" ? "the object user" : "a user that is an object";
  const { id, profile: stored, identifiers: listed, updated_at: updatedAt } = value;
  if (typeof id !== "string" || !userIdPattern.test(id)) return "a user's id";
  const profile = stored ?? {};
  if (!isObject(profile)) return "a user's profile that is an object";
  const identifiers = Array.isArray(listed) ? listed : [];
  if (by !== "user_id" && identifiers !== listed) return "a user's list identifiers";
  const user = { id, profile, identifiers };
  return typeof updatedAt === "string" && timeForm.test(updatedAt) ? { ...user, updatedAt } : user;
};

/**
 * Addresses are the same whatever their case, numbers whatever their punctuation. The case is that
 * of ASCII: some letters of other scripts have the same lower case as an ASCII letter.
 */
const plainContact = (by: "email" | "phone", text: string): string =>
  by === "email"
    ? text.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    : text.replace(/[\s().-]/g, "");

/** Whether a user is the one that was asked for: never take somebody else's profile. */
const isSought = ({ id, identifiers }: User, { by, value }: Sought): boolean => {
  if (by === "user_id") return id === value;
  const wanted = plainContact(by, value);
  return identifiers
    .filter(isObject)
    .filter(({ type }) => type === identifierTypes[by])
    .some(({ value: its }) => typeof its === "string" && plainContact(by, its) === wanted);
};

const incomplete = ({ httpStatus = 200, requestId, ...outcome }: Outcome, lacks: string): Read => {
  const told = { httpStatus, requestId, reasonDetail: { lacks }, mayHaveWritten: false };
  const failure = { code: "unexpected_response", reason: "unexpected_shape", ...told } as const;
  return { kind: "failed", outcome: { ...outcome, failure } };
};

/**
 * Looks one user up ("Get user" and "List users" of Prelude's reference). Never rejects for what
 * the API or the network does, and never gives a user who is not the one that was asked for.
 */
export const readProfile = async (
  client: PreludeClient,
  appId: string,
  sought: Sought,
  scope: CallScope,
): Promise<Read> => {
  const { body, ...outcome } = await client.findUsers(appId, sought, scope);
  if (!body) return { kind: "failed", outcome };
  const list = body.users === null ? [] : body.users;
  const users = sought.by === "user_id" ? [body.user] : list;
  if (!Array.isArray(users)) return incomplete(outcome, "the list users");
  const known: User[] = [];
  for (const each of users) {
    const user = userOf(each, sought);
    if (typeof user === "string") return incomplete(outcome, user);
    known.push(user);
  }
  if (!known.every((each) => isSought(each, sought))) return { kind: "somebody_else", outcome };
  const [user] = known;
  if (!user) return { kind: "nobody", outcome };
  const userIds = [...new Set(known.map(({ id }) => id))];
  return userIds.length > 1
    ? { kind: "several", userIds, outcome }
    : { kind: "found", user, outcome };
};
