// The SDK builds some 200 zod schemas while it loads; a session needs few of them. This plugin has
// each one built when it is first used:
//
//     const X = EXPR   becomes   function X() { return X.built ??= EXPR }   and each use of X, X()
//
// It saves 19 % of the CPU time until `initialize` is answered, on Node 20 as on Node 24; below 10 %
// on both it is to go. Without it only that is lost. Schemas are pure values, so only the moment of
// building changes. A shape that it does not know stops the build.

import assert from "node:assert/strict";
import type { Plugin } from "rolldown";
import { parseAst } from "rolldown/parseAst";

/** Rewrites the SDK's schemas; a shape that it does not know stops the build. */
export const lazySchemas = (): Plugin => {
  let count = 0;
  return {
    name: "lazy-schemas",
    transform(code, id) {
      if (!sdk.test(id)) {
        assert(
          id.includes("node_modules") || !importsSchema.test(code),
          `${id}: the SDK's schemas are functions here`,
        );
        return null;
      }
      const { body } = parseAst(code);
      const declared = sdkTypes.test(id) ? declaredSchemas(body, id) : [];
      const imported = importedSchemas(body, id).filter((name) => name.endsWith("Schema"));
      const names = new Set([...imported, ...declared.map(({ name }) => name)]);
      if (names.size === 0) return null;
      count += declared.length;
      const targets = new Set(declared.map(({ target }) => target));
      const edits = [...declared.flatMap((one) => one.edits), ...uses(body, names, targets, id)];
      return { code: apply(code, edits) };
    },
    buildEnd() {
      assert(count >= 150, `only ${count} schemas made lazy: the SDK's types.js changed its shape`);
    },
  };
};

const sdk = /[\\/]@modelcontextprotocol[\\/]sdk[\\/]dist[\\/]esm[\\/]/;
const sdkTypes = /dist[\\/]esm[\\/]types\.js$/;
const importsSchema = /\w+Schema\b[^;]*\bfrom\s*['"]@modelcontextprotocol\/sdk\/types/;

type Body = ReturnType<typeof parseAst>["body"];
/** Characters from, to (exclusive), and what stands there afterwards. */
type Edit = [from: number, to: number, text: string];
/** Any node of the syntax tree, as far as a walk over all of them needs to know it. */
type Node = { type: string; name?: unknown; end: number; computed?: unknown; shorthand?: unknown };

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

/** The names that a module of the SDK imports from its types.js. */
const importedSchemas = (body: Body, id: string): string[] =>
  body.flatMap((statement) => {
    const source = "source" in statement ? statement.source?.value : undefined;
    if (source === undefined || !/(^|\/)types\.js$/.test(source)) return [];
    assert(statement.type === "ImportDeclaration", `${id}: re-exports types.js`);
    return statement.specifiers.map(({ local, ...specifier }) => {
      const same =
        specifier.type === "ImportSpecifier" &&
        specifier.imported.type === "Identifier" &&
        specifier.imported.name === local.name;
      assert(same, `${id}: odd import of ${local.name}`);
      return local.name;
    });
  });

/** Each top-level `const XSchema = …` of types.js, as edits that turn it into a function. */
const declaredSchemas = (body: Body, id: string) =>
  body.flatMap((statement) => {
    const declaration =
      statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declaration?.type !== "VariableDeclaration") return [];
    const { kind, declarations, start, end } = declaration;
    return declarations.flatMap(({ id: target, init }) => {
      if (target.type !== "Identifier" || !target.name.endsWith("Schema")) return [];
      const { name } = target;
      assert(kind === "const" && declarations.length === 1 && init, `${id}: odd ${name}`);
      const head: Edit = [start, init.start, `function ${name}() { return ${name}.built ??= `];
      const tail: Edit = [init.end, end, "; }"];
      return [{ name, target: target as object, edits: [head, tail] }];
    });
  });

const plainUses = new Set(
  "arguments object elements argument init body consequent alternate test value".split(" "),
);

/** Insertions of `()` behind each use of one of the names. */
const uses = (body: Body, names: Set<string>, declared: Set<object>, id: string): Edit[] => {
  const edits: Edit[] = [];
  const onIdentifier = (node: Node, parent: Node, key: string) => {
    const isMember = key === "property" && parent.type === "MemberExpression";
    const isKey = key === "key" && parent.type === "Property" && !parent.shorthand;
    if (declared.has(node) || (!parent.computed && (isMember || isKey))) return;
    const plain = plainUses.has(key) && !parent.shorthand;
    assert(plain, `${id}: ${String(node.name)} as ${parent.type}.${key}`);
    edits.push([node.end, node.end, "()"]);
  };
  const walk = (value: unknown, parent: Node, key: string): void => {
    if (Array.isArray(value)) {
      for (const child of value) walk(child, parent, key);
      return;
    }
    if (!isNode(value) || value.type === "ImportDeclaration") return;
    if (value.type === "Identifier" && names.has(String(value.name))) {
      onIdentifier(value, parent, key);
      return;
    }
    for (const [field, child] of Object.entries(value)) walk(child, value, field);
  };
  walk(body, { type: "Program", end: 0 }, "body");
  return edits;
};

const apply = (code: string, edits: Edit[]): string => {
  let out = "";
  let at = 0;
  for (const [from, to, text] of edits.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    assert(from >= at, "edits overlap");
    out += code.slice(at, from) + text;
    at = to;
  }
  return out + code.slice(at);
};
