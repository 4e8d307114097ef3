import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { isObject } from "../lib/json.ts";

// Codes, statuses and messages of the API document. The document has no answer for a missing or
// wrong key; this one follows Prelude's global error codes.
const errors = {
  invalid_request: [400, "bad_request", "The request body is invalid."],
  reserved_profile_key: [400, "bad_request", "The profile key is reserved and cannot be used."],
  invalid_api_token: [401, "unauthorized", "The API token is invalid."],
  session_disabled: [403, "forbidden", "Session management is disabled for this application."],
  app_not_found: [404, "not_found", "The application was not found."],
  user_not_found: [404, "not_found", "The user was not found."],
} as const;

type Answer = { status: number; body?: object };

const refusal = (code: keyof typeof errors): Answer => {
  const [status, word, message] = errors[code];
  return { status, body: { code, status: word, message } };
};

/** As Prelude's reference shows one ("Get user"). */
type User = {
  id: string;
  identifiers: readonly { type: string; value: string }[];
  profile: object;
  created_at: string;
  updated_at: string;
};

// The users of the API document's examples. Their addresses and numbers are of the kinds that are
// kept free for examples (RFC 2606; +1 202 555 01xx).
const jane = {
  id: "usr_01jqebhswje1ka1z7ahr9rfsgt",
  identifiers: [
    { type: "email_address", value: "jane@example.com" },
    { type: "phone_number", value: "+12025550123" },
  ],
  profile: { first_name: "Jane", last_name: "Miller", locale: "en-GB", newsletter: "weekly" },
};
const sam = {
  id: "usr_01jqy7455pf8p9bap5qke912g1",
  identifiers: [
    { type: "email_address", value: "sam@example.com" },
    { type: "phone_number", value: "+12025550156" },
  ],
  profile: { first_name: "Sam", locale: "fr-FR" },
};

/** An app that is known only to show `session_disabled`. */
const disabled = "disabled";
/** Apps of the API document's examples, and the users of each. */
const people = { "54e9ujn": [jane, sam], fvua38g: [sam], [disabled]: [jane] };

/** The sandbox's own choice: Prelude publishes no list of reserved keys. */
const reservedKeys: ReadonlySet<string> = new Set(["sub", "user_id", "created_at"]);

/** What the operator fixed exists in the sandbox too, so that a real configuration can be rehearsed. */
type Fixed = { appId?: string | undefined; userId?: string | undefined };

const seeded = ({ appId, userId }: Fixed) => {
  const now = new Date().toISOString();
  const state = { status: "active", created_at: now, updated_at: now };
  const fixedApp = appId === undefined ? {} : { [appId]: [jane, sam] };
  const fixedUser = userId === undefined ? [] : [{ id: userId, identifiers: [], profile: {} }];
  const users = (known: readonly Pick<User, "id" | "identifiers" | "profile">[]) =>
    [...fixedUser, ...known].map((user): [string, User] => [user.id, { ...user, ...state }]);
  const all = Object.entries({ ...fixedApp, ...people });
  return new Map(all.map(([id, known]) => [id, new Map(users(known))]));
};

/** That it merges the keys into the profile is the sandbox's own choice. */
const update = (user: User, body: string): Answer => {
  const { profile } = JSON.parse(body) as { profile?: unknown };
  const isSound = isObject(profile) && Object.values(profile).every((it) => typeof it === "string");
  if (!isSound) return refusal("invalid_request");
  if (Object.keys(profile).some((key) => reservedKeys.has(key))) {
    return refusal("reserved_profile_key");
  }
  user.profile = { ...user.profile, ...profile };
  user.updated_at = new Date().toISOString();
  return { status: 204 };
};

const list = (users: Iterable<User>, search: URLSearchParams): Answer => {
  const type = search.get("identifier_type");
  const value = search.get("identifier_value")?.toLowerCase();
  if (type === null || value === undefined) return refusal("invalid_request");
  const found = [...users].filter(({ identifiers }) =>
    identifiers.some((each) => each.type === type && each.value === value),
  );
  return { status: 200, body: { users: found } };
};

const route = /^\/v2\/session\/apps\/([^/]+)\/users(?:\/([^/]+)(\/profile)?)?$/;

const answer = (
  apps: ReturnType<typeof seeded>,
  { method, url = "" }: IncomingMessage,
  body: string,
): Answer => {
  const { pathname, searchParams } = new URL(url, "http://sandbox");
  const [, app, id, profile] = route.exec(pathname) ?? [];
  const writes = profile !== undefined;
  if (app === undefined || method !== (writes ? "PATCH" : "GET")) {
    return { status: 404, body: { message: "no such route" } };
  }
  const users = apps.get(decodeURIComponent(app));
  if (!users) return refusal("app_not_found");
  if (app === disabled) return refusal("session_disabled");
  if (id === undefined) return list(users.values(), searchParams);
  const user = users.get(decodeURIComponent(id));
  if (!user) return refusal("user_not_found");
  return writes ? update(user, body) : { status: 200, body: { user } };
};

/**
 * Starts an embedded Prelude on a free loopback port: the documented contract of the operations
 * used here over real HTTP, with users and profiles in memory. It answers nobody without its key,
 * which is made anew at each start.
 */
export const startSandbox = async (fixed: Fixed) => {
  const apiKey: string = crypto.randomUUID();
  const apps = seeded(fixed);
  const answerTo = async (request: IncomingMessage): Promise<Answer> => {
    if (request.headers.authorization !== `Bearer ${apiKey}`) return refusal("invalid_api_token");
    try {
      return answer(apps, request, await text(request));
    } catch {
      // No JSON, a path that is not URL-encoded, or a client that went away while it sent.
      return refusal("invalid_request");
    }
  };
  const server = createServer(async (request, response) => {
    const { status, body } = await answerTo(request);
    if (body) response.setHeader("content-type", "application/json");
    response.writeHead(status).end(body && JSON.stringify(body));
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    apiKey,
    baseUrl: `http://127.0.0.1:${port}`,
    close: (): void => {
      server.close();
      server.closeAllConnections();
    },
  };
};
