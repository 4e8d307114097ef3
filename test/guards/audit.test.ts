import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import {
  type AttemptLine,
  type OutcomeLine,
  openAudit,
  type RefusedLine,
} from "../../src/guards/audit.ts";

// The real one, watched, so that a test can cut a write short.
vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  return { ...fs, openSync: vi.fn(fs.openSync), writeSync: vi.fn(fs.writeSync) };
});
const watched = vi.mocked(writeSync);
const opened = vi.mocked(openSync);
const really = await vi.importActual<typeof import("node:fs")>("node:fs");

beforeEach(() => {
  watched.mockClear();
});

const beginningOf = (id: string) => ({
  call_id: id,
  time: "2026-01-01T00:00:00.000Z",
  tool: "update_user_profile",
  client: "test",
  client_version: "1",
  sandbox: false,
  app_id: "54e9ujn",
  user_id: "usr_1",
  keys: ["first_name"],
});
const ending = {
  status: "updated",
  code: null,
  updated_keys: ["first_name"],
  http_status: 204,
  request_id: null,
  attempts: 1,
  ms: 1,
};
const attemptOf = (id: string): AttemptLine => ({ event: "attempt", ...beginningOf(id) });
const outcomeOf = (id: string): OutcomeLine => ({
  event: "outcome",
  ...beginningOf(id),
  ...ending,
});
const refusedOf = (id: string): RefusedLine => ({
  event: "refused",
  ...beginningOf(id),
  ...ending,
});

const newFile = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "audit.jsonl");
};

const open = (file: string) => {
  const onLost = vi.fn();
  const audit = openAudit(file, onLost);
  const attempt = (id: string) => audit.attempt(attemptOf(id));
  const refuse = (id: string) => audit.refused(refusedOf(id));
  const call = (id: string) => attempt(id).outcome(outcomeOf(id));
  return { audit, onLost, attempt, refuse, call };
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
  ["a full disk", (path) => symlinkSync("/dev/full", path), "ENOSPC"],
];

describe("opening", () => {
  it("makes the file at once, for its owner alone", () => {
    const file = newFile();
    open(file);
    expect(readFileSync(file, "utf8")).toBe("");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("keeps what an existing file holds, and its mode", () => {
    const file = newFile();
    writeFileSync(file, `${JSON.stringify(refusedOf("before"))}\n`, { mode: 0o640 });
    open(file).refuse("a");
    expect(linesIn(file)).toEqual(["refused before", "refused a"]);
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it.each(hindrances.filter(([what]) => what !== "a full disk"))(
    "fails where the path is %s",
    (_, make, code) => {
      const file = newFile();
      make(file);
      expect(() => open(file)).toThrow(code);
    },
  );

  it("fails where there is no such folder", () => {
    expect(() => open(join(newFile(), "deeper"))).toThrow("ENOENT");
  });
});

describe("a line", () => {
  it("is one JSON object, appended in one write", () => {
    const file = newFile();
    const { call, refuse } = open(file);
    call("a");
    refuse("b");
    expect(watched).toHaveBeenCalledTimes(3);
    const lines = readFileSync(file, "utf8").split("\n");
    expect(lines.map((line) => line && JSON.parse(line))).toEqual([
      attemptOf("a"),
      outcomeOf("a"),
      refusedOf("b"),
      "",
    ]);
  });

  it("goes to the path, whatever became of the file behind it", () => {
    const file = newFile();
    const { attempt } = open(file);
    const entry = attempt("a");
    renameSync(file, `${file}.1`);
    entry.outcome(outcomeOf("a"));
    expect(linesIn(`${file}.1`)).toEqual(["attempt a"]);
    expect(linesIn(file)).toEqual(["outcome a"]);
    rmSync(file);
    attempt("b");
    expect(linesIn(file)).toEqual(["attempt b"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("of a call in flight waits for no other", () => {
    const file = newFile();
    const { attempt } = open(file);
    const entries = ["a", "b", "c"].map((id) => ({ id, entry: attempt(id) }));
    for (const { id, entry } of entries.reverse()) entry.outcome(outcomeOf(id));
    const attempts = ["attempt a", "attempt b", "attempt c"];
    expect(linesIn(file)).toEqual([...attempts, "outcome c", "outcome b", "outcome a"]);
  });
});

describe("a file that ends in half a line", () => {
  it.each([
    ["half a record", '{"event":"attem'],
    ["a whole record without its line break", JSON.stringify(attemptOf("x"))],
    ["half a character", Buffer.from("é").subarray(0, 1)],
  ])("%s: the next record is on a line of its own", (_, half) => {
    const file = newFile();
    writeFileSync(file, half);
    const { call } = open(file);
    call("a");
    const lines = readFileSync(file).toString("latin1").split("\n");
    expect(lines[0]).toBe(Buffer.from(half).toString("latin1"));
    expect(lines.slice(1, -1).map((line) => JSON.parse(line).event)).toEqual([
      "attempt",
      "outcome",
    ]);
  });

  it("is seen each time, whoever left the half", () => {
    const file = newFile();
    const { call, refuse } = open(file);
    call("a");
    appendFileSync(file, '{"ev');
    refuse("b");
    expect(readFileSync(file, "utf8")).toContain(`{"ev\n{"event":"refused","call_id":"b"`);
  });

  it("gets a line break first where it may be written but not read", () => {
    const file = newFile();
    writeFileSync(file, '{"ev');
    opened.mockImplementation((path, flags, mode) => {
      const reading = (Number(flags) & constants.O_RDWR) !== 0;
      if (reading) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      return really.openSync(path, flags, mode);
    });
    onTestFinished(() => void opened.mockImplementation(really.openSync));
    const { call } = open(file);
    call("a");
    const lines = readFileSync(file, "utf8").split("\n");
    expect(lines[0]).toBe('{"ev');
    expect(lines.slice(1).filter((line) => line !== "")).toHaveLength(2);
  });
});

describe("a write that is cut short", () => {
  it("goes on where it stopped", () => {
    const file = newFile();
    const { call } = open(file);
    for (let i = 0; i < 3; i++) {
      watched.mockImplementationOnce((fd, bytes, offset) =>
        really.writeSync(fd, Buffer.from(bytes), Number(offset), 7),
      );
    }
    call("a");
    expect(linesIn(file)).toEqual(["attempt a", "outcome a"]);
  });

  const cutThenFail = (length: number) => {
    watched.mockImplementationOnce((fd, bytes, offset) =>
      really.writeSync(fd, Buffer.from(bytes), Number(offset), length),
    );
    watched.mockImplementationOnce(() => {
      throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
    });
  };

  it.each([1, 10, 100])("after %d bytes for good: an attempt is refused", (length) => {
    const file = newFile();
    const { attempt, call } = open(file);
    cutThenFail(length);
    expect(() => attempt("a")).toThrow("ENOSPC");
    call("b");
    const [half, ...rest] = readFileSync(file, "utf8").split("\n");
    expect(half).toHaveLength(length);
    expect(rest.slice(0, -1).map((line) => JSON.parse(line).call_id)).toEqual(["b", "b"]);
  });

  it("after nothing at all: an attempt is refused", () => {
    const { attempt } = open(newFile());
    watched.mockImplementationOnce(() => 0);
    expect(() => attempt("a")).toThrow("short write");
  });

  it("for good, of an outcome: it is written again, whole, before anything else", () => {
    const file = newFile();
    const { attempt, onLost } = open(file);
    const entry = attempt("a");
    cutThenFail(10);
    entry.outcome(outcomeOf("a"));
    expect(onLost.mock.calls).toEqual([["outcome"]]);
    attempt("b");
    const lines = readFileSync(file, "utf8").split("\n");
    expect(lines[1]).toBe(JSON.stringify(outcomeOf("a")).slice(0, 10));
    expect(lines.slice(2, -1).map((line) => JSON.parse(line))).toEqual([
      outcomeOf("a"),
      attemptOf("b"),
    ]);
  });
});

describe.each(hindrances)("a path that has become %s", (_, make, code) => {
  it("refuses attempts, says so at a check, and loses the line of a refused call aloud", () => {
    const file = newFile();
    const { audit, attempt, refuse, call, onLost } = open(file);
    rmSync(file);
    make(file);
    expect(() => attempt("a")).toThrow(code);
    if (code !== "ENOSPC") expect(() => audit.check()).toThrow(code);
    expect(onLost).not.toHaveBeenCalled();
    refuse("b");
    expect(onLost.mock.calls).toEqual([["refused"]]);
    rmSync(file, { recursive: true });
    call("c");
    expect(linesIn(file)).toEqual(["attempt c", "outcome c"]);
  });

  it("keeps outcomes, and lets no attempt through before they are in the file", () => {
    const file = newFile();
    const { audit, attempt, call, onLost } = open(file);
    const entries = ["a", "b"].map((id) => ({ id, entry: attempt(id) }));
    rmSync(file);
    make(file);
    for (const { id, entry } of entries) entry.outcome(outcomeOf(id));
    expect(onLost.mock.calls).toEqual([["outcome"], ["outcome"]]);
    expect(() => attempt("c")).toThrow(code);
    expect(() => audit.check()).toThrow(code);
    rmSync(file, { recursive: true });
    call("d");
    expect(linesIn(file)).toEqual(["outcome a", "outcome b", "attempt d", "outcome d"]);
  });
});
