import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type App = { disabled?: true; users: readonly string[] };

/** Apps and users of the API document's examples, and one app more to show `session_disabled`. */
const seed: Readonly<Record<string, App>> = {
  "54e9ujn": { users: ["usr_01jqebhswje1ka1z7ahr9rfsgt", "usr_01jqy7455pf8p9bap5qke912g1"] },
  fvua38g: { users: ["usr_01jqy7455pf8p9bap5qke912g1"] },
  disabled: { disabled: true, users: ["usr_01jqebhswje1ka1z7ahr9rfsgt"] },
};

/** The sandbox's own choice: Prelude publishes no list of reserved keys. */
const sandboxReservedKeys: ReadonlySet<string> = new Set(["sub", "user_id", "created_at"]);

type ApiError = { code: string; status: string; message: string };

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

type Outcome = keyof typeof errors | "updated";
type Profile = Map<string, string>;

const route = /^\/v2\/session\/apps\/([^/]+)\/users\/([^/]+)\/profile$/;
const maxBodyBytes = 1024 * 1024;

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBodyBytes) break;
  }
  return Buffer.concat(chunks).toString("utf8");
};

/** The entries of a valid request body (`PatchUserProfileRequest`), or undefined. */
const parsePatch = (body: string): [key: string, value: unknown][] | undefined => {
  try {
    const { profile } = JSON.parse(body) as { profile?: unknown };
    if (typeof profile !== "object" || profile === null || Array.isArray(profile)) return undefined;
    const entries = Object.entries(profile);
    return entries.every(([, value]) => typeof value === "string") ? entries : undefined;
  } catch {
    return undefined;
  }
};

type Pins = { appId?: string | undefined; userId?: string | undefined };

/** The seeds, and what the operator pinned, so that a real configuration can be rehearsed. */
const seeded = ({ appId, userId }: Pins): Map<string, App> => {
  const [example] = Object.values(seed);
  const all = { ...seed, ...(appId && !Object.hasOwn(seed, appId) && { [appId]: example }) };
  const pinned = userId === undefined ? [] : [userId];
  return new Map(
    Object.entries(all as Record<string, App>).map(([id, app]) => [
      id,
      { ...app, users: [...new Set([...app.users, ...pinned])] },
    ]),
  );
};

/**
 * Starts an embedded Prelude on a free loopback port: the documented contract of the one operation
 * over real HTTP, with profiles in memory. Merging a patch into the profile is its own choice; the
 * API document does not say. `GET /sandbox/profiles` shows what it holds, and is not Prelude's.
 */
export const startSandbox = async (pins: Pins = {}) => {
  const apiKey = randomBytes(16).toString("hex");
  const apps = seeded(pins);
  const profiles = new Map<string, Profile>();
  for (const [app, { users }] of apps) {
    for (const user of users) profiles.set(`${app}/${user}`, new Map());
  }

  const update = (
    appId: string,
    userId: string,
    key: string | undefined,
    body: string,
  ): Outcome => {
    if (key !== `Bearer ${apiKey}`) return "invalid_api_token";
    const app = apps.get(appId);
    if (!app) return "app_not_found";
    if (app.disabled) return "session_disabled";
    const profile = profiles.get(`${appId}/${userId}`);
    if (!profile) return "user_not_found";
    const entries = parsePatch(body);
    if (!entries) return "invalid_request";
    if (entries.some(([name]) => sandboxReservedKeys.has(name))) return "reserved_profile_key";
    for (const [name, value] of entries) profile.set(name, value as string);
    return "updated";
  };

  const respond = (response: ServerResponse, status: number, body?: object): void => {
    if (!body) {
      response.writeHead(status).end();
      return;
    }
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };

  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    if (request.method === "GET" && path === "/sandbox/profiles") {
      const held = [...profiles].map(([id, profile]) => [id, Object.fromEntries(profile)]);
      respond(response, 200, Object.fromEntries(held));
      return;
    }
    const [, appId, userId] = route.exec(path) ?? [];
    if (request.method !== "PATCH" || appId === undefined || userId === undefined) {
      respond(response, 404, { message: "no such route" });
      return;
    }
    let outcome: Outcome = "invalid_request";
    try {
      const body = await readBody(request);
      const { authorization } = request.headers;
      outcome = update(decodeURIComponent(appId), decodeURIComponent(userId), authorization, body);
    } catch {
      // A path that is not URL-encoded, or a client that went away while it sent.
    }
    if (outcome === "updated") {
      respond(response, 204);
      return;
    }
    const [status, word, message] = errors[outcome];
    const error: ApiError = { code: outcome, status: word, message };
    respond(response, status, error);
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    /** The bearer key that it accepts, made anew at each start. */
    apiKey,
    baseUrl: `http://127.0.0.1:${port}`,
    close: (): void => {
      server.close();
      server.closeAllConnections();
    },
  };
};
