type Identifier = { type: "email_address" | "phone_number"; value: string };

type User = {
  id: string;
  identifiers: readonly Identifier[];
  profile: Map<string, string>;
  /** RFC 3339. */
  createdAt: string;
  updatedAt: string;
};

type App = { disabled: boolean; users: Map<string, User> };

// The users of the API document's examples. Their addresses and numbers are of the kinds that are
// kept free for examples (RFC 2606; +1 202 555 01xx).
const jane = "usr_01jqebhswje1ka1z7ahr9rfsgt";
const sam = "usr_01jqy7455pf8p9bap5qke912g1";

const people: Readonly<Record<string, { identifiers: Identifier[]; profile: [string, string][] }>> =
  {
    [jane]: {
      identifiers: [
        { type: "email_address", value: "jane@example.com" },
        { type: "phone_number", value: "+12025550123" },
      ],
      profile: [
        ["first_name", "Jane"],
        ["last_name", "Miller"],
        ["locale", "en-GB"],
        ["newsletter", "weekly"],
      ],
    },
    [sam]: {
      identifiers: [
        { type: "email_address", value: "sam@example.com" },
        { type: "phone_number", value: "+12025550156" },
      ],
      profile: [
        ["first_name", "Sam"],
        ["locale", "fr-FR"],
      ],
    },
  };

/** Apps of the API document's examples, and one app more to show `session_disabled`. */
const apps: readonly { id: string; users: readonly string[]; disabled?: true }[] = [
  { id: "54e9ujn", users: [jane, sam] },
  { id: "fvua38g", users: [sam] },
  { id: "disabled", users: [jane], disabled: true },
];

/** The sandbox's own choice: Prelude publishes no list of reserved keys. */
const reservedKeys: ReadonlySet<string> = new Set(["sub", "user_id", "created_at"]);

/** What the operator fixed; it exists in the sandbox too, so that a real configuration can be rehearsed. */
export type Fixed = { appId?: string | undefined; userId?: string | undefined };

/** The codes of the API document. */
export type Refusal =
  | "invalid_request"
  | "reserved_profile_key"
  | "session_disabled"
  | "app_not_found"
  | "user_not_found";

const newUser = (id: string, now: string): User => {
  const { identifiers = [], profile = [] } = people[id] ?? {};
  return { id, identifiers, profile: new Map(profile), createdAt: now, updatedAt: now };
};

const seeded = ({ appId, userId }: Fixed, now: string): Map<string, App> => {
  const known = apps.some(({ id }) => id === appId);
  const all = appId === undefined || known ? apps : [...apps, { id: appId, users: [jane, sam] }];
  return new Map(
    all.map(({ id, users, disabled = false }) => {
      const ids = new Set(userId === undefined ? users : [...users, userId]);
      return [id, { disabled, users: new Map([...ids].map((user) => [user, newUser(user, now)])) }];
    }),
  );
};

/** A user as Prelude's reference shows one ("Get user"). */
const shown = (user: User) => ({
  id: user.id,
  status: "active",
  identifiers: user.identifiers,
  profile: Object.fromEntries(user.profile),
  created_at: user.createdAt,
  updated_at: user.updatedAt,
});

/**
 * The users and profiles of the sandbox, in memory. That it merges a patch into the profile, and
 * which keys it reserves, are its own choices; Prelude's documents say neither.
 *
 * @param now the time as RFC 3339
 */
export const createStore = (fixed: Fixed, now: () => string) => {
  const known = seeded(fixed, now());

  const find = (appId: string, userId: string): User | Refusal => {
    const app = known.get(appId);
    if (!app) return "app_not_found";
    if (app.disabled) return "session_disabled";
    return app.users.get(userId) ?? "user_not_found";
  };

  return {
    /** Sets the keys of a user's profile; undefined where that was done. */
    update: (
      appId: string,
      userId: string,
      patch: readonly (readonly [string, string])[] | undefined,
    ): Refusal | undefined => {
      const user = find(appId, userId);
      if (typeof user === "string") return user;
      if (!patch) return "invalid_request";
      if (patch.some(([key]) => reservedKeys.has(key))) return "reserved_profile_key";
      for (const [key, value] of patch) user.profile.set(key, value);
      user.updatedAt = now();
      return undefined;
    },

    /** One user, by id. */
    get: (appId: string, userId: string) => {
      const user = find(appId, userId);
      return typeof user === "string" ? user : { user: shown(user) };
    },

    /** The users who have this address or number. */
    list: (appId: string, type: string | null, value: string | null) => {
      const app = known.get(appId);
      if (!app) return "app_not_found";
      if (app.disabled) return "session_disabled";
      if (type === null || value === null) return "invalid_request";
      const wanted = value.toLowerCase();
      const has = ({ identifiers }: User) =>
        identifiers.some((one) => one.type === type && one.value.toLowerCase() === wanted);
      return { users: [...app.users.values()].filter(has).map(shown) };
    },
  };
};
