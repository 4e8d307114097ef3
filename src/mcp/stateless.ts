import type { Implementation } from "@modelcontextprotocol/sdk/types.js";
import type { Person } from "../guards/confirmation.ts";
import { isObject } from "../lib/json.ts";
import { answerOf, canAsk, confirmationForm, personTimeoutMs } from "./elicitation.ts";
import { rpcError } from "./messages.ts";

/**
 * The stateless MCP revision that clients may pin. SDK v1 speaks up to 2025-11-25 only; the two
 * differ, for a server that only has tools, in the envelope of requests and results and in how a person
 * is asked, and all of that is here.
 */
export const revision = "2026-07-28";

const meta = (key: string) => `io.modelcontextprotocol/${key}`;

type Params = Readonly<Record<string, unknown>>;

const textOf = (value: unknown) => (typeof value === "string" ? value : undefined);

/**
 * Reads the envelope in `params._meta`; undefined for a request of an older revision, which carries
 * none (MCP 2026-07-28, basic: `_meta`). Throws what is wrong with it (versioning: error -32022).
 */
export const readClient = (params: Params) => {
  const fields = params._meta;
  if (!isObject(fields) || !(meta("protocolVersion") in fields)) return undefined;
  const requested = fields[meta("protocolVersion")];
  const capabilities = fields[meta("clientCapabilities")];
  const info = fields[meta("clientInfo")];
  if (typeof requested !== "string") throw invalid("protocolVersion", "a string");
  if (!isObject(capabilities)) throw invalid("clientCapabilities", "an object");
  if (requested !== revision) {
    const data = { supported: [revision], requested };
    throw rpcError(-32022, "Unsupported protocol version", data);
  }
  const { name, version } = isObject(info) ? info : {};
  return { name: textOf(name), version: textOf(version), canAsk: canAsk(capabilities) };
};

const invalid = (key: string, kind: string) =>
  rpcError(-32602, `Invalid params: _meta["${meta(key)}"] must be ${kind}`);

/** A result as this revision wants it: its kind, and who answered. */
export const complete = (result: object, serverInfo: Implementation, others?: object): Params => ({
  resultType: "complete",
  ...result,
  _meta: { [meta("serverInfo")]: serverInfo, ...others },
});

/** Belongs to each result that a client may cache; this server asks it not to. */
export const uncached = { ttlMs: 0, cacheScope: "private" };

const maxOpenTickets = 1_000;

/**
 * There are no requests from server to client in this revision: a call ends with the question, and
 * the client sends it again with the person's answer and the ticket. A ticket is good for one
 * answer to one question, for five minutes; anything else in its place has the question asked anew.
 */
export const createTickets = () => {
  const open = new Map<unknown, { subject: string; askedAt: number }>();
  return ({ requestState, inputResponses }: Params): Person => {
    const asked = open.get(requestState);
    open.delete(requestState);
    const isOver = !asked || performance.now() - asked.askedAt > personTimeoutMs;
    const response = isObject(inputResponses) ? inputResponses.confirm : undefined;
    return {
      answered: (subject) => (isOver || subject !== asked.subject ? undefined : answerOf(response)),
      confirm: async ({ text, subject }) => {
        const ticket = crypto.randomUUID();
        open.set(ticket, { subject, askedAt: performance.now() });
        // The oldest goes: a client that never comes back must not fill the memory.
        const [oldest] = open.keys();
        if (open.size > maxOpenTickets) open.delete(oldest);
        const confirm = { method: "elicitation/create", params: confirmationForm(text) };
        const inputRequests = { confirm };
        return { question: { resultType: "input_required", requestState: ticket, inputRequests } };
      },
    };
  };
};
