import { randomUUID } from "node:crypto";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { ErrorCode, McpError } from "@modelcontextprotocol/sdk/types.js";
import type { Answer, Confirmation } from "../guards/confirmation.ts";
import type { Log } from "../lib/log.ts";
import { redact } from "../lib/text.ts";
import { type ToolDefinition, toolName } from "../tools/update-profile/definition.ts";
import type { UpdateResult } from "../tools/update-profile/schema.ts";
import type { UpdateProfile } from "../tools/update-profile/update-profile.ts";
import {
  type ClientFacts,
  complete,
  completeList,
  confirmationForm,
  createTickets,
  readClient,
  revision,
} from "./stateless.ts";

export type ServerOptions = {
  name: string;
  title: string;
  version: string;
  websiteUrl: string;
  /** What the model reads about the server as a whole. */
  instructions: string;
  /** Taken out of every result, as the last line of defence. */
  secret: string | undefined;
  log: Log;
  definition: () => Promise<ToolDefinition>;
  /** Loaded when the tool is first called. */
  update: () => Promise<UpdateProfile>;
};

/** Longest wait for a person's answer, in milliseconds. */
const personTimeoutMs = 600_000;

type Handler = NonNullable<Server["fallbackRequestHandler"]>;
type Extra = Parameters<Handler>[1];
type Params = Record<string, unknown>;

/** The MCP server with its one tool, not yet connected to a transport. */
export const createServer = (options: ServerOptions): Server => {
  const { name, title, version, websiteUrl, instructions, log } = options;
  const serverInfo = { name, title, version, websiteUrl };
  const capabilities = { tools: {} };
  const server = new Server(serverInfo, {
    capabilities,
    instructions,
    // The SDK's default is ajv, a large part of the start-up time, for a form without fields.
    jsonSchemaValidator: {
      getValidator: () => (input) => ({
        valid: true,
        data: input as never,
        errorMessage: undefined,
      }),
    },
  });
  const tickets = createTickets(randomUUID);

  const elicit = async (question: string, extra: Extra): Promise<Answer> => {
    if (!server.getClientCapabilities()?.elicitation?.form) return "unavailable";
    try {
      const { action } = await server.elicitInput(confirmationForm(question), {
        signal: extra.signal,
        timeout: personTimeoutMs,
        relatedRequestId: extra.requestId,
      });
      return action === "accept" ? "accepted" : "declined";
    } catch (error) {
      // Silence is a dismissal; any other error means that nobody could be asked.
      const silent = error instanceof McpError && error.code === ErrorCode.RequestTimeout;
      return silent ? "declined" : "unavailable";
    }
  };

  const callTool = async (params: Params, extra: Extra, facts: ClientFacts | undefined) => {
    if (params.name !== toolName) {
      throw rpcError(ErrorCode.InvalidParams, `Unknown tool; this server has one, ${toolName}`);
    }
    const client = server.getClientVersion();
    const progressToken = extra._meta?.progressToken;
    let progress = 0;
    const claim = facts && tickets.claim(params);
    let question: Params = {};

    const ask = async ({ text, subject }: Confirmation): Promise<Answer> => {
      if (!facts) return elicit(text, extra);
      if (!facts.canAsk) return "unavailable";
      // An answer counts for the very write that the person was asked about.
      const answer = claim?.subject === subject ? claim.answer : undefined;
      if (answer === undefined) question = tickets.ask(text, subject, serverInfo);
      return answer ?? "asked";
    };

    const update = await options.update();
    const result = await update({
      arguments: params.arguments,
      signal: extra.signal,
      clientName: facts ? facts.clientName : client?.name,
      clientVersion: facts ? facts.clientVersion : client?.version,
      resumed: claim !== undefined,
      confirm: ask,
      progress: (message) => {
        log.info(message);
        if (progressToken === undefined) return;
        progress += 1;
        const notification = { progressToken, progress, message };
        extra
          .sendNotification({ method: "notifications/progress", params: notification })
          .catch(() => {});
      },
    });
    log.debug(
      `call: ${result === "asked" ? result : `${result.status} ${result.error?.code ?? ""}`}`,
    );
    if (result === "asked") return question;
    const [text, structured] = withoutSecret(result, options.secret);
    const answer = {
      content: [{ type: "text", text }],
      structuredContent: structured,
      ...(result.error && { isError: true }),
    };
    return facts ? complete(answer, serverInfo) : answer;
  };

  const handle = async (method: string, params: Params, extra: Extra): Promise<Params> => {
    const read = readClient(params);
    if (read && "error" in read) {
      throw rpcError(read.error.code, read.error.message, read.error.data);
    }
    const facts = read?.client;
    if (method === "tools/call") return callTool(params, extra, facts);
    if (method === "tools/list") {
      const list = { tools: [await options.definition()] };
      return facts ? completeList(list, serverInfo) : list;
    }
    if (method === "server/discover" && facts) {
      const about = {
        supportedVersions: [revision],
        capabilities,
        instructions,
      };
      return completeList(about, serverInfo);
    }
    throw rpcError(ErrorCode.MethodNotFound, "Method not found");
  };

  // Not setRequestHandler: that would answer arguments sent as a JSON string, or none at all, with
  // a protocol error and a dump of the SDK's own schema, where the model needs our result.
  server.fallbackRequestHandler = async ({ method, params = {} }, extra) => {
    try {
      return await handle(method, params, extra);
    } catch (error) {
      if (error instanceof McpError) throw error;
      log.error(`defect: ${error instanceof Error ? error.stack : String(error)}`);
      throw rpcError(
        ErrorCode.InternalError,
        "Internal error of prelude-profile-mcp; it is unknown whether anything was written",
      );
    }
  };

  // Without the error's text, which can hold a whole message of the client.
  server.onerror = () => log.debug("a message that the protocol does not foresee");
  return server;
};

/** McpError puts its code in front of the message; the wire has a field for that. */
const rpcError = (code: number, message: string, data?: object): McpError =>
  Object.assign(new McpError(code, message, data), { message });

/** The result as text and as data, without the secret in any text that is not our own word. */
const withoutSecret = (
  result: UpdateResult,
  secret: string | undefined,
): [string, UpdateResult] => {
  const json = JSON.stringify(result);
  if (secret === undefined || redact(json, secret) === json) return [json, result];
  const text = JSON.stringify(result, (name, value: unknown) =>
    typeof value === "string" && name !== "status" && name !== "code"
      ? redact(value, secret)
      : value,
  );
  return [text, JSON.parse(text)];
};
