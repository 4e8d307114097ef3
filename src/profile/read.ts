import { userIdPattern } from "../lib/contract.ts";
import { isObject } from "../lib/json.ts";
import type { CallScope, Outcome, PreludeClient } from "../prelude/client.ts";

/** Whom to look for: an id, an email address, or a phone number as E.164. */
export type Sought = { by: "user_id" | "email" | "phone"; value: string };

/** A user as far as it is used here. */
export type User = {
  id: string;
  /** As Prelude holds it; values may be anything that JSON can say. */
  profile: Readonly<Record<string, unknown>>;
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

/** What a value must have to tell of a user; undefined: it has all of it. */
const lacking = (value: unknown, { by }: Sought): string | undefined => {
  if (!isObject(value)) return "a user that is an object";
  const { id, profile, identifiers } = value;
  if (typeof id !== "string" || !userIdPattern.test(id)) return "a user's id";
  if (!isObject(profile ?? {})) return "a user's profile that is an object";
  return by === "user_id" || Array.isArray(identifiers) ? undefined : "a user's list identifiers";
};

const userOf = (value: Record<string, unknown>): User => {
  const { id, profile, updated_at: updatedAt } = value;
  const user = { id: String(id), profile: isObject(profile) ? profile : {} };
  return typeof updatedAt === "string" && timeForm.test(updatedAt) ? { ...user, updatedAt } : user;
};

/** Of ASCII only: some letters of other scripts have the same lower case as an ASCII letter. */
const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Addresses are the same whatever their case, numbers whatever their punctuation. */
const sameContact = (by: "email" | "phone", a: string, b: string): boolean =>
  by === "email"
    ? lower(a.trim()) === lower(b.trim())
    : a.replace(/[\s().-]/g, "") === b.replace(/[\s().-]/g, "");

const identifierTypes = { email: "email_address", phone: "phone_number" } as const;

/** Whether a user is the one that was asked for: never take somebody else's profile. */
const isSought = ({ id, identifiers }: Record<string, unknown>, { by, value }: Sought): boolean => {
  if (by === "user_id") return id === value;
  return (
    Array.isArray(identifiers) &&
    identifiers.some(
      (one) =>
        isObject(one) &&
        one.type === identifierTypes[by] &&
        typeof one.value === "string" &&
        sameContact(by, one.value, value),
    )
  );
};

const judge = (answer: readonly unknown[], sought: Sought, outcome: Outcome): Read => {
  const users = answer.filter(isObject);
  const lacks = answer.map((one) => lacking(one, sought)).find((what) => what !== undefined);
  if (lacks !== undefined) return { kind: "failed", outcome: incomplete(outcome, lacks) };
  if (!users.every((one) => isSought(one, sought))) return { kind: "somebody_else", outcome };
  const known = users.map(userOf);
  const [user] = known;
  if (!user) return { kind: "nobody", outcome };
  const userIds = [...new Set(known.map(({ id }) => id))];
  return userIds.length > 1
    ? { kind: "several", userIds, outcome }
    : { kind: "found", user, outcome };
};

const incomplete = (outcome: Outcome, lacks: string): Outcome => {
  const { httpStatus = 200, requestId } = outcome;
  const told = { httpStatus, requestId, reasonDetail: { lacks } };
  const failure = { code: "unexpected_response", reason: "unexpected_shape", ...told } as const;
  return { ...outcome, failure: { ...failure, mayHaveWritten: false } };
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
  if (sought.by === "user_id") {
    const { user, ...outcome } = await client.getUser({ appId, userId: sought.value }, scope);
    return user === undefined ? { kind: "failed", outcome } : judge([user], sought, outcome);
  }
  const { users, ...outcome } = await client.findUsers(
    { appId, identifierType: identifierTypes[sought.by], identifierValue: sought.value },
    scope,
  );
  return users === undefined ? { kind: "failed", outcome } : judge(users, sought, outcome);
};
