import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { getDefinition, updateDefinition } from "../../src/tools/definitions.ts";
import { type Json, startServer } from "../support/server-process.ts";

/** What some clients do not understand of JSON Schema. */
const unportable = new Set(
  "$ref $schema propertyNames anyOf oneOf allOf format default const examples".split(" "),
);
const structural = ["root", "items", "additionalProperties"];

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

const nothing = { appId: undefined, userId: undefined, allowedKeys: undefined };
const scopes = [{}, { appId: "54e9ujn" }, { userId: "usr_1" }, { allowedKeys: ["first_name"] }].map(
  (scope) => ({ ...nothing, read: "values" as const, ...scope }),
);

test.each(scopes)("any client can take what is published of the tools: %j", async (scope) => {
  for (const tool of [await updateDefinition(scope), await getDefinition(scope)]) {
    const { inputSchema, outputSchema } = tool as { inputSchema: Json; outputSchema: Json };
    expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
    for (const schema of [inputSchema, outputSchema]) {
      expect(Object.keys(schema.properties as Json).length).toBeGreaterThan(0);
      walk(schema, (part, name) => {
        expect(typeof part.type, name).toBe("string");
        expect(Object.keys(part).filter((word) => unportable.has(word))).toEqual([]);
        // The names of a result speak for themselves, save where a word is needed.
        const isArgument = schema === inputSchema && !structural.includes(name);
        if (isArgument) expect(part.description, name).toMatch(/\w/);
      });
      expect(() => new Ajv({ strict: true }).compile(schema)).not.toThrow();
    }
  }
});

test("the schema that the build shipped is the one that zod gives now", async () => {
  const server = startServer();
  await server.initialize();
  const { result } = await server.request("tools/list");
  await server.close();
  expect(result?.tools).toEqual([await updateDefinition(nothing)]);
});
