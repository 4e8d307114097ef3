import type { Implementation } from "@modelcontextprotocol/sdk/types.js";
import { isObject } from "../lib/json.ts";
import type { ToolCall } from "../tools/tool.ts";
import { actions, answerOf, canAsk, confirmationForm, personTimeoutMs } from "./elicitation.ts";
import { rpcError } from "./messages.ts";

/**
 * The stateless MCP revision that clients may pin. SDK v1 speaks up to 2025-11-25 only; the two
 * differ, for a server that only has tools, in the envelope of requests and results and in how a person
 * is asked, and all of that is here.
 */
export const revision = "2026-07-28";

const meta = (key: string) => `io.modelcontextprotocol/${key}`;

type Params = Readonly<Record<string, unknown>>;

/** What a stateless request says of its client. */
export type ClientFacts = { clientName?: string; clientVersion?: string; canAsk: boolean };

/**
 * Reads the envelope in `params._meta`; undefined for a request of an older revision, which carries
 * none (MCP 2026-07-28, basic: `_meta`). Throws what is wrong with it (versioning: error -32022).
 */
export const readClient = (params: Params): ClientFacts | undefined => {
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
  const client: ClientFacts = { canAsk: canAsk(capabilities) };
  if (typeof name === "string") client.clientName = name;
  if (typeof version === "string") client.clientVersion = version;
  return client;
};

const invalid = (key: string, kind: string) =>
  rpcError(-32602, `Invalid params: _meta["${meta(key)}"] must be ${kind}`);

/** A result as this revision wants it: its kind, and who answered. */
export const complete = (result: object, serverInfo: Implementation): Record<string, unknown> => ({
  resultType: "complete",
  ...result,
  _meta: { [meta("serverInfo")]: serverInfo },
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
  return {
    /** Uses up the ticket that `params` bring, and tells the person's answer about a subject. */
    claim: ({ requestState, inputResponses }: Params): ToolCall["answered"] => {
      const asked = open.get(requestState);
      open.delete(requestState);
      const response = isObject(inputResponses) ? inputResponses.confirm : undefined;
      const isGiven = isObject(response) && actions.has(response.action);
      if (!asked || !isGiven || performance.now() - asked.askedAt > personTimeoutMs)
        return () => {};
      return (subject) => (subject === asked.subject ? answerOf(response) : undefined);
    },
    /** The result that has the client ask the person. */
    ask: (question: string, subject: string, info: Implementation): Record<string, unknown> => {
      const ticket = crypto.randomUUID();
      open.set(ticket, { subject, askedAt: performance.now() });
      // The oldest goes: a client that never comes back must not fill the memory.
      const [oldest] = open.keys();
      if (open.size > maxOpenTickets) open.delete(oldest);
      return {
        ...complete({ requestState: ticket }, info),
        resultType: "input_required",
        inputRequests: {
          confirm: { method: "elicitation/create", params: confirmationForm(question) },
        },
      };
    },
  };
};

export type Tickets = ReturnType<typeof createTickets>;
