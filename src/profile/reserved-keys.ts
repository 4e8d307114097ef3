/** How the API answered a PATCH of some of the keys; `stop`: the search cannot go on, and why. */
export type GroupAnswer<Stop> = "accepted" | "reserved" | { stop: Stop };

/** What a search found out, in the order of the call's keys. */
export type Separation<Stop> = {
  /** Keys that the API acknowledged. */
  accepted: string[];
  /** Keys that the API refused when each was sent alone. */
  reserved: string[];
  /** Keys that the API refused together, though it acknowledged every one of them in other company. */
  refusedTogether: string[];
  /** True: the last that the API acknowledged was one PATCH of all accepted keys. */
  wroteTogether: boolean;
  /** The answer that ended the search, and the keys that it was about. */
  stopped?: { group: readonly string[]; why: Stop };
};

export type SearchOptions<Stop> = {
  send: (group: readonly string[]) => Promise<GroupAnswer<Stop>>;
  /** Asked before each request but the last; false: the search is to be brought to its end. */
  mayGoOn: () => boolean;
};

type Search<Stop> = SearchOptions<Stop> & {
  accepted: Set<string>;
  reserved: Set<string>;
  refusedTogether: Set<string>;
  /** Size of the group that the last request wrote; 0 where it wrote nothing. */
  lastWritten: number;
  stopped?: { group: readonly string[]; why: Stop };
};

/** What became of a group: all accepted; what was refused in it is known; or the search ended. */
type Finding = "accepted" | "explained" | "ended";

const addAll = (set: Set<string>, keys: readonly string[]): void => {
  for (const key of keys) set.add(key);
};

const ask = async <Stop>(search: Search<Stop>, group: readonly string[]) => {
  const answer = await search.send(group);
  if (typeof answer === "object") {
    search.stopped = { group, why: answer.stop };
    return "ended";
  }
  search.lastWritten = answer === "accepted" ? group.length : 0;
  if (answer === "accepted") addAll(search.accepted, group);
  return answer;
};

/** Sends the group, and looks into it if the API refuses it. */
const explore = async <Stop>(search: Search<Stop>, group: readonly string[]): Promise<Finding> => {
  if (!search.mayGoOn()) return "ended";
  const answer = await ask(search, group);
  if (answer !== "reserved") return answer;
  if (group.length > 1) return exploreRefused(search, group);
  addAll(search.reserved, group);
  return "explained";
};

/** Looks into a group that the API refused as a whole. */
const exploreRefused = async <Stop>(
  search: Search<Stop>,
  group: readonly string[],
): Promise<Finding> => {
  const finding = await exploreHalves(search, group);
  if (finding !== "accepted") return finding;
  addAll(search.refusedTogether, group);
  return "explained";
};

const exploreHalves = async <Stop>(
  search: Search<Stop>,
  group: readonly string[],
): Promise<Finding> => {
  const middle = group.length >> 1;
  const [left, right] = [group.slice(0, middle), group.slice(middle)];
  const first = await explore(search, left);
  if (first === "ended") return first;
  // All of the left is fine, so what was refused is on the right, and need not be sent again as a
  // whole; a single key is: only when it was sent alone is it known to be reserved.
  const deduced = first === "accepted" && right.length > 1;
  const second = await (deduced ? exploreHalves(search, right) : explore(search, right));
  return second === "accepted" ? first : second;
};

/** Makes sure that the profile holds all accepted keys, even if a patch takes its place. */
const writeTogether = async <Stop>(
  search: Search<Stop>,
  accepted: readonly string[],
): Promise<boolean> => {
  if (search.stopped || accepted.length === 0) return false;
  if (search.lastWritten === accepted.length) return true;
  const answer = await ask(search, accepted);
  if (answer === "reserved" && search.refusedTogether.size === 0) {
    addAll(search.refusedTogether, accepted);
  }
  return answer === "accepted";
};

/**
 * Finds the reserved keys of a patch that the API refused as a whole, by sending halves of what is
 * known to hold one, and ends with one PATCH of all accepted keys together: so the profile is right
 * whether the API merges a patch into it or replaces it, which the API document does not say.
 *
 * Takes at most 2·r·(log2 n + 1) + 1 requests for r reserved of n keys.
 */
export const separateReserved = async <Stop>(
  keys: readonly string[],
  options: SearchOptions<Stop>,
): Promise<Separation<Stop>> => {
  const search: Search<Stop> = {
    ...options,
    accepted: new Set(),
    reserved: new Set(),
    refusedTogether: new Set(),
    lastWritten: 0,
  };
  const among = (set: ReadonlySet<string>) => keys.filter((key) => set.has(key));
  await exploreRefused(search, keys);
  const accepted = among(search.accepted);
  const wroteTogether = await writeTogether(search, accepted);
  const separation = {
    accepted,
    reserved: among(search.reserved),
    refusedTogether: wroteTogether ? [] : among(search.refusedTogether),
    wroteTogether,
  };
  return search.stopped ? { ...separation, stopped: search.stopped } : separation;
};
