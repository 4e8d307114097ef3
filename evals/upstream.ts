import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** Keys and values by `app/user`. */
export type Store = Record<string, Record<string, string>>;

export type User = { email?: string; phone?: string; profile: Record<string, string> };

/** What happens to one PATCH: the change is made and the answer lost, or an answer of this kind. */
export type Fault = "lose" | { status: number; code?: string; headers?: Record<string, string> };

export type World = {
  /** Users by `app/user`. */
  users: Record<string, User>;
  /** Keys that this Prelude refuses. */
  reserved?: readonly string[];
  /** The app for which session management is off. */
  disabledApp?: string;
  /** True: whatever key comes, it is not the right one. */
  refusesKey?: true;
  /** Played for the PATCHes that would succeed, in order. */
  faults?: readonly Fault[];
  /** Played once `faults` are used up; left out: nothing goes wrong any more. */
  thereafter?: Fault;
};

/** One request as it came, for the transcript. */
export type Seen = { method: string; path: string; keys: string[]; answer: number | "lost" };

type Answer = { status: number; body?: object; headers?: Record<string, string> };
type Played = { answer: Answer; lost?: true };

const error = (status: number, code: string): Answer => ({
  status,
  body: { code, status: "word", message: `About ${code}.` },
});

const route = /^\/v2\/session\/apps\/([^/]+)\/users(?:\/([^/]+?))?(\/profile)?$/;
const time = "2026-01-02T03:04:05Z";

const shown = (place: string, { email, phone, profile }: User) => {
  const identifiers: object[] = [];
  if (email !== undefined) identifiers.push({ type: "email_address", value: email });
  if (phone !== undefined) identifiers.push({ type: "phone_number", value: phone });
  const id = place.split("/")[1];
  return { id, status: "active", identifiers, profile, created_at: time, updated_at: time };
};

const find = (world: World, app: string, query: URLSearchParams): Answer => {
  const wanted = query.get("identifier_value")?.toLowerCase();
  const name = query.get("identifier_type") === "phone_number" ? "phone" : "email";
  const users = Object.entries(world.users)
    .filter(([place, user]) => place.startsWith(`${app}/`) && user[name]?.toLowerCase() === wanted)
    .map(([place, user]) => shown(place, user));
  return { status: 200, body: { users } };
};

const bodyOf = async (request: IncomingMessage): Promise<Record<string, string>> => {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text === "" ? {} : JSON.parse(text).profile;
};

/**
 * A loopback server in Prelude's place, with the operations that the product uses: PATCH of a
 * profile (merging, a choice of its own), GET of a user, and the search by address or number.
 * Changes the given world, and records every request.
 */
export const startUpstream = async (world: World) => {
  const seen: Seen[] = [];
  const faults = [...(world.faults ?? [])];

  const patch = (user: User, profile: Record<string, string>): Played => {
    if (Object.keys(profile).some((key) => world.reserved?.includes(key)))
      return { answer: error(400, "reserved_profile_key") };
    const fault = faults.shift() ?? world.thereafter;
    if (fault !== undefined && fault !== "lose") {
      const { status, code = "error", headers = {} } = fault;
      return { answer: { ...error(status, code), headers } };
    }
    Object.assign(user.profile, profile);
    return fault === "lose" ? { answer: { status: 204 }, lost: true } : { answer: { status: 204 } };
  };

  const answerOf = (method: string, url: URL, profile: Record<string, string>): Played => {
    const [, app, id, ofProfile] = route.exec(url.pathname) ?? [];
    if (app === undefined || (method === "PATCH") !== (ofProfile !== undefined))
      return { answer: { status: 404 } };
    if (world.refusesKey) return { answer: error(401, "invalid_api_token") };
    if (!Object.keys(world.users).some((place) => place.startsWith(`${app}/`)))
      return { answer: error(404, "app_not_found") };
    if (world.disabledApp === app) return { answer: error(403, "session_disabled") };
    if (id === undefined) return { answer: find(world, app, url.searchParams) };
    const user = world.users[`${app}/${id}`];
    if (!user) return { answer: error(404, "user_not_found") };
    if (method === "PATCH") return patch(user, profile);
    return { answer: { status: 200, body: { user: shown(`${app}/${id}`, user) } } };
  };

  const server = createServer(async (request, response) => {
    const { method = "", url = "/", socket } = request;
    const profile = await bodyOf(request);
    const { answer, lost } = answerOf(method, new URL(url, "http://upstream"), profile);
    seen.push({
      method,
      path: url,
      keys: Object.keys(profile),
      answer: lost ? "lost" : answer.status,
    });
    if (lost) return socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    return response.end(answer.body && JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    /** A copy of what the profiles hold now. */
    store: (): Store => storeOf(world),
    close: (): void => {
      server.close();
      server.closeAllConnections();
    },
  };
};

export type Upstream = Awaited<ReturnType<typeof startUpstream>>;

/** What the profiles of a world hold, as a copy. */
export const storeOf = (world: World): Store =>
  Object.fromEntries(
    Object.entries(world.users).map(([place, { profile }]) => [place, { ...profile }]),
  );
