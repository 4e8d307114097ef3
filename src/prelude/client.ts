import { isObject } from "../lib/json.ts";
import { isAcknowledgement, type Picked, pickFrom } from "./answer.ts";
import { chooseProxy, connectionTo, createConnections } from "./connection.ts";
import { proxyInvalid, type RequestFailure } from "./errors.ts";
import {
  type Call,
  type CallScope,
  type ClientOptions,
  type Outcome,
  type Sender,
  type Sent,
  send,
} from "./send.ts";

export type { CallScope, Outcome } from "./send.ts";

export type Patch = { appId: string; userId: string; profile: Readonly<Record<string, string>> };
export type UserOf = { appId: string; userId: string };
export type Identifier = {
  appId: string;
  identifierType: "email_address" | "phone_number";
  identifierValue: string;
};

const pickUser = pickFrom<unknown>(({ user }) =>
  isObject(user) ? { content: user } : { lacks: "the object user" },
);

const pickUsers = pickFrom<unknown[]>(({ users }) => {
  if (users === null) return { content: [] };
  return Array.isArray(users) ? { content: users } : { lacks: "the list users" };
});

const get = <T>(path: string, pick: (text: string) => Picked<T>): Call<T> => ({
  method: "GET",
  path,
  pick,
});

const patch = (path: string, { userId, profile }: Patch): Call<true> => ({
  method: "PATCH",
  path: `${path}/profile`,
  body: Buffer.from(JSON.stringify({ profile })),
  pick: (text) =>
    isAcknowledgement(text, { userId, profile })
      ? { content: true }
      : { lacks: "an acknowledgement" },
});

const senderFor = (options: ClientOptions): Sender | { failure: RequestFailure } => {
  const target = new URL(options.baseUrl);
  const proxy = options.useProxy ? chooseProxy(target, process.env) : undefined;
  try {
    const connections = createConnections(() => connectionTo(target.origin, proxy));
    return { options, connections, secrets: options.secrets ?? [options.apiKey] };
  } catch (error) {
    if (proxy) return { failure: proxyInvalid(proxy.variable) };
    throw error;
  }
};

/** The paths of the API below the base URL. */
const pathsBelow = (baseUrl: string) => {
  const apps = `${new URL(baseUrl).pathname.replace(/\/+$/, "")}/v2/session/apps/`;
  // encodeURIComponent("..") is "..": the ids' patterns are what keeps the path in shape.
  const users = (appId: string) => `${apps}${encodeURIComponent(appId)}/users`;
  return {
    user: ({ appId, userId }: UserOf) => `${users(appId)}/${encodeURIComponent(userId)}`,
    usersWith: ({ appId, identifierType, identifierValue }: Identifier) =>
      `${users(appId)}?identifier_type=${identifierType}&identifier_value=${encodeURIComponent(identifierValue)}`,
  };
};

/**
 * Makes the client for the operations of the API that this product uses. Its functions never throw:
 * what went wrong is in `failure`, whose `mayHaveWritten` speaks for all attempts together. A
 * failure after the signal was aborted has the code `timeout`. Where the environment's proxy has an
 * address that cannot be used, every call fails with the reason `proxy_invalid`.
 */
export const createClient = (options: ClientOptions) => {
  const sender = senderFor(options);
  const paths = pathsBelow(options.baseUrl);

  const sent = async <T>(call: Call<T>, scope: CallScope): Promise<Sent<T>> =>
    "failure" in sender
      ? { outcome: { attempts: 0, failure: sender.failure } }
      : await send(sender, call, scope);

  return {
    /** `PATCH /v2/session/apps/{appID}/users/{userID}/profile` of the API document. */
    patchProfile: async (of: Patch, scope: CallScope): Promise<Outcome> =>
      (await sent(patch(paths.user(of), of), scope)).outcome,

    /** "Get user" of Prelude's public reference. `user`, an object, is there exactly after a success. */
    getUser: async (user: UserOf, scope: CallScope): Promise<Outcome & { user?: unknown }> => {
      const { outcome, content } = await sent(get(paths.user(user), pickUser), scope);
      return content === undefined ? outcome : { ...outcome, user: content };
    },

    /** "List users" of Prelude's public reference, narrowed to one identifier. */
    findUsers: async (
      identifier: Identifier,
      scope: CallScope,
    ): Promise<Outcome & { users?: unknown[] }> => {
      const { outcome, content } = await sent(get(paths.usersWith(identifier), pickUsers), scope);
      return content === undefined ? outcome : { ...outcome, users: content };
    },

    close: async (): Promise<void> => {
      if ("connections" in sender) await sender.connections.close();
    },
  };
};

export type PreludeClient = ReturnType<typeof createClient>;
