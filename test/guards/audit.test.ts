import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
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
import { type AuditRecord, openAudit } from "../../src/guards/audit.ts";

// The real one, watched, so that a test can cut a write short.
vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  return { ...fs, writeSync: vi.fn(fs.writeSync) };
});
const watched = vi.mocked(writeSync);

beforeEach(() => {
  watched.mockClear();
});

const recordOf = (userId: string): AuditRecord => ({
  time: "2026-01-01T00:00:00.000Z",
  client: "test",
  client_version: "1",
  sandbox: false,
  app_id: "54e9ujn",
  user_id: userId,
  keys: ["first_name"],
  status: "updated",
  code: null,
  http_status: null,
  attempts: 1,
  ms: 1,
  request_id: null,
});

const newFile = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "audit-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "audit.jsonl");
};

const open = (file: string) => {
  const onLost = vi.fn();
  const audit = openAudit(file, onLost);
  return { onLost, log: (userId: string) => audit.begin().write(recordOf(userId)) };
};

const usersIn = (file: string): unknown[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line).user_id);

const makePipe = (path: string) => void execFileSync("mkfifo", [path]);
const hindrances: [what: string, make: (path: string) => void, code: string][] = [
  ["a directory", (path) => void mkdirSync(path), "EISDIR"],
  ["a pipe", makePipe, "is a pipe"],
  ["a link to a pipe", (path) => linkToPipe(path), "is a pipe"],
  ["a link to itself", (path) => symlinkSync(path, path), "ELOOP"],
  ["a link into nowhere", (path) => symlinkSync("/nonexistent/file", path), "ENOENT"],
];
const linkToPipe = (path: string) => {
  makePipe(`${path}.pipe`);
  symlinkSync(`${path}.pipe`, path);
};

describe("opening", () => {
  it("makes the file at once, for its owner alone", () => {
    const file = newFile();
    open(file);
    expect(readFileSync(file, "utf8")).toBe("");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("keeps what an existing file holds, and its mode", () => {
    const file = newFile();
    writeFileSync(file, '{"user_id":"before"}\n', { mode: 0o640 });
    open(file).log("a");
    expect(usersIn(file)).toEqual(["before", "a"]);
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it.each(hindrances)("fails where the path is %s", (_, make, code) => {
    const file = newFile();
    make(file);
    expect(() => open(file)).toThrow(code);
  });

  it("fails where there is no such folder", () => {
    expect(() => open(join(newFile(), "deeper"))).toThrow("ENOENT");
  });
});

describe("a line", () => {
  it("is one JSON object, appended in one write", () => {
    const file = newFile();
    const { log } = open(file);
    watched.mockClear();
    log("a");
    log("b");
    expect(watched).toHaveBeenCalledTimes(2);
    const [first] = readFileSync(file, "utf8").split("\n");
    expect(JSON.parse(first ?? "")).toEqual(recordOf("a"));
    expect(usersIn(file)).toEqual(["a", "b"]);
  });

  it("goes to the path, whatever became of the file behind it", () => {
    const file = newFile();
    const { log } = open(file);
    log("a");
    renameSync(file, `${file}.1`);
    log("b");
    expect(usersIn(`${file}.1`)).toEqual(["a"]);
    expect(usersIn(file)).toEqual(["b"]);
    rmSync(file);
    log("c");
    expect(usersIn(file)).toEqual(["c"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("that could not be written comes first in the file as soon as it can be", () => {
    const file = newFile();
    const { log, onLost } = open(file);
    rmSync(file);
    symlinkSync("/dev/full", file);
    log("a");
    expect(onLost).toHaveBeenCalledTimes(1);
    expect(() => log("b")).toThrow("ENOSPC");
    rmSync(file);
    log("c");
    expect(usersIn(file)).toEqual(["a", "c"]);
    log("d");
    expect(usersIn(file)).toEqual(["a", "c", "d"]);
    expect(onLost).toHaveBeenCalledTimes(1);
  });

  it("that was cut short is completed, not repeated", async () => {
    const file = newFile();
    const { log, onLost } = open(file);
    const { writeSync: whole } = await vi.importActual<typeof import("node:fs")>("node:fs");
    watched.mockImplementationOnce((fd, bytes) => whole(fd, String(bytes).slice(0, 10)));
    log("a");
    expect(onLost).toHaveBeenCalledTimes(1);
    expect(readFileSync(file, "utf8")).toHaveLength(10);
    log("b");
    expect(usersIn(file)).toEqual(["a", "b"]);
  });

  it.each(hindrances)("is refused beforehand where the path has become %s", (_, make, code) => {
    const file = newFile();
    const { log, onLost } = open(file);
    rmSync(file);
    make(file);
    expect(() => log("a")).toThrow(code);
    expect(onLost).not.toHaveBeenCalled();
    rmSync(file, { recursive: true });
    log("b");
    expect(usersIn(file)).toEqual(["b"]);
  });

  it("of a call that is in flight waits for no other", () => {
    const file = newFile();
    const audit = openAudit(file, () => {});
    const entries = ["a", "b", "c"].map((userId) => ({ userId, entry: audit.begin() }));
    for (const { userId, entry } of entries.reverse()) entry.write(recordOf(userId));
    expect(usersIn(file)).toEqual(["c", "b", "a"]);
  });
});
