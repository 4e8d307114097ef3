/** What a search found out, in the order of the call's keys. */
export type Separation<Why> = {
  /** Keys that the API acknowledged. */
  accepted: string[];
  /** Keys that the API refused when each was sent alone. */
  reserved: string[];
  /** What became of the last PATCH, of all accepted keys together, if it was sent. */
  together?: "accepted" | "reserved";
  /** What ended the search before its time, and the keys that it was about. */
  stopped?: { group: readonly string[]; why: Why };
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
export const separateReserved = async <Why extends { code: string }>(
  keys: readonly string[],
  send: (group: readonly string[]) => Promise<Why | undefined>,
  mayGoOn: () => boolean,
): Promise<Separation<Why>> => {
  const accepted: string[] = [];
  const reserved: string[] = [];
  const waiting = halvesOf(keys);
  let written: readonly string[] = [];
  for (let next = waiting.shift(); next && mayGoOn(); next = waiting.shift()) {
    const { group, isLeft } = next;
    const why = await send(group);
    if (why && why.code !== "reserved_profile_key") {
      return { accepted, reserved, stopped: { group, why } };
    }
    written = why ? [] : group;
    if (!why) accepted.push(...group);
    else if (group.length === 1) reserved.push(...group);
    else waiting.unshift(...halvesOf(group));
    const other = waiting[0]?.group ?? [];
    // Then it is for the right half that both were refused; a single key is asked about all the same.
    if (!why && isLeft && other.length > 1) waiting.splice(0, 1, ...halvesOf(other));
  }
  if (accepted.length === 0) return { accepted, reserved };
  const why = written.length === accepted.length ? undefined : await send(accepted);
  if (!why) return { accepted, reserved, together: "accepted" };
  return why.code === "reserved_profile_key"
    ? { accepted, reserved, together: "reserved" }
    : { accepted, reserved, stopped: { group: accepted, why } };
};
