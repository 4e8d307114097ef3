import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { publishedUpdate } from "../../src/tools/published.ts";
import { type Json, startServer } from "../support/server-process.ts";

/** The tools that a server with these settings lists. */
const listed = async (env: Record<string, string> = {}): Promise<Json[]> => {
  const server = startServer({ env });
  await server.initialize();
  const { result } = await server.request("tools/list");
  await server.close();
  return (result as { tools: Json[] }).tools;
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

describe.each(scopes)("tools/list: %s", (_, env, names) => {
  test("publishes one portable tool", async () => {
    const tools = await listed(env);
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
  const tools = await listed();
  const scope = { appId: undefined, userId: undefined, allowedKeys: undefined };
  expect(tools[0]).toEqual(await publishedUpdate(scope));
});
