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

const userOf = (value: unknown): User | undefined => {
  if (!isObject(value) || typeof value.id !== "string" || !userIdPattern.test(value.id)) {
    return undefined;
  }
  const profile = value.profile ?? {};
  if (!isObject(profile)) return undefined;
  const { id, updated_at: updatedAt } = value;
  return typeof updatedAt === "string" && timeForm.test(updatedAt)
    ? { id, profile, updatedAt }
    : { id, profile };
};

/** Of ASCII only: some letters of other scripts have the same lower case as an ASCII letter. */
const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Addresses are the same whatever their case, numbers whatever their punctuation. */
const sameContact = (by: "email" | "phone", a: string, b: string): boolean =>
  by === "email"
    ? lower(a.trim()) === lower(b.trim())
    : a.replace(/[\s().-]/g, "") === b.replace(/[\s().-]/g, "");

const identifierTypes = { email: "email_address", phone: "phone_number" } as const;

/** Whether an answer is about the user that was asked for: never take somebody else's profile. */
const isSought = (value: unknown, { by, value: wanted }: Sought): boolean => {
  if (!isObject(value)) return false;
  if (by === "user_id") return value.id === wanted;
  const { identifiers } = value;
  return (
    Array.isArray(identifiers) &&
    identifiers.some(
      (one) =>
        isObject(one) &&
        one.type === identifierTypes[by] &&
        typeof one.value === "string" &&
        sameContact(by, one.value, wanted),
    )
  );
};

const judge = (answer: readonly unknown[], sought: Sought, outcome: Outcome): Read => {
  const users = answer.filter((one) => isSought(one, sought)).map(userOf);
  const known = users.filter((user) => user !== undefined);
  if (known.length < answer.length) return { kind: "somebody_else", outcome };
  const [user] = known;
  if (!user) return { kind: "nobody", outcome };
  const userIds = [...new Set(known.map(({ id }) => id))];
  return userIds.length > 1
    ? { kind: "several", userIds, outcome }
    : { kind: "found", user, outcome };
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
