import { expect, it } from "vitest";
import { createPace } from "../../../src/mcp/stdio/pace.ts";

const turn = () => new Promise(setImmediate);

/** Takes these steps, each about so many bytes, and notes how many each turn took. */
const run = async (steps: number[]) => {
  const turns: number[] = [];
  let taken = 0;
  const left = [...steps];
  const goOn = createPace(
    () => {
      const bytes = left.shift();
      if (bytes !== undefined) taken += 1;
      return bytes;
    },
    () => {
      turns.push(taken);
      taken = 0;
    },
  );
  goOn();
  while (left.length > 0) await turn();
  await turn();
  return turns;
};

it.each<[what: string, steps: number[], turns: number[]]>([
  ["nothing", [], [0]],
  ["a few small ones", [100, 100, 100], [3]],
  ["many small ones", Array(150).fill(100), [64, 64, 22]],
  ["blank lines", Array(65).fill(0), [64, 1]],
  ["large ones", [70_000, 70_000, 10], [1, 1, 1]],
  ["one beside small ones", [100, 70_000, 100], [2, 1]],
])("%s: so many in each turn of the event loop", async (_, steps, turns) => {
  expect(await run(steps)).toEqual(turns);
});

it("does not begin a second turn while one is due", async () => {
  const steps = Array<number>(100).fill(1);
  let rests = 0;
  const goOn = createPace(
    () => steps.shift(),
    () => {
      rests += 1;
    },
  );
  goOn();
  expect(steps).toHaveLength(36);
  goOn();
  expect([steps.length, rests]).toEqual([36, 2]);
  await turn();
  expect(steps).toHaveLength(0);
});
