import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createStore, type Fixed, type Refusal } from "./store.ts";

// Codes, statuses and messages of the API document. The document has no answer for a missing or
// wrong key; this one follows Prelude's global error codes.
const errors = {
  invalid_request: [400, "bad_request", "The request body is invalid."],
  reserved_profile_key: [400, "bad_request", "The profile key is reserved and cannot be used."],
  invalid_api_token: [401, "unauthorized", "The API token is invalid."],
  session_disabled: [403, "forbidden", "Session management is disabled for this application."],
  app_not_found: [404, "not_found", "The application was not found."],
  user_not_found: [404, "not_found", "The user was not found."],
} as const satisfies Record<Refusal | "invalid_api_token", readonly [number, string, string]>;

type Answer = { status: number; body?: object };

const refusal = (code: keyof typeof errors): Answer => {
  const [status, word, message] = errors[code];
  return { status, body: { code, status: word, message } };
};

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
const parsePatch = (body: string): [key: string, value: string][] | undefined => {
  try {
    const { profile } = JSON.parse(body) as { profile?: unknown };
    if (typeof profile !== "object" || profile === null || Array.isArray(profile)) return undefined;
    const entries = Object.entries(profile);
    return entries.every(([, value]) => typeof value === "string") ? entries : undefined;
  } catch {
    return undefined;
  }
};

const route = /^\/v2\/session\/apps\/([^/]+)\/users(?:\/([^/]+)(\/profile)?)?$/;

/** Answers one request, once its body is read. */
const answer = (
  store: ReturnType<typeof createStore>,
  { method, url = "" }: IncomingMessage,
  body: string,
): Answer => {
  const { pathname, searchParams } = new URL(url, "http://sandbox");
  const [, app, user, profile] = route.exec(pathname) ?? [];
  const noSuchRoute = { status: 404, body: { message: "no such route" } };
  if (app === undefined) return noSuchRoute;
  const appId = decodeURIComponent(app);
  const userId = user === undefined ? undefined : decodeURIComponent(user);
  if (method === "PATCH" && userId !== undefined && profile) {
    const refused = store.update(appId, userId, parsePatch(body));
    return refused ? refusal(refused) : { status: 204 };
  }
  if (method !== "GET" || profile) return noSuchRoute;
  const found =
    userId === undefined
      ? store.list(appId, searchParams.get("identifier_type"), searchParams.get("identifier_value"))
      : store.get(appId, userId);
  return typeof found === "string" ? refusal(found) : { status: 200, body: found };
};

const respond = (response: ServerResponse, { status, body }: Answer): void => {
  if (!body) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};

/**
 * Starts an embedded Prelude on a free loopback port: the documented contract of the operations
 * used here over real HTTP, with users and profiles in memory. It answers nobody without its key,
 * which is made anew at each start.
 */
export const startSandbox = async (fixed: Fixed = {}) => {
  const apiKey = randomBytes(16).toString("hex");
  const store = createStore(fixed, () => new Date().toISOString());

  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== `Bearer ${apiKey}`) {
      respond(response, refusal("invalid_api_token"));
      return;
    }
    try {
      respond(response, answer(store, request, await readBody(request)));
    } catch {
      // A path that is not URL-encoded, or a client that went away while it sent.
      respond(response, refusal("invalid_request"));
    }
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
