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

type Half = { group: readonly string[]; isLeft: boolean };

const halvesOf = (group: readonly string[]): Half[] => {
  const middle = group.length >> 1;
  return [
    { group: group.slice(0, middle), isLeft: true },
    { group: group.slice(middle), isLeft: false },
  ];
};

/**
 * Finds the reserved keys of a patch that the API refused as a whole, by halving what is refused
 * until it is one key, and ends with one PATCH of all accepted keys together: so the profile is
 * right whether the API merges a patch into it or replaces it, which the API document does not say.
 *
 * @param mayGoOn asked before each request but the last; false: the search is brought to its end
 */
export const separateReserved = async <Stop>(
  keys: readonly string[],
  send: (group: readonly string[]) => Promise<GroupAnswer<Stop>>,
  mayGoOn: () => boolean,
): Promise<Separation<Stop>> => {
  const found: Separation<Stop> = { accepted: [], reserved: [] };
  const { accepted, reserved } = found;
  const waiting = halvesOf(keys);
  let written: readonly string[] = [];
  for (let next = waiting.shift(); next && mayGoOn(); next = waiting.shift()) {
    const { group, isLeft } = next;
    const answer = await send(group);
    if (typeof answer === "object") return { ...found, stopped: { group, why: answer.stop } };
    written = answer === "accepted" ? group : [];
    if (answer === "accepted") accepted.push(...group);
    else if (group.length === 1) reserved.push(...group);
    else waiting.unshift(...halvesOf(group));
    const other = waiting[0]?.group ?? [];
    // Then it is for the right half that both were refused; a single key is asked about all the same.
    if (answer === "accepted" && isLeft && other.length > 1) {
      waiting.splice(0, 1, ...halvesOf(other));
    }
  }
  if (accepted.length === 0) return found;
  if (written.length === accepted.length) return { ...found, together: "accepted" };
  const answer = await send(accepted);
  if (typeof answer === "string") return { ...found, together: answer };
  return { ...found, stopped: { group: accepted, why: answer.stop } };
};
