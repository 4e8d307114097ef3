import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openAudit } from "../../src/guards/audit.ts";

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

const newFile = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "audit.jsonl");
};

const open = (file: string) => {
  const onLost = vi.fn();
  const audit = openAudit(file, onLost);
  const attempt = (id: string) => audit.attempt({ event: "attempt", call_id: id });
  const outcome = (id: string) => audit.outcome({ event: "outcome", call_id: id });
  const refuse = (id: string) => audit.refused({ event: "refused", call_id: id });
  return { check: audit.check, onLost, attempt, outcome, refuse };
};

/** Each line as "event id"; fails where one is not a whole record. */
const linesIn = (file: string): string[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const { event, call_id } = JSON.parse(line);
      return `${event} ${call_id}`;
    });

const makePipe = (path: string) => void execFileSync("mkfifo", [path]);
const linkToPipe = (path: string) => {
  makePipe(`${path}.pipe`);
  symlinkSync(`${path}.pipe`, path);
};
const hindrances: [what: string, make: (path: string) => void, code: string][] = [
  ["a directory", (path) => void mkdirSync(path), "EISDIR"],
  ["a pipe", makePipe, "is a pipe"],
  ["a link to a pipe", linkToPipe, "is a pipe"],
  ["a link to itself", (path) => symlinkSync(path, path), "ELOOP"],
  ["a link into nowhere", (path) => symlinkSync("/nonexistent/file", path), "ENOENT"],
];
const fullDisk = (path: string) => symlinkSync("/dev/full", path);

describe("the file", () => {
  it("is made at once, for its owner alone", () => {
    const file = newFile();
    open(file);
    expect(readFileSync(file, "utf8")).toBe("");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("keeps what it holds, and its mode", () => {
    const file = newFile();
    writeFileSync(file, '{"event":"refused","call_id":"before"}\n', { mode: 0o640 });
    open(file).refuse("a");
    expect(linesIn(file)).toEqual(["refused before", "refused a"]);
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it.each(hindrances)("cannot be %s", (_, make, code) => {
    const file = newFile();
    make(file);
    expect(() => open(file)).toThrow(code);
  });

  it("is found by its path for each line, and made again if it was moved or deleted", () => {
    const file = newFile();
    const { attempt, outcome } = open(file);
    attempt("a");
    renameSync(file, `${file}.1`);
    outcome("a");
    expect(linesIn(`${file}.1`)).toEqual(["attempt a"]);
    expect(linesIn(file)).toEqual(["outcome a"]);
    rmSync(file);
    attempt("b");
    expect(linesIn(file)).toEqual(["attempt b"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe("half a line", () => {
  it.each([
    ["half a record", '{"event":"attem'],
    ["a whole record without its line break", '{"event":"attempt"}'],
    ["half a character", Buffer.from("é").subarray(0, 1)],
  ])("of another life, %s, is ended when the file is opened", (_, half) => {
    const file = newFile();
    writeFileSync(file, half);
    const { refuse } = open(file);
    expect(readFileSync(file)).toEqual(Buffer.concat([Buffer.from(half), Buffer.from("\n")]));
    refuse("a");
    expect(readFileSync(file, "latin1").split("\n")[1]).toMatch(/^\{"event":"refused".*\}$/);
  });

  it.each([1, 10, 30])(
    "of %d bytes that the disk had room for: the attempt is refused",
    (length) => {
      const file = newFile();
      const { attempt } = open(file);
      cutShort(length);
      expect(() => attempt("a")).toThrow("ENOSPC");
      attempt("b");
      const [half, ...rest] = readFileSync(file, "utf8").split("\n");
      expect(half).toHaveLength(length);
      expect(rest).toEqual(['{"event":"attempt","call_id":"b"}', ""]);
    },
  );

  it("of an outcome: it is written again, whole, before anything else", () => {
    const file = newFile();
    const { attempt, outcome, onLost } = open(file);
    attempt("a");
    cutShort(10);
    outcome("a");
    expect(onLost.mock.calls).toEqual([["outcome"]]);
    attempt("b");
    const lines = readFileSync(file, "utf8").split("\n").slice(2, -1);
    expect(lines.map((line) => JSON.parse(line).call_id)).toEqual(["a", "b"]);
  });
});

describe.each([...hindrances, ["a full disk", fullDisk, "ENOSPC"] as const])(
  "a path that has become %s",
  (what, make, code) => {
    it("lets no attempt through, and none before each outcome is in the file", () => {
      const file = newFile();
      const { check, attempt, outcome, refuse, onLost } = open(file);
      attempt("a");
      attempt("b");
      rmSync(file);
      make(file);
      expect(() => attempt("c")).toThrow(code);
      if (what !== "a full disk") expect(check).toThrow(code);
      refuse("c");
      outcome("b");
      outcome("a");
      expect(onLost.mock.calls).toEqual([["refused"], ["outcome"], ["outcome"]]);
      expect(check).toThrow(code);
      expect(() => attempt("c")).toThrow(code);
      rmSync(file, { recursive: true });
      attempt("c");
      expect(linesIn(file)).toEqual(["outcome b", "outcome a", "attempt c"]);
    });
  },
);
