import type { Dispatcher } from "undici";
import { isObject } from "../lib/json.ts";
import { failureOf, readingOf } from "./answer.ts";
import { proxyInvalid } from "./connect-errors.ts";
import { createDispatcher } from "./dispatcher.ts";
import type { RequestFailure } from "./errors.ts";
import { createKeys } from "./keys.ts";
import { chooseProxy } from "./proxy.ts";
import { type RetryPolicy, retryPolicy } from "./retry.ts";
import { type Call, type CallScope, type Outcome, type Sender, type Sent, send } from "./send.ts";

export type { CallScope, Outcome } from "./send.ts";

export type ClientOptions = {
  baseUrl: string;
  apiKey: string;
  /**
   * Gives the key as it is now, where it may have changed. Asked once per call, when Prelude does
   * not accept the key in use; another key is used for one more try, and kept.
   */
  rereadKey?: () => string | undefined;
  /** Name and version of this product, for the `User-Agent`. */
  product: string;
  /** Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY are obeyed. */
  useProxy: boolean;
  retry?: RetryPolicy;
};

export type Patch = { appId: string; userId: string; profile: Readonly<Record<string, string>> };
export type UserOf = { appId: string; userId: string };
export type Identifier = {
  appId: string;
  identifierType: "email_address" | "phone_number";
  identifierValue: string;
};

const readWritten: Call<true>["read"] = (answer, secrets) => {
  const failure = failureOf(answer, secrets);
  return failure ? { failure } : { content: true };
};

const readUser: Call<unknown>["read"] = (answer, secrets) =>
  readingOf(answer, secrets, ({ user }) => (isObject(user) ? user : undefined));

const readUsers: Call<unknown[]>["read"] = (answer, secrets) =>
  readingOf(answer, secrets, ({ users }) => (Array.isArray(users) ? users : undefined));

type Connection = { sender: Sender } | { failure: RequestFailure };

/** The headers of a request, made once for each key. */
const headersFor = (product: string): Sender["headers"] => {
  const common = [
    ...["accept", "application/json", "accept-encoding", "identity"],
    ...["user-agent", `${product} node/${process.versions.node}`],
  ];
  const withKey = (key: string) => {
    const all = [...common, "authorization", `Bearer ${key}`];
    return { key, GET: all, PATCH: [...all, "content-type", "application/json"] };
  };
  let made = withKey("");
  return (method, key) => {
    if (made.key !== key) made = withKey(key);
    return made[method];
  };
};

const senderFor = (options: ClientOptions, dispatcher: Dispatcher): Sender => ({
  dispatcher,
  origin: new URL(options.baseUrl).origin,
  headers: headersFor(options.product),
  keys: createKeys(options.apiKey, options.rereadKey ?? (() => undefined)),
  policy: options.retry ?? retryPolicy,
});

const connectionFor = (options: ClientOptions): Connection => {
  const target = new URL(options.baseUrl);
  const proxy = options.useProxy ? chooseProxy(target, process.env) : ({ kind: "direct" } as const);
  if (proxy.kind === "invalid") return { failure: proxyInvalid(proxy.variable) };
  try {
    return { sender: senderFor(options, createDispatcher(target.origin, proxy)) };
  } catch (error) {
    // undici has rules of its own for the address of a proxy.
    if (proxy.kind === "proxy") return { failure: proxyInvalid(proxy.variable) };
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
  const connection = connectionFor(options);
  const paths = pathsBelow(options.baseUrl);

  const sent = async <T>(call: Call<T>, scope: CallScope): Promise<Sent<T>> =>
    "sender" in connection
      ? await send(connection.sender, call, scope)
      : { outcome: { attempts: 0, failure: connection.failure } };

  return {
    /** `PATCH /v2/session/apps/{appID}/users/{userID}/profile` of the API document. */
    patchProfile: async ({ profile, ...user }: Patch, scope: CallScope): Promise<Outcome> => {
      const body = Buffer.from(JSON.stringify({ profile }));
      const path = `${paths.user(user)}/profile`;
      return (await sent({ method: "PATCH", path, body, read: readWritten }, scope)).outcome;
    },

    /** "Get user" of Prelude's public reference. `user`, an object, is there exactly after a success. */
    getUser: async (user: UserOf, scope: CallScope): Promise<Outcome & { user?: unknown }> => {
      const call = { method: "GET", path: paths.user(user), read: readUser } as const;
      const { outcome, content } = await sent(call, scope);
      return content === undefined ? outcome : { ...outcome, user: content };
    },

    /** "List users" of Prelude's public reference, narrowed to one identifier. */
    findUsers: async (
      identifier: Identifier,
      scope: CallScope,
    ): Promise<Outcome & { users?: unknown[] }> => {
      const call = { method: "GET", path: paths.usersWith(identifier), read: readUsers } as const;
      const { outcome, content } = await sent(call, scope);
      return content === undefined ? outcome : { ...outcome, users: content };
    },

    close: async (): Promise<void> => {
      if ("sender" in connection) await connection.sender.dispatcher.destroy();
    },
  };
};

export type PreludeClient = ReturnType<typeof createClient>;
