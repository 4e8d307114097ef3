import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { createOutput } from "../../../src/mcp/stdio/output.ts";

const message = (id: number) => ({ jsonrpc: "2.0", id, result: {} });
const progress = { jsonrpc: "2.0", method: "notifications/progress", params: {} };
const line = (value: object) => `${JSON.stringify(value)}\n`;
const turn = () => new Promise(setImmediate);

/** A pipe that notes what it gets in each call; while it is stuck it takes nothing more. */
const start = ({ isStuck = false } = {}) => {
  const calls: string[] = [];
  const stdout = new Writable({
    decodeStrings: false,
    write: (chunk, _, done) => {
      calls.push(chunk);
      if (!isStuck) done();
    },
    writev: (chunks, done) => {
      calls.push(chunks.map(({ chunk }) => chunk).join(""));
      if (!isStuck) done();
    },
  });
  return { calls, stdout, ...createOutput(stdout) };
};

it("writes a message at once where no other is to be expected", () => {
  const { write, calls } = start();
  write(message(1));
  expect(calls).toEqual([line(message(1))]);
});

it("writes those of one turn together where others are to be expected", async () => {
  const { write, writeWithOthers, calls } = start();
  for (const id of [1, 2]) writeWithOthers(message(id));
  // The last one finds the others waiting, and does not pass them.
  write(message(3));
  expect(calls).toEqual([]);
  await turn();
  expect(calls).toEqual([[1, 2, 3].map((id) => line(message(id))).join("")]);
  writeWithOthers(message(4));
  await turn();
  expect(calls.at(-1)).toBe(line(message(4)));
});

it("drops progress, and nothing else, while nobody reads", () => {
  const { write, isBlocked, stdout } = start({ isStuck: true });
  write(progress);
  expect(isBlocked()).toBe(false);
  const long = { jsonrpc: "2.0", id: 1, result: { text: "x".repeat(1024 * 1024) } };
  write(long);
  expect(isBlocked()).toBe(true);
  const before = stdout.writableLength;
  write(progress);
  expect(stdout.writableLength).toBe(before);
  write(message(2));
  expect(stdout.writableLength).toBe(before + line(message(2)).length);
});

it("writes nothing after the end", () => {
  const { write, calls, stdout } = start();
  stdout.end();
  write(message(1));
  expect(calls).toEqual([]);
});
