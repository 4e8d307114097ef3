import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { Agent, request } from "undici";

// The least that an MCP server with the SDK and undici can do: it forwards the call and no more. No
// check, no order, no deadline, no retry, no word about what happened.

type Arguments = { app_id: string; user_id: string; profile: Record<string, string> };

const { PRELUDE_BASE_URL: base, PRELUDE_API_KEY: key } = process.env;
const dispatcher = new Agent({ connections: 16 });
const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };

const server = new Server({ name: "forwarder", version: "0" }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: [{ name: "update_user_profile", inputSchema: { type: "object" as const } }],
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  const { app_id, user_id, profile } = params.arguments as Arguments;
  const { statusCode, body } = await request(
    `${base}/v2/session/apps/${app_id}/users/${user_id}/profile`,
    { method: "PATCH", headers, body: JSON.stringify({ profile }), dispatcher },
  );
  await body.dump();
  const result = { status: statusCode === 204 ? "updated" : "unknown" };
  return {
    content: [{ type: "text", text: JSON.stringify(result) }],
    structuredContent: result,
  };
});
void server.connect(new StdioServerTransport());
process.stdin.on("end", () => process.exit());
