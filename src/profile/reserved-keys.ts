/** How the API answered a PATCH of some of the keys; `stop`: the search cannot go on, and why. */
export type GroupAnswer<Stop> = "accepted" | "reserved" | { stop: Stop };

/** What a search found out, in the order of the call's keys. */
export type Separation<Stop> = {
  /** Keys that the API acknowledged. */
  accepted: string[];
  /** Keys that the API refused when each was sent alone. */
  reserved: string[];
  /** What became of the last PATCH, of all accepted keys together, if it was sent. */
  together?: "accepted" | "reserved";
  /** The answer that ended the search, and the keys that it was about. */
  stopped?: { group: readonly string[]; why: Stop };
};

export type SearchOptions<Stop> = {
  send: (group: readonly string[]) => Promise<GroupAnswer<Stop>>;
  /** Asked before each request but the last; false: the search is to be brought to its end. */
  mayGoOn: () => boolean;
};

const halvesOf = (group: readonly string[]): (readonly string[])[] => {
  const middle = group.length >> 1;
  return [group.slice(0, middle), group.slice(middle)];
};

/**
 * Finds the reserved keys of a patch that the API refused as a whole, by halving what is refused
 * until it is one key, and ends with one PATCH of all accepted keys together: so the profile is
 * right whether the API merges a patch into it or replaces it, which the API document does not say.
 *
 * Takes at most 2·r·log2(n) + 1 requests for r reserved of n keys (n a power of two).
 */
export const separateReserved = async <Stop>(
  keys: readonly string[],
  { send, mayGoOn }: SearchOptions<Stop>,
): Promise<Separation<Stop>> => {
  const found: Separation<Stop> = { accepted: [], reserved: [] };
  const waiting = halvesOf(keys);
  let written: readonly string[] = [];
  for (let group = waiting.shift(); group && mayGoOn(); group = waiting.shift()) {
    const answer = await send(group);
    if (typeof answer === "object") return { ...found, stopped: { group, why: answer.stop } };
    written = answer === "accepted" ? group : [];
    if (answer === "accepted") found.accepted.push(...group);
    else if (group.length === 1) found.reserved.push(...group);
    else waiting.unshift(...halvesOf(group));
  }
  const { accepted } = found;
  if (accepted.length === 0) return found;
  if (written.length === accepted.length) return { ...found, together: "accepted" };
  const answer = await send(accepted);
  if (typeof answer === "string") return { ...found, together: answer };
  return { ...found, stopped: { group: accepted, why: answer.stop } };
};
