import { identifierTypes } from "../lib/contract.ts";
import type { Asked } from "./answer.ts";
import { chooseProxy, createConnections } from "./connection.ts";
import { unreachable } from "./errors.ts";
import type { CallScope } from "./request.ts";
import { type Call, type Outcome, type Sender, send } from "./send.ts";

export type Patch = Asked & { appId: string };

/** Whom to look for: an id, an email address, or a phone number as E.164. */
export type Sought = { by: "user_id" | "email" | "phone"; value: string };

type Options = Pick<Sender, "product" | "rereadKey" | "log" | "firstDelayMs"> & {
  baseUrl: string;
  apiKey: string;
  /** What must not be shown; a new key is added at the end. */
  secrets?: string[];
  /** Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY are obeyed. */
  useProxy: boolean;
};

/** "Get user" and "List users" of Prelude's public reference, the latter narrowed to one identifier. */
const look = (users: string, { by, value }: Sought): Call => {
  const text = encodeURIComponent(value);
  if (by === "user_id") return { method: "GET", path: `${users}/${text}` };
  const query = `identifier_type=${identifierTypes[by]}&identifier_value=${text}`;
  return { method: "GET", path: `${users}?${query}` };
};

/** `PATCH /v2/session/apps/{appID}/users/{userID}/profile` of the API document. */
const patch = (users: string, asked: Patch): Call => ({
  method: "PATCH",
  path: `${users}/${encodeURIComponent(asked.userId)}/profile`,
  body: Buffer.from(JSON.stringify({ profile: asked.profile })),
  asked,
});

/**
 * Makes the client for the operations of the API that this product uses. Its functions never throw:
 * what went wrong is in `failure`, whose `mayHaveWritten` speaks for all attempts together.
 */
export const createClient = ({ baseUrl, apiKey, useProxy, ...options }: Options) => {
  const { origin, pathname } = new URL(baseUrl);
  const proxy = useProxy ? chooseProxy(new URL(baseUrl), process.env) : undefined;
  let sender: Sender | undefined;
  try {
    const connections = createConnections(origin, proxy);
    sender = { secrets: [apiKey], ...options, origin, key: apiKey, connections };
  } catch {
    // Only a proxy's address cannot be used.
  }

  const apps = `${pathname.replace(/\/+$/, "")}/v2/session/apps`;
  // encodeURIComponent("..") is "..": the ids' patterns are what keeps the path in shape.
  const usersOf = (appId: string): string => `${apps}/${encodeURIComponent(appId)}/users`;

  /** Where the environment's proxy has an address that cannot be used. */
  const unsent = async (): Promise<Outcome> => ({
    attempts: 0,
    failure: unreachable("proxy_invalid", { variable: proxy?.variable }),
  });
  const sent = (call: Call, scope: CallScope) => (sender ? send(sender, call, scope) : unsent());

  return {
    patchProfile: (of: Patch, scope: CallScope): Promise<Outcome> =>
      sent(patch(usersOf(of.appId), of), scope),
    /** `body` is what Prelude answered, whatever that is; to be checked. */
    findUsers: (appId: string, sought: Sought, scope: CallScope): Promise<Outcome> =>
      sent(look(usersOf(appId), sought), scope),
    close: async (): Promise<void> => sender?.connections.close(),
  };
};

export type PreludeClient = ReturnType<typeof createClient>;
