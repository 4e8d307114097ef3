/** How the API answered a PATCH of some of the keys; `stop`: the search cannot go on. */
export type GroupAnswer = "accepted" | "reserved" | "stop";

export type Separation = {
  /** Keys that the API acknowledged, in the order of the call. */
  accepted: string[];
  reserved: string[];
  /** True: `send` said stop, or the request budget ran out, before everything was settled. */
  stopped: boolean;
};

/** Most requests one search may take; the deadline of the call usually comes first. */
const maxRequests = 1_000;

/**
 * Finds the reserved keys of a patch that the API refused as a whole, by sending halves of what is
 * known to hold one, and ends with one PATCH of all accepted keys together: so the profile is right
 * whether the API merges a patch into it or replaces it, which the API document does not say.
 *
 * Takes at most 2·r·(log2 n + 1) + 1 requests for r reserved of n keys.
 */
export const separateReserved = async (
  keys: readonly string[],
  send: (group: readonly string[]) => Promise<GroupAnswer>,
): Promise<Separation> => {
  const accepted = new Set<string>();
  const reserved: string[] = [];
  let requests = 0;
  /** Size of the group that the last request wrote; 0 where it wrote nothing. */
  let lastWritten = 0;

  const ask = async (group: readonly string[]): Promise<GroupAnswer> => {
    if (++requests > maxRequests) return "stop";
    const answer = await send(group);
    lastWritten = answer === "accepted" ? group.length : 0;
    if (answer === "accepted") for (const key of group) accepted.add(key);
    return answer;
  };

  /** `group` holds a reserved key. False: stopped. */
  const search = async (group: readonly string[]): Promise<boolean> => {
    if (group.length === 1) return reserved.push(group[0] as string) > 0;
    const middle = group.length >> 1;
    const [left, right] = [group.slice(0, middle), group.slice(middle)];
    const leftAnswer = await ask(left);
    if (leftAnswer === "stop") return false;
    // All of the left is fine, so the reserved key is on the right: no need to ask.
    if (leftAnswer === "accepted") return search(right);
    if (!(await search(left))) return false;
    const rightAnswer = await ask(right);
    return rightAnswer === "reserved" ? search(right) : rightAnswer === "accepted";
  };

  let finished = await search(keys);
  const kept = () => keys.filter((key) => accepted.has(key));
  if (finished && accepted.size > lastWritten) finished = (await ask(kept())) === "accepted";
  return { accepted: kept(), reserved, stopped: !finished };
};
