import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOutline } from "../../../src/mcp/stdio/outline.ts";

const outlineOf = (bytes: Uint8Array, cuts: readonly number[] = []) => {
  const outline = createOutline();
  let from = 0;
  for (const cut of [...[...cuts].sort((a, b) => a - b), bytes.length]) {
    outline.scan(Buffer.from(bytes.subarray(from, cut)));
    from = Math.max(from, cut);
  }
  return outline;
};

/** What the outline is to be, by way of a parser that knows the whole. */
const emptied = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shut);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shut(one)]));
};
const shut = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? [] : {};
};

describe("an outline", () => {
  const names = fc.oneof(
    fc.constantFrom("id", "method", "result", "error", "", "__proto__", '"id":1,'),
    fc.string({ unit: "binary", maxLength: 9 }),
  );
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.oneof(
        names,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom(null, true),
      ),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(names, tie("value"), { maxKeys: 4 }),
    ),
  })).value;

  it("is what a parser finds at the top of any JSON text, in whatever pieces it comes", () => {
    const cuts = fc.array(fc.nat(200), { maxLength: 10 });
    const spaces = fc.constantFrom(undefined, 1, "\t");
    fc.assert(
      fc.property(values, cuts, spaces, (value, at, space) => {
        const text = JSON.stringify(value, undefined, space);
        const { head } = outlineOf(Buffer.from(text), at);
        expect(JSON.stringify(head())).toBe(JSON.stringify(emptied(JSON.parse(text))));
      }),
      { numRuns: 5_000 },
    );
  });

  it("finds no other id in any bytes than a parser does", () => {
    const part = fc.constantFrom(...'{}[],:"\\ 1', '"id"', '"id":1', '"id":"a"', "\u00e9");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const text = parts.join("");
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          return;
        }
        expect(outlineOf(Buffer.from(text)).head()).toEqual(emptied(value));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ["nothing", ""],
    ["half an object", '{"id":1'],
    ["two objects", '{"id":1}{"id":2}'],
    ["an object behind closing brackets", ']]{"id":1}'],
    ["blanks inside a number", '{"id":1 2}'],
    ["too many members", `{${'"a":1,'.repeat(5_000)}"id":1}`],
    [
      "a long object and rubbish behind it",
      `{"a":"${"x".repeat(7_000)}","b":"${"x".repeat(8_000)}"}${" x".repeat(10_000)}`,
    ],
  ])("is none of %s", (_, text) => {
    expect(outlineOf(Buffer.from(text)).head()).toBeUndefined();
  });

  it("is none of bytes that are not UTF-8, where it would show them", () => {
    const text = (inside: number[], outside: number[]) =>
      Buffer.concat([
        Buffer.from('{"params":{"a":"'),
        Buffer.from(inside),
        Buffer.from('"},"id":"'),
        Buffer.from(outside),
        Buffer.from('"}'),
      ]);
    expect(outlineOf(text([0xff], [0x61])).head()).toEqual({ params: {}, id: "a" });
    expect(outlineOf(text([0x61], [0xff])).head()).toBeUndefined();
  });

  it("counts values without those that a text seems to hold", () => {
    expect(outlineOf(Buffer.from('{"a":[1,2,{"b":3}],"c":"[,{\\",["}')).values()).toBe(6);
  });
});
