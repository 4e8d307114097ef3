// The least that a Node process can do as an MCP server: no package, no check, fixed answers.
let rest = "";
const answers = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "floor", version: "0" },
  },
  "tools/list": { tools: [{ name: "nothing", inputSchema: { type: "object" } }] },
};
process.stdin.setEncoding("utf8").on("data", (text) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    const { id, method } = JSON.parse(line);
    const result = answers[method];
    if (result) process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
  }
});
