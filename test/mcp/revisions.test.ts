import { Client, type ClientOptions } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, describe, expect, it } from "vitest";
import {
  app,
  builtServer,
  type Json,
  type RpcResponse,
  type ServerProcess,
  startServer,
  user,
} from "../support/server-process.ts";
import { apiError, noContent, startUpstream, type Upstream } from "../support/upstream.ts";

const newest = "2026-07-28";
const upstreams: Upstream[] = [];
const servers: ServerProcess[] = [];
afterAll(async () => {
  for (const { child } of servers) child.kill("SIGKILL");
  await Promise.all(upstreams.map((upstream) => upstream.close()));
});

const upstreamWith = async (...script: Parameters<typeof startUpstream>) => {
  const upstream = await startUpstream(...script);
  upstreams.push(upstream);
  return upstream;
};
const environment = ({ url }: Upstream, env: Record<string, string> = {}) => ({
  PRELUDE_API_KEY: "sk_test_revisions",
  PRELUDE_BASE_URL: url,
  ...env,
});
const args = { app_id: app, user_id: user, profile: { plan: "pro" } };
const call = { name: "update_user_profile", arguments: args };

type Mode = NonNullable<ClientOptions["versionNegotiation"]>["mode"];

const connect = async (mode: Mode, upstream: Upstream, env?: Record<string, string>) => {
  const asked: unknown[] = [];
  const errors: Error[] = [];
  const client = new Client(
    { name: "test-client", version: "2" },
    {
      capabilities: { elicitation: { form: {} } },
      ...(mode !== undefined && { versionNegotiation: { mode } }),
    },
  );
  client.onerror = (error) => errors.push(error);
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    asked.push(params.message);
    return { action: "accept", content: {} };
  });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [builtServer],
      env: environment(upstream, env),
    }),
  );
  return { client, asked, errors };
};

const modes: [name: string, mode: Mode, era: string, version: string][] = [
  ["by default", undefined, "legacy", "2025-11-25"],
  ["in legacy mode", "legacy", "legacy", "2025-11-25"],
  ["in auto mode", "auto", "modern", newest],
  [`pinned to ${newest}`, { pin: newest }, "modern", newest],
];

describe.concurrent("client 2.x", () => {
  it.each(modes)(
    "lists and calls, and hears of the progress, %s",
    async (_, mode, era, version) => {
      const upstream = await upstreamWith(
        apiError(503, "internal", "x", { "retry-after-ms": "1" }),
        noContent,
        apiError(404, "user_not_found"),
      );
      const { client, errors } = await connect(mode, upstream);
      expect(client.getProtocolEra()).toBe(era);
      expect(client.getNegotiatedProtocolVersion()).toBe(version);
      expect(client.getServerVersion()).toMatchObject({ name: "prelude-profile-mcp" });
      expect(client.getInstructions()).toContain("update_user_profile");

      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toEqual(["update_user_profile"]);
      const seen: number[] = [];
      const updated = await client.callTool(call, {
        onprogress: ({ progress }) => seen.push(progress),
      });
      expect(seen).toEqual([1]);
      expect(updated.structuredContent).toMatchObject({
        status: "updated",
        updated_keys: ["plan"],
      });
      const failed = await client.callTool(call);
      expect(failed).toMatchObject({
        isError: true,
        structuredContent: { error: { code: "user_not_found" } },
      });
      expect(upstream.received).toHaveLength(3);
      await expect(client.callTool({ name: "nope" })).rejects.toMatchObject({ code: -32602 });
      await client.close();
      expect(errors).toEqual([]);
    },
  );

  it.each(modes)("has the person asked %s", async (_, mode) => {
    const upstream = await upstreamWith(noContent);
    const { client, asked } = await connect(mode, upstream, { PRELUDE_CONFIRM: "true" });
    const result = await client.callTool(call);
    expect(result.structuredContent).toMatchObject({ status: "updated" });
    expect(asked).toEqual([expect.stringContaining(user)]);
    await client.close();
  });
});

const meta = (fields: Json = {}): Json => ({
  "io.modelcontextprotocol/protocolVersion": newest,
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "test-client", version: "1" },
  ...fields,
});
const without = (key: string): Json =>
  Object.fromEntries(Object.entries(meta()).filter(([name]) => !name.endsWith(`/${key}`)));

describe(`requests of ${newest}`, () => {
  const start = async () => {
    const upstream = await upstreamWith(noContent);
    const server = startServer({ env: environment(upstream) });
    servers.push(server);
    return server;
  };
  /** The answers of one server to the same `_meta` under each of the methods. */
  const answers = async (methods: string[], fields: unknown) => {
    const server = await start();
    const responses = [];
    for (const method of methods) {
      responses.push(await server.request(method, { ...call, _meta: fields }));
    }
    expect(await server.close()).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toBe("");
    return responses;
  };
  const answer = async (method: string, fields: unknown) =>
    (await answers([method], fields))[0] as RpcResponse;
  const all = ["server/discover", "tools/list", "tools/call"];
  const serverInfo = {
    "io.modelcontextprotocol/serverInfo": expect.objectContaining({ name: "prelude-profile-mcp" }),
  };
  const cached = { ttlMs: 0, cacheScope: "private" };

  it("server/discover says what there is, without initialize", async () => {
    expect((await answer("server/discover", meta())).result).toEqual({
      resultType: "complete",
      supportedVersions: [newest],
      capabilities: { tools: {} },
      instructions: expect.stringContaining("update_user_profile"),
      ...cached,
      _meta: serverInfo,
    });
  });

  it("tools/list and tools/call have their kind, and who answered", async () => {
    expect((await answer("tools/list", meta())).result).toEqual({
      resultType: "complete",
      tools: [expect.objectContaining({ name: "update_user_profile" })],
      ...cached,
      _meta: serverInfo,
    });
    expect((await answer("tools/call", meta())).result).toEqual({
      resultType: "complete",
      content: [expect.objectContaining({ type: "text" })],
      structuredContent: expect.objectContaining({ status: "updated" }),
      _meta: { ...serverInfo, call_id: expect.any(String) },
    });
  });

  const version = "io.modelcontextprotocol/protocolVersion";
  const capabilities = "io.modelcontextprotocol/clientCapabilities";
  it("in another version are refused with the ones there are", async () => {
    for (const { error } of await answers(all, meta({ [version]: "2099-01-01" }))) {
      expect(error).toEqual({
        code: -32022,
        message: expect.any(String),
        data: { supported: [newest], requested: "2099-01-01" },
      });
    }
  });

  it.each([
    ["no clientCapabilities", without("clientCapabilities"), capabilities],
    ["clientCapabilities that are not an object", meta({ [capabilities]: [] }), capabilities],
    ["a version that is not a string", meta({ [version]: 20260728 }), version],
    ["a version that is null", meta({ [version]: null }), version],
  ])("with %s are refused and told why", async (_, fields, key) => {
    for (const { error } of await answers(all, fields)) {
      expect(error).toMatchObject({ code: -32602, message: expect.stringContaining(key) });
    }
  });

  it("server/discover without an envelope is an unknown method, on which clients fall back", async () => {
    expect((await answer("server/discover", {})).error).toMatchObject({ code: -32601 });
  });

  it("may come between requests of an older revision", async () => {
    const server = await start();
    const { result } = await server.initialize();
    expect(result?.protocolVersion).toBe("2025-11-25");
    const modern = await server.request("tools/list", { _meta: meta() });
    const legacy = await server.request("tools/list");
    expect([modern.result?.resultType, legacy.result?.resultType]).toEqual(["complete", undefined]);
    expect(modern.result?.tools).toEqual(legacy.result?.tools);
    await server.close();
  });
});
