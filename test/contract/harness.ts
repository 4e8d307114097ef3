import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type FaultServer,
  honest,
  type Stage,
  type Step,
  startFaultServer,
} from "../support/fault-server.ts";
import {
  app,
  type Json,
  type RpcResponse,
  type ServerProcess,
  startServer,
  type ToolAnswer,
  toolAnswer,
} from "../support/server-process.ts";

/** The key of every server under test; it must come back nowhere. */
export const key = "sk_test_contract_4b7e";

/** What a row may build its arguments from; without what the group's settings fixed. */
export type Sound = {
  app_id?: string;
  user_id?: string;
  profile: Record<string, string>;
};

/** How a row's user can be looked up. */
export type Contact = { email: string; phone: string };

/** One promise: what Prelude does, what the client sends, and what must come of it. */
export type Row = {
  name: string;
  /** What Prelude answers, in order; the last one is repeated. A plain 204 unless given. */
  answers?: readonly Step[];
  /** What it answers to requests that read, in order; the last one is repeated. */
  looks?: readonly Step[];
  /** Keys that it refuses with 400 `reserved_profile_key`; and keys that it refuses only together. */
  reserved?: readonly string[];
  rivals?: readonly string[];
  /** The profile that is meant to be written; `first_name` unless given. */
  profile?: Record<string, string>;
  /** Sends `on_reserved_key: "skip"`. */
  skip?: true;
  /** The arguments of the call, where they are not just the sound ones. */
  args?: (sound: Sound, contact: Contact) => unknown;
  /** What the client replies to a question; without it, there must be no question. */
  reply?: { result: Json } | { error: Json };
  /**
   * The result, exactly, as `flat` gives it: `status`, the members of `error`, and what differs from
   * what is plain (ids that are not the row's own, `updated_keys` that are not all or none).
   */
  is: Json;
  /**
   * The requests that arrived: their number, each with the whole profile, or the keys of each, or
   * their number and the keys of the last one. One unless given.
   */
  requests?: number | readonly string[] | { count: number; last: string };
  /** The audit lines, as `auditLine` gives them, where they do not follow from the result. */
  audit?: readonly string[] | false;
};

/** Rows that one server process serves, at the same time unless they say otherwise. */
export type Group = {
  name: string;
  tool?: string;
  env?: Record<string, string>;
  capabilities?: Json;
  /** The revision of the protocol; that of 2026-07-28 has no `initialize`. */
  revision?: "2025-11-25" | "2026-07-28";
  /** One row after the other, for limits and for a fixed user. */
  inOrder?: true;
  /** A call of its own comes before the rows, so that their deadline is not spent on starting. */
  warm?: true;
  rows: readonly Row[];
};

type Played = {
  answer: ToolAnswer<Json>;
  user: string;
  contact: Contact;
  stage: Stage;
  question: string | undefined;
  /** The question ended a call of its own, as in 2026-07-28. */
  askedByResult: boolean;
  /** For each request, whether the audit had a line for it when it arrived. */
  recorded: boolean[];
  lines: Json[];
};

type House = { group: Group; server: ServerProcess; upstream: FaultServer; file: string };

const meta = (capabilities: Json): Json => ({
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": capabilities,
  "io.modelcontextprotocol/clientInfo": { name: "test-client", version: "1.2.3" },
});

/** Whole lines of an audit file, parsed. */
export const linesOf = (file: string): Json[] => {
  const text = readFileSync(file, "utf8");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Json);
};

/** The lines of a row's call. Who is looked up by an address has no id yet when it begins. */
const linesAbout = ({ file, group }: House, user: string): Json[] =>
  linesOf(file).filter(({ user_id }) => group.inOrder || user_id === user);

const soundArguments = ({ env = {} }: Group, row: Row, user: string): Sound => ({
  ...(!env.PRELUDE_APP_ID && { app_id: app }),
  ...(!env.PRELUDE_USER_ID && { user_id: user }),
  profile: row.profile ?? { first_name: "Jane" },
});

const argumentsOf = (group: Group, row: Row, user: string, contact: Contact): unknown => {
  const sound = soundArguments(group, row, user);
  if (row.args) return row.args(sound, contact);
  return row.skip ? { ...sound, on_reserved_key: "skip" } : sound;
};

/** Replies to the row's question once it is there, and gives its text. A stray one gets a no. */
const answerQuestion = async (
  server: ServerProcess,
  user: string,
  reply: Row["reply"],
  called: Promise<unknown>,
): Promise<string | undefined> => {
  const question = () =>
    server.messages.findLast(
      ({ method, params }) =>
        method === "elicitation/create" && String(params?.message).includes(user),
    );
  const before = question();
  const isAsked = () => question() !== before;
  await Promise.race([server.until(isAsked), called]);
  if (isAsked()) {
    const answer = reply ?? { result: { action: "decline" } };
    server.send({ jsonrpc: "2.0", id: question()?.id, ...answer });
  }
  await called;
  return isAsked() ? String(question()?.params?.message) : undefined;
};

type Conversation = { response: RpcResponse; question: string | undefined };

const callWithSession = async (house: House, row: Row, user: string, params: Json) => {
  const { group, server } = house;
  const response = server.request("tools/call", params);
  const mayAsk = group.env?.PRELUDE_CONFIRM !== undefined;
  const question = mayAsk ? await answerQuestion(server, user, row.reply, response) : undefined;
  return { response: await response, question };
};

/** A call of 2026-07-28: a question is a result, and its reply comes with the call made again. */
const callStateless = async ({ group, server }: House, row: Row, params: Json) => {
  const request = { ...params, _meta: meta(group.capabilities ?? {}) };
  const response = await server.request("tools/call", request);
  const { requestState, inputRequests } = response.result ?? {};
  if (!row.reply || requestState === undefined) return { response, question: undefined };
  const { confirm } = inputRequests as { confirm: { params: { message: string } } };
  const inputResponses = { confirm: "result" in row.reply ? row.reply.result : row.reply };
  const again = await server.request("tools/call", { ...request, requestState, inputResponses });
  return { response: again, question: confirm.params.message };
};

const playRow = async (house: House, row: Row, place: number): Promise<Played> => {
  const { group, upstream } = house;
  const number = String(place).padStart(4, "0");
  const user = group.env?.PRELUDE_USER_ID ?? `usr_${number}`;
  const contact = { email: `jane.${number}@example.com`, phone: `+1555010${number}` };
  const recorded: boolean[] = [];
  const watched =
    (step: Step): Step =>
    (exchange) => {
      recorded.push(linesAbout(house, user).at(-1)?.event === "attempt");
      return step(exchange);
    };
  const { answers = [honest], looks = [honest] } = row;
  const steps = answers.map(watched);
  const scene: Partial<Stage> = {
    steps,
    otherwise: steps.at(-1) ?? honest,
    looks: looks.map(watched),
    reserved: new Set(row.reserved),
    rivals: row.rivals ?? [],
  };
  const stage = upstream.stage(user, scene, [contact.email, contact.phone]);
  const earlier = linesAbout(house, user).length;
  const name = group.tool ?? "update_user_profile";
  const params = { name, arguments: argumentsOf(group, row, user, contact) };
  const { response, question }: Conversation =
    group.revision === "2026-07-28"
      ? await callStateless(house, row, params)
      : await callWithSession(house, row, user, params);
  const lines = linesAbout(house, user).slice(earlier);
  const askedByResult = group.revision === "2026-07-28" && question !== undefined;
  const answer = toolAnswer<Json>(response);
  return { answer, user, contact, stage, question, askedByResult, recorded, lines };
};

type Told = Played | Error;

/** What became of a row. One that is never answered fails by itself, not with all others. */
const tell = async (house: House, row: Row, place: number): Promise<Told> => {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(new Error("no answer within 20 s")), 20_000);
  });
  const played = playRow(house, row, place).catch((error: Error) => error);
  const told = await Promise.race([played, tooLate]);
  clearTimeout(timer);
  return told;
};

type GroupRecord = { told: Map<Row, Told>; validate: ValidateFunction; stderr: string };

const playGroup = async (
  group: Group,
  place: number,
  upstream: FaultServer,
  folder: string,
): Promise<GroupRecord> => {
  const { env = {}, capabilities, revision, tool = "update_user_profile", rows } = group;
  const file = join(folder, `${place}.jsonl`);
  const server = startServer({
    env: {
      PRELUDE_API_KEY: key,
      PRELUDE_BASE_URL: upstream.url,
      PRELUDE_AUDIT_LOG: file,
      ...env,
    },
  });
  if (revision !== "2026-07-28") await server.initialize(capabilities, revision);
  const { result } = await server.request("tools/list");
  const { tools } = result as { tools: { name: string; outputSchema: object }[] };
  const schema = tools.find(({ name }) => name === tool)?.outputSchema ?? {};
  const house = { group, server, upstream, file };
  const told = new Map<Row, Told>();
  const play = async (row: Row, index: number) => {
    told.set(row, await tell(house, row, place * 100 + index));
  };
  if (group.warm) await play({ name: "the first call", is: {} }, 99);
  if (group.inOrder) for (const [index, row] of rows.entries()) await play(row, index);
  else await Promise.all(rows.map(play));
  await server.close();
  return { told, validate: new Ajv({ strict: true }).compile(schema), stderr: server.stderr() };
};

const keysOf = (row: Row): string[] => Object.keys(row.profile ?? { first_name: "Jane" });

/** The result without what follows from the row, the error's members beside the others. */
const flat = (row: Row, { answer: { structured }, user }: Played): Json => {
  const { app_id, user_id, updated_keys = [], error = {}, ...rest } = structured;
  const { message, next_step, issues, retryable, ...facts } = error as Json;
  const plain = rest.status === "updated" ? keysOf(row) : [];
  const isPlain = JSON.stringify(updated_keys) === JSON.stringify(plain);
  return {
    ...rest,
    ...(app_id !== app && { app_id: app_id === user ? "USER" : (app_id ?? null) }),
    ...(user_id !== user && { user_id: user_id ?? null }),
    ...(!isPlain && { updated_keys }),
    ...facts,
    ...(retryable === true && { retryable }),
  };
};

/** A text without what only this row's user is called by, and without a slow machine's seconds. */
const anonymous = (text: string, { user, contact }: Played): string =>
  text
    .replaceAll(user, "USER")
    .replace(/\bWait 5\d s\b/, "Wait 60 s")
    .replaceAll(contact.email, "EMAIL")
    .replaceAll(encodeURIComponent(contact.email), "EMAIL")
    .replaceAll(contact.phone, "PHONE")
    .replaceAll(encodeURIComponent(contact.phone), "PHONE")
    // What is left of a minute.
    .replace(/Wait (?:[45]\d|60) s/, "Wait 60 s");

/** A request as the keys that it writes, or in full where it is not the documented one. */
const requestLine = (row: Row, played: Played, { method, path, rawBody }: Stage["received"][0]) => {
  const profile = row.profile ?? { first_name: "Jane" };
  const body = (() => {
    try {
      return JSON.parse(rawBody).profile as Json;
    } catch {
      return {};
    }
  })();
  const kept = Object.entries(profile).filter(([name]) => Object.hasOwn(body, name));
  const isPlain =
    method === "PATCH" &&
    path === `/v2/session/apps/${app}/users/${played.user}/profile` &&
    rawBody === JSON.stringify({ profile: Object.fromEntries(kept) });
  if (isPlain) return kept.map(([name]) => name).join(" ");
  return anonymous(`${method} ${path} ${rawBody}`.trim(), played);
};

/** One line of the audit, as far as it says what became of a call. */
const auditLine = ({ event, status, code, http_status, attempts, updated_keys }: Json): string => {
  if (event === "attempt") return "attempt";
  const why = code === null ? "" : ` ${code} ${http_status ?? "-"}`;
  return `${event}: ${status}${why}, attempts ${attempts}, keys [${updated_keys}]`;
};

/** The lines that a result must have left: one for what sent nothing, two for what did. */
const auditOf = ({ answer: { structured }, stage, askedByResult }: Played): string[] => {
  const requests = stage.received.length;
  const { status, updated_keys = [], error } = structured;
  const { code = null, http_status = null } = (error ?? {}) as Json;
  const event = requests > 0 ? "outcome" : "refused";
  const end = { event, status, code, http_status, attempts: requests, updated_keys };
  const asked = askedByResult
    ? ["refused: not_updated confirmation_asked -, attempts 0, keys []"]
    : [];
  return requests > 0 ? [...asked, "attempt", auditLine(end)] : [...asked, auditLine(end)];
};

/** What people and models read, one thing a line. */
const words = (played: Played): string => {
  const { answer, question } = played;
  const { error, ...rest } = answer.structured;
  const { message, next_step, issues = [] } = (error ?? {}) as Json;
  const said = [];
  if (question !== undefined) said.push(`? ${question}`);
  if (message !== undefined) said.push(String(message), `-> ${next_step}`);
  for (const { path, received, accepted } of issues as Json[]) {
    said.push(`* ${path}: ${received}; accepted: ${accepted}`);
  }
  if (rest.note !== undefined) said.push(String(rest.note));
  return anonymous(said.join("\n"), played);
};

const checkRequests = (row: Row, sent: readonly string[]): void => {
  const { requests = 1 } = row;
  if (typeof requests === "number") {
    expect(sent).toEqual(Array(requests).fill(keysOf(row).join(" ")));
  } else if ("count" in requests) {
    expect({ count: sent.length, last: sent.at(-1) }).toEqual(requests);
  } else expect(sent).toEqual(requests);
};

const check = (row: Row, played: Played, { validate, stderr }: GroupRecord): void => {
  const { answer, stage, lines, recorded, question } = played;
  const { structured, text, isError } = answer;
  expect(flat(row, played)).toEqual(row.is);
  const sent = stage.received.map((request) => requestLine(row, played, request));
  checkRequests(row, sent);
  // The attempt is on disk before its request is on the wire.
  expect(recorded).toEqual(recorded.map(() => true));
  if (row.audit !== false) {
    expect(lines.map(auditLine)).toEqual(row.audit ?? auditOf(played));
  }
  // A host may show either half alone, and validates the structured one.
  expect(JSON.parse(text)).toEqual(structured);
  expect(isError).toBe(structured.error !== undefined);
  expect(validate(structured), JSON.stringify(validate.errors)).toBe(true);
  expect(text + stderr + JSON.stringify(lines)).not.toContain(key);
  expect(question === undefined).toBe(row.reply === undefined);
  const said = words(played);
  if (said !== "") expect(said).toMatchSnapshot();
};

/** Plays all rows of a table at once, a process for each group, and tests each row by itself. */
export const contract = (groups: readonly Group[]): void => {
  const folder = mkdtempSync(join(tmpdir(), "contract-"));
  const records = new Map<Group, GroupRecord>();
  let upstream: FaultServer;
  beforeAll(async () => {
    upstream = await startFaultServer();
    await Promise.all(
      groups.map(async (group, place) => {
        records.set(group, await playGroup(group, place, upstream, folder));
      }),
    );
  });
  afterAll(async () => {
    await upstream.close();
    rmSync(folder, { recursive: true });
  });
  for (const group of groups) {
    describe(group.name, () => {
      test.each(group.rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
        const record = records.get(group);
        const told = record?.told.get(row);
        if (!record || !told || told instanceof Error) throw told;
        check(row, told, record);
      });
    });
  }
};

/** What a result says of arguments that the tool does not have. */
export const ignoring = (...names: string[]): Json => ({
  ignored_arguments: names,
  note: "These are no arguments of this tool, and nothing was written for them.",
});

/** Nothing was written, for this reason. */
export const refused = (code: string, more: Json = {}): Json => ({
  status: "not_updated",
  code,
  ...more,
});

/** A request left, and nobody knows what became of it. */
export const unknown = (code: string, more: Json = {}): Json => ({
  status: "unknown",
  code,
  ...more,
});
