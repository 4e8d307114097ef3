import { describe, expect, test } from "vitest";
import { type GroupAnswer, separateReserved } from "../../src/profile/reserved-keys.ts";

type Answer = GroupAnswer<string>;
type Send = (group: readonly string[]) => Promise<Answer>;

const search = (keys: readonly string[], send: Send, mayGoOn = () => true) =>
  separateReserved<string>(keys, send, mayGoOn);

/** Every way to choose which of the keys are reserved, except none. */
const subsets = (keys: readonly string[]): Set<string>[] =>
  Array.from(
    { length: 2 ** keys.length - 1 },
    (_, i) => new Set(keys.filter((_, bit) => ((i + 1) >> bit) & 1)),
  );

const names = (count: number) => Array.from({ length: count }, (_, i) => `key${i}`);

/** Most requests that the search may take beside the one that was refused. */
const most = (reserved: number, keys: number) => 2 * reserved * Math.ceil(Math.log2(keys)) + 1;

/** `rivals`: keys that are refused together, and accepted otherwise. */
const api = (reserved: ReadonlySet<string>, rivals: readonly string[] = []) => {
  const sent: (readonly string[])[] = [];
  const merged = new Set<string>();
  let replaced = new Set<string>();
  const send: Send = async (group) => {
    sent.push(group);
    if (group.some((key) => reserved.has(key))) return "reserved";
    if (rivals.length > 0 && rivals.every((key) => group.includes(key))) return "reserved";
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
      if (count === 1) continue;
      const { send, sent, merged, replaced } = api(reserved);
      const rest = keys.filter((key) => !reserved.has(key));
      const found = await search(keys, send);
      expect(found).toEqual({
        accepted: rest,
        reserved: keys.filter((key) => reserved.has(key)),
        ...(rest.length > 0 && { together: "accepted" }),
      });
      // The profile is right whether a patch adds to it or takes its place.
      expect(merged).toEqual(new Set(rest));
      expect(replaced()).toEqual(new Set(rest));
      if (rest.length > 0) expect(sent.at(-1)).toEqual(rest);
      expect(sent.length).toBeLessThanOrEqual(most(reserved.size, count));
      for (const group of sent) expect(group.length).toBeGreaterThan(0);
      // Nothing is called reserved that was not refused alone.
      for (const key of reserved) expect(sent).toContainEqual([key]);
    }
  });
});

test.each([16, 100, 1_000])("one reserved among %d keys takes few requests", async (count) => {
  const keys = names(count);
  for (const key of [0, count >> 1, count - 1]) {
    const { send, sent } = api(new Set([`key${key}`]));
    const { accepted, reserved, together } = await search(keys, send);
    expect([accepted.length, reserved, together]).toEqual([count - 1, [`key${key}`], "accepted"]);
    expect(sent.length).toBeLessThanOrEqual(most(1, count));
  }
});

test("a first refusal that was wrong makes no key reserved: all are written together", async () => {
  for (const count of [2, 3, 5, 8]) {
    const keys = names(count);
    const { send, sent } = api(new Set());
    expect(await search(keys, send)).toEqual({
      accepted: keys,
      reserved: [],
      together: "accepted",
    });
    expect(sent.at(-1)).toEqual(keys);
  }
});

test("keys that are refused only together are named, and none of them is called reserved", async () => {
  const keys = names(6);
  for (const [a, b] of keys.flatMap((a, i) => keys.slice(i + 1).map((b) => [a, b] as const))) {
    for (const reserved of [[], keys.filter((key) => key !== a && key !== b).slice(0, 1)]) {
      const { send, merged } = api(new Set(reserved), [a, b]);
      const found = await search(keys, send);
      expect(found.reserved).toEqual(reserved);
      expect(found.together).toBe("reserved");
      expect(found.accepted).toEqual(expect.arrayContaining([a, b]));
      expect(new Set(found.accepted)).toEqual(merged);
    }
  }
});

test("a stop at any request ends the search with what was acknowledged", async () => {
  const keys = names(8);
  for (const reserved of subsets(keys)) {
    const whole = api(reserved);
    await search(keys, whole.send);
    for (let last = 0; last < whole.sent.length; last++) {
      const { send, sent, merged } = api(reserved);
      const found = await search(keys, async (group) =>
        sent.length === last ? { stop: "why" } : send(group),
      );
      expect(found.stopped).toEqual({ group: whole.sent[last], why: "why" });
      expect(found.together).toBeUndefined();
      expect(new Set(found.accepted)).toEqual(merged);
      expect(sent).toHaveLength(last);
      for (const key of found.reserved) expect(reserved).toContain(key);
    }
  }
});

test("a search that may not go on still writes all accepted keys together", async () => {
  const keys = names(8);
  for (const reserved of subsets(keys)) {
    const whole = api(reserved);
    await search(keys, whole.send);
    for (let last = 0; last < whole.sent.length; last++) {
      const { send, sent, merged, replaced } = api(reserved);
      const found = await search(keys, send, () => sent.length < last);
      expect(sent.length).toBeLessThanOrEqual(last + 1);
      expect(new Set(found.accepted)).toEqual(merged);
      expect(replaced()).toEqual(merged);
      expect(found.together).toBe(merged.size > 0 ? "accepted" : undefined);
      for (const key of found.reserved) expect(sent).toContainEqual([key]);
    }
  }
});
