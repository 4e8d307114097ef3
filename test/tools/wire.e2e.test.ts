import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { updateDefinition } from "../../src/tools/definitions.ts";
import { type Json, startServer } from "../support/server-process.ts";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));

const session = async (env: Record<string, string> = {}, args: string[] = []) => {
  const server = startServer({ env, args });
  const { result: hello } = await server.initialize();
  const { result: list } = await server.request("tools/list");
  return { server, hello: hello as Json, tools: (list as Json).tools as Json[] };
};

/** Every sub-schema, with the keyword that leads to it. */
const walk = (schema: Json, visit: (schema: Json, name: string) => void, name = "root"): void => {
  visit(schema, name);
  for (const [key, child] of Object.entries((schema.properties ?? {}) as Record<string, Json>)) {
    walk(child, visit, key);
  }
  for (const part of ["items", "additionalProperties"]) {
    if (typeof schema[part] === "object") walk(schema[part] as Json, visit, part);
  }
};

const scopes: [string, Record<string, string>, string[]][] = [
  ["nothing fixed", {}, ["app_id", "user_id", "profile", "on_reserved_key"]],
  ["app fixed", { PRELUDE_APP_ID: "54e9ujn" }, ["user_id", "profile", "on_reserved_key"]],
  ["user fixed", { PRELUDE_USER_ID: "usr_1" }, ["app_id", "profile", "on_reserved_key"]],
  [
    "both fixed",
    { PRELUDE_APP_ID: "54e9ujn", PRELUDE_USER_ID: "usr_1" },
    ["profile", "on_reserved_key"],
  ],
  [
    "allowed keys",
    { PRELUDE_ALLOWED_KEYS: "first_name,last_name" },
    ["app_id", "user_id", "profile", "on_reserved_key"],
  ],
];

describe("initialize", () => {
  test("server info, capabilities and instructions", async () => {
    const { server, hello } = await session();
    await server.close();
    expect(hello).toMatchObject({ protocolVersion: "2025-11-25", capabilities: { tools: {} } });
    expect(Object.keys(hello.capabilities as Json)).toEqual(["tools"]);
    expect(hello.serverInfo).toEqual({
      name: manifest.name,
      title: "Prelude profile",
      version: manifest.version,
    });
    expect((hello.instructions as string).split("\n")).toHaveLength(3);
  });

  test("the sandbox says so in the instructions and in each result", async () => {
    const { server, hello } = await session({}, ["--sandbox"]);
    const answer = await server.callTool({});
    await server.close();
    expect((hello.instructions as string).split("\n")[3]).toMatch(
      /sandbox.*nothing real is changed/i,
    );
    expect(answer.structured.sandbox).toBe(true);
  });
});

describe.each(scopes)("tools/list: %s", (_, env, names) => {
  test("publishes one portable tool", async () => {
    const { server, tools } = await session(env);
    await server.close();
    expect(tools).toHaveLength(1);
    const [tool] = tools as [Json];
    expect(tool.name).toBe("update_user_profile");
    expect((tool.description as string).length).toBeLessThan(1024);
    expect(tool.annotations).toEqual({
      title: tool.title,
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: true,
      openWorldHint: true,
    });
    expect(tool.icons).toEqual([
      expect.objectContaining({ src: expect.stringMatching(/^data:image\/svg\+xml,/) }),
    ]);
    expect(tool).not.toHaveProperty("execution");

    const input = tool.inputSchema as Json;
    expect(input).toMatchObject({ type: "object", additionalProperties: false });
    expect(Object.keys(input.properties as Json)).toEqual(names);
    expect(input.required).toEqual(names.filter((name) => name !== "on_reserved_key"));
    for (const schema of [input, tool.outputSchema as Json]) {
      expect(Object.keys(schema.properties as Json).length).toBeGreaterThan(0);
      walk(schema, (part, name) => {
        expect(typeof part.type, name).toBe("string");
        const structural = ["root", "items", "additionalProperties"].includes(name);
        // The names of a result speak for themselves, save where a word is needed.
        if (!structural && schema === input) expect(part.description, name).toMatch(/\w/);
        for (const word of [
          "$ref",
          "$schema",
          "propertyNames",
          "anyOf",
          "oneOf",
          "allOf",
          "format",
          "default",
          "const",
          "examples",
        ]) {
          expect(part, name).not.toHaveProperty(word);
        }
      });
      expect(() => new Ajv({ strict: true }).compile(schema)).not.toThrow();
    }
    // 900 tokens at four characters each; a list of keys costs what the operator puts into it.
    const budget = env.PRELUDE_ALLOWED_KEYS ? 4000 : 3600;
    expect(JSON.stringify(tool).length).toBeLessThanOrEqual(budget);
  });
});

test("the schema that the build shipped is the one that zod gives now", async () => {
  const { server, tools } = await session();
  await server.close();
  const scope = { appId: undefined, userId: undefined, allowedKeys: undefined };
  expect(tools[0]).toEqual(await updateDefinition(scope));
});

test("allowed keys are the only properties of profile", async () => {
  const { server, tools } = await session({ PRELUDE_ALLOWED_KEYS: "first_name, last_name" });
  await server.close();
  const [tool] = tools as [{ inputSchema: { properties: Record<string, Json> } }];
  const profile = tool.inputSchema.properties.profile as Json;
  expect(Object.keys(profile.properties as Json)).toEqual(["first_name", "last_name"]);
  expect(profile.additionalProperties).toBe(false);
  expect(profile).not.toHaveProperty("required");
});

test("an unknown tool is a JSON-RPC error, not a result", async () => {
  const { server } = await session();
  const { error, result } = await server.request("tools/call", {
    name: "delete_user",
    arguments: {},
  });
  await server.close();
  expect(result).toBeUndefined();
  expect(error).toEqual({ code: -32602, message: expect.stringContaining("update_user_profile") });
});
