import { describe, expect, test } from "vitest";
import { type GroupAnswer, separateReserved } from "../../src/profile/reserved-keys.ts";

/** Every way to choose which of the keys are reserved, except none. */
const subsets = (keys: readonly string[]): Set<string>[] =>
  Array.from(
    { length: 2 ** keys.length - 1 },
    (_, i) => new Set(keys.filter((_, bit) => ((i + 1) >> bit) & 1)),
  );

const names = (count: number) => Array.from({ length: count }, (_, i) => `key${i}`);

/** Most requests that the search may take beside the one that was refused. */
const most = (reserved: number, keys: number) => 2 * reserved * (Math.log2(keys) + 1) + 1;

const api = (reserved: ReadonlySet<string>) => {
  const sent: (readonly string[])[] = [];
  const merged = new Set<string>();
  let replaced = new Set<string>();
  const send = async (group: readonly string[]): Promise<GroupAnswer> => {
    sent.push(group);
    if (group.some((key) => reserved.has(key))) return "reserved";
    for (const key of group) merged.add(key);
    replaced = new Set(group);
    return "accepted";
  };
  return { send, sent, merged, replaced: () => replaced };
};

describe("every choice of reserved keys", () => {
  test.each([1, 2, 3, 4, 5, 7, 8, 9])("among %d", async (count) => {
    const keys = names(count);
    for (const reserved of subsets(keys)) {
      const { send, sent, merged, replaced } = api(reserved);
      const rest = keys.filter((key) => !reserved.has(key));
      const found = await separateReserved(keys, send);
      expect(found).toEqual({
        accepted: rest,
        reserved: keys.filter((key) => reserved.has(key)),
        stopped: false,
      });
      // The profile is right whether a patch adds to it or takes its place.
      expect(merged).toEqual(new Set(rest));
      expect(replaced()).toEqual(new Set(rest));
      if (rest.length > 0) expect(sent.at(-1)).toEqual(rest);
      expect(sent.length).toBeLessThanOrEqual(most(reserved.size, count));
      for (const group of sent) expect(group.length).toBeGreaterThan(0);
    }
  });
});

test.each([16, 100, 1_000])("one reserved among %d keys takes few requests", async (count) => {
  const keys = names(count);
  for (const key of [0, count >> 1, count - 1]) {
    const { send, sent } = api(new Set([`key${key}`]));
    const { accepted, reserved, stopped } = await separateReserved(keys, send);
    expect([accepted.length, reserved, stopped]).toEqual([count - 1, [`key${key}`], false]);
    expect(sent.length).toBeLessThanOrEqual(most(1, count));
  }
});

test("a stop at any request ends the search with what was acknowledged", async () => {
  const keys = names(8);
  for (const reserved of subsets(keys)) {
    const whole = api(reserved);
    await separateReserved(keys, whole.send);
    for (let last = 0; last < whole.sent.length; last++) {
      const { send, sent, merged } = api(reserved);
      const found = await separateReserved(keys, async (group) =>
        sent.length === last ? "stop" : send(group),
      );
      expect(found.stopped).toBe(true);
      expect(new Set(found.accepted)).toEqual(merged);
      expect(sent).toHaveLength(last);
      for (const key of found.reserved) expect(reserved).toContain(key);
    }
  }
});

test("a search without end is stopped", async () => {
  const keys = names(5_000);
  let requests = 0;
  const found = await separateReserved(keys, async () => {
    requests += 1;
    return "reserved";
  });
  expect(found.stopped).toBe(true);
  expect(requests).toBe(1_000);
});

test("an API that refuses the accepted keys together is not believed", async () => {
  const { accepted, stopped } = await separateReserved(["a", "x", "b"], async (group) =>
    group.length > 1 || group.includes("x") ? "reserved" : "accepted",
  );
  expect(accepted).toEqual(["a", "b"]);
  expect(stopped).toBe(true);
});
