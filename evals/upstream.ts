import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** Keys and values by `app/user`. */
export type Store = Record<string, Record<string, string>>;

export type User = { email?: string; profile: Record<string, string> };

/** What happens to one PATCH: the change is made and the answer lost, or an answer of this kind. */
export type Fault = "lose" | { status: number; headers: Record<string, string> };

export type World = {
  /** Users by `app/user`. */
  users: Record<string, User>;
  /** Keys that this Prelude refuses. */
  reserved?: readonly string[];
  /** By app: what every request gets. */
  refuses?: Readonly<Record<string, readonly [status: number, code: string]>>;
  /** Played for the PATCHes that would succeed, in order. */
  faults?: Fault[];
  /** Played once `faults` are used up; left out: nothing goes wrong any more. */
  thereafter?: Fault;
};

type Answer = { status: number; body?: object; headers?: Record<string, string> };

const error = (status: number, code: string): Answer => ({
  status,
  body: { code, status: "word", message: `About ${code}.` },
});

const route = /^\/v2\/session\/apps\/([^/]+)\/users(?:\/([^/]+?))?(\/profile)?$/;
const time = "2026-01-02T03:04:05Z";

const shown = (place: string, { email, profile }: User) => {
  const identifiers = email === undefined ? [] : [{ type: "email_address", value: email }];
  const id = place.split("/")[1];
  return { id, status: "active", identifiers, profile, created_at: time, updated_at: time };
};

const find = (world: World, app: string, wanted: string | null): Answer => {
  const users = Object.entries(world.users)
    .filter(([place, { email }]) => place.startsWith(`${app}/`) && email === wanted)
    .map(([place, user]) => shown(place, user));
  return { status: 200, body: { users } };
};

const bodyOf = async (request: IncomingMessage): Promise<Record<string, string>> => {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text === "" ? {} : JSON.parse(text).profile;
};

/** What becomes of a PATCH of a user who is there; "lost": it is applied and never answered. */
const patch = (world: World, user: User, profile: Record<string, string>): Answer | "lost" => {
  if (Object.keys(profile).some((key) => world.reserved?.includes(key)))
    return error(400, "reserved_profile_key");
  const fault = world.faults?.shift() ?? world.thereafter;
  if (typeof fault === "object") return { ...error(fault.status, "error"), headers: fault.headers };
  Object.assign(user.profile, profile);
  return fault === "lose" ? "lost" : { status: 204 };
};

const answerOf = (world: World, method: string, url: URL, profile: Record<string, string>) => {
  const [, app = "", id] = route.exec(url.pathname) ?? [];
  const refused = world.refuses?.[app];
  if (refused) return error(...refused);
  if (!Object.keys(world.users).some((place) => place.startsWith(`${app}/`)))
    return error(404, "app_not_found");
  if (id === undefined) return find(world, app, url.searchParams.get("identifier_value"));
  const user = world.users[`${app}/${id}`];
  if (!user) return error(404, "user_not_found");
  if (method === "PATCH") return patch(world, user, profile);
  return { status: 200, body: { user: shown(`${app}/${id}`, user) } };
};

/**
 * A loopback server in Prelude's place, with the operations that the product uses: PATCH of a
 * profile (merging, a choice of its own), GET of a user, and the search by address. Changes the
 * given world.
 */
export const startUpstream = async (world: World) => {
  const server = createServer(async (request, response) => {
    const { method = "", url = "/", socket } = request;
    const profile = await bodyOf(request);
    const answer: Answer | "lost" = answerOf(world, method, new URL(url, "http://up"), profile);
    if (answer === "lost") return socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    return response.end(answer.body && JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: (): void => {
      server.close();
      server.closeAllConnections();
    },
  };
};

/** What the profiles of a world hold, as a copy. */
export const storeOf = (world: World): Store =>
  Object.fromEntries(
    Object.entries(world.users).map(([place, { profile }]) => [place, { ...profile }]),
  );
