import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { gate, startGuarded, temporaryFolder } from "../support/guarded.ts";
import { app, type Json, user } from "../support/server-process.ts";
import { apiError, type Handler, noContent } from "../support/upstream.ts";
import { linesOf } from "./harness.ts";

const args = { app_id: app, user_id: user, profile: { first_name: "Jane", plan: "pro" } };

type Setup = Parameters<typeof startGuarded>[0];

const startAudited = async (setup: Setup = {}) => {
  const file = join(temporaryFolder(), "audit.jsonl");
  const env = { ...setup.env, PRELUDE_AUDIT_LOG: file };
  return { file, ...(await startGuarded({ ...setup, env })) };
};

const shortly = ({ event, status }: Json): string =>
  status ? `${event} ${status}` : String(event);
const written = ["attempt", "outcome updated"];
const shortLines = (file: string): string[] => linesOf(file).map(shortly);

/** Whole lines as they stand in the file, but for times and ids. */
const plainText = (file: string): string =>
  readFileSync(file, "utf8")
    .replaceAll(/"call_id":"[\da-f-]{36}"/g, '"call_id":"ID"')
    .replaceAll(/"pid":\d+,"server_version":"[\d.]+"/g, '"pid":0,"server_version":"0.0.0"')
    .replaceAll(/"time":"\d{4}-\d\d-\d\dT[\d:.]{12}Z"/g, '"time":"TIME"')
    .replaceAll(/"ms":\d+/g, '"ms":0');

test("each line is complete, and its members keep their order", async () => {
  const missing = apiError(404, "user_not_found", "No.", { "x-request-id": "req_7" });
  const { file, server } = await startAudited({ answers: [noContent, missing] });
  await server.callTool(args);
  await server.callTool(args);
  await server.callTool({ ...args, user_id: "..", extra: 1 });
  expect(plainText(file)).toMatchSnapshot();
});

test("names are on one line and visible, cut at 256 characters", async () => {
  const { file, server } = await startAudited();
  const clientInfo = { name: `a\tb\u202e"}${"x".repeat(900)}`, version: "1\r\n2" };
  await server.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo,
  });
  await server.callTool({ ...args, profile: { first_name: "x" } });
  expect(plainText(file)).toMatchSnapshot();
});

test("no value is in the file, wherever one was sent", async () => {
  const secret = "the-value-nobody-may-see";
  const answers = [apiError(400, "invalid_request", `${secret} is not valid`)];
  const { file, server } = await startAudited({ answers });
  const calls = [
    { ...args, profile: { first_name: secret } },
    { ...args, profile: { first_name: [secret] } },
    { ...args, app_id: `${secret} ` },
    { ...args, user_id: secret },
    { ...args, profile: secret },
    { ...args, extra: secret },
  ];
  for (const call of calls) await server.callTool(call);
  expect(linesOf(file).filter(({ event }) => event !== "attempt")).toHaveLength(calls.length);
  expect(readFileSync(file, "utf8")).not.toContain(secret);
});

test("the file is its owner's alone, and made anew where it was moved away", async () => {
  const { file, server } = await startAudited();
  await server.callTool(args);
  renameSync(file, `${file}.1`);
  await server.callTool(args);
  for (const path of [file, `${file}.1`]) {
    expect(shortLines(path)).toEqual(written);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  }
});

test("half a line of another life is ended first", async () => {
  const file = join(temporaryFolder(), "audit.jsonl");
  writeFileSync(file, '{"time":"2026');
  const { server } = await startGuarded({ env: { PRELUDE_AUDIT_LOG: file } });
  await server.callTool(args);
  const [half, ...rest] = readFileSync(file, "utf8").split("\n");
  expect(half).toBe('{"time":"2026');
  expect(rest.slice(0, -1).map((line) => shortly(JSON.parse(line)))).toEqual(written);
});

const broken: [what: string, make: (path: string) => unknown][] = [
  ["a folder", (path) => mkdirSync(path)],
  ["a pipe", (path) => execFileSync("mkfifo", [path])],
  ["a full disk", (path) => symlinkSync("/dev/full", path)],
];

test.each(broken)("in place of the file %s: nothing is sent until it is fixed", async (_, make) => {
  const { file, server, upstream } = await startAudited();
  rmSync(file);
  make(file);
  const { structured } = await server.callTool(args);
  expect(structured).toMatchSnapshot();
  expect(upstream.received).toEqual([]);
  expect((await server.callTool({})).structured.error?.code).toBe("invalid_arguments");
  rmSync(file, { recursive: true });
  expect((await server.callTool(args)).structured.status).toBe("updated");
  expect(shortLines(file).slice(-2)).toEqual(written);
});

test("nobody is asked about a write that could not be recorded", async () => {
  const env = { PRELUDE_CONFIRM: "true" };
  const { file, server } = await startAudited({ env, capabilities: { elicitation: {} } });
  rmSync(file);
  mkdirSync(file);
  expect((await server.callTool(args)).structured.error?.code).toBe("audit_unavailable");
  expect(server.messages.map(({ method }) => method)).not.toContain("elicitation/create");
});

test("an outcome that could not be written holds up the next attempt until it is", async () => {
  const { file, server, upstream } = await startAudited();
  const fillDisk: Handler = (...exchange) => {
    renameSync(file, `${file}.1`);
    symlinkSync("/dev/full", file);
    noContent(...exchange);
  };
  upstream.play(fillDisk, noContent);
  expect((await server.callTool(args)).structured.status).toBe("updated");
  expect((await server.callTool(args)).structured.error?.code).toBe("audit_unavailable");
  expect(upstream.received).toHaveLength(1);
  rmSync(file);
  expect((await server.callTool(args)).structured.status).toBe("updated");
  expect(shortLines(`${file}.1`)).toEqual(["attempt"]);
  expect(shortLines(file)).toEqual(["outcome updated", "outcome updated", ...written].slice(1));
});

test("the attempt is in the file even where the process is killed in its midst", async () => {
  const arrived = gate();
  const { file, server, upstream } = await startAudited();
  upstream.play(arrived.open);
  server.callTool(args).catch(() => {});
  await arrived.opened;
  server.child.kill("SIGKILL");
  await server.exited;
  expect(shortLines(file)).toEqual(["attempt"]);
});
