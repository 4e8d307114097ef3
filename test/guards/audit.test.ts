import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { openAudit } from "../../src/guards/audit.ts";
import { temporaryFolder } from "../support/guarded.ts";

// The real one, watched, so that a test can cut a write short.
vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  return { ...fs, appendFileSync: vi.fn(fs.appendFileSync) };
});
const really = await vi.importActual<typeof import("node:fs")>("node:fs");

/** The next line is written in part only. */
const cutShort = (length: number) =>
  vi.mocked(appendFileSync).mockImplementationOnce((path, data) => {
    really.appendFileSync(path, String(data).slice(0, length));
    throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
  });

const open = () => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const audit = openAudit(file, () => {});
  const attempt = (id: string) => audit.attempt({ event: "attempt", call_id: id });
  const outcome = (id: string) => audit.outcome({ event: "outcome", call_id: id });
  const lines = () => readFileSync(file, "utf8").split("\n").slice(0, -1);
  return { attempt, outcome, lines };
};

it.each([1, 10, 30])(
  "an attempt of which the disk took %d bytes is refused, and the next line stands alone",
  (length) => {
    const { attempt, lines } = open();
    cutShort(length);
    expect(() => attempt("a")).toThrow("ENOSPC");
    attempt("b");
    expect(lines()[0]).toHaveLength(length);
    expect(lines().slice(1)).toEqual(['{"event":"attempt","call_id":"b"}']);
  },
);

it("an outcome of which the disk took a part is written again, whole, before anything else", () => {
  const { attempt, outcome, lines } = open();
  attempt("a");
  cutShort(10);
  outcome("a");
  attempt("b");
  const whole = lines().slice(2);
  expect(whole.map((line) => JSON.parse(line).call_id)).toEqual(["a", "b"]);
});
