import assert from "node:assert/strict";
import { parseAst } from "rolldown/parseAst";

const sdk = /[\\/]@modelcontextprotocol[\\/]sdk[\\/]dist[\\/]esm[\\/]/;
const isTypes = (source) => /(^|\/)types\.js$/.test(source);

const plainUses = new Set(
  "arguments object elements argument init body consequent alternate test value".split(" "),
);

/** The schemas that a module of the SDK imports from its types.js. */
const importedSchemas = (body, id) =>
  body.flatMap((statement) => {
    const from = statement.source?.value;
    if (from === undefined || !isTypes(from)) return [];
    assert(statement.type === "ImportDeclaration", `${id}: re-exports types.js`);
    return statement.specifiers.map(({ type, imported, local }) => {
      assert(type === "ImportSpecifier" && imported.name === local.name, `${id}: odd import`);
      return local.name;
    });
  });

/** Each top-level `const XSchema = …` of types.js, as edits that turn it into a function. */
const declaredSchemas = (body, id) =>
  body.flatMap((statement) => {
    const declaration =
      statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declaration?.type !== "VariableDeclaration") return [];
    return declaration.declarations
      .filter((one) => one.id.name.endsWith("Schema"))
      .map(({ id: target, init }) => {
        const { kind, declarations, start, end } = declaration;
        const { name } = target;
        assert(kind === "const" && declarations.length === 1 && init, `${id}: odd ${name}`);
        const head = [start, init.start, `function ${name}() { return ${name}.built ??= `];
        return { name, target, edits: [head, [init.end, end, "; }"]] };
      });
  });

/** Insertions of `()` behind each use of one of the names. */
const uses = (body, names, declared, id) => {
  const edits = [];
  const walk = (node, parent, key) => {
    if (Array.isArray(node)) {
      for (const child of node) walk(child, parent, key);
      return;
    }
    if (typeof node?.type !== "string" || node.type === "ImportDeclaration") return;
    if (node.type !== "Identifier" || !names.has(node.name)) {
      for (const field of Object.keys(node)) walk(node[field], node, field);
      return;
    }
    const isMember = key === "property" && parent.type === "MemberExpression";
    const isKey = key === "key" && parent.type === "Property" && !parent.shorthand;
    if (declared.has(node) || (!parent.computed && (isMember || isKey))) return;
    assert(plainUses.has(key) && !parent.shorthand, `${id}: ${node.name} as ${parent.type}.${key}`);
    edits.push([node.end, node.end, "()"]);
  };
  walk(body);
  return edits;
};

const apply = (code, edits) => {
  let out = "";
  let at = 0;
  for (const [from, to, text] of edits.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    assert(from >= at, "edits overlap");
    out += code.slice(at, from) + text;
    at = to;
  }
  return out + code.slice(at);
};

/**
 * The SDK builds some 200 zod schemas while it loads, a third of the start-up time; a session needs
 * about 35 of them. This rolldown plugin has each one built when it is first used:
 *
 *     const X = EXPR   becomes   function X() { return X.built ??= EXPR }   and each use of X, X()
 *
 * Schemas are pure values, so only the moment of building changes. A shape that it does not know
 * stops the build.
 */
export const lazySchemas = () => {
  let count = 0;
  return {
    name: "lazy-schemas",
    transform(code, id) {
      if (!sdk.test(id)) {
        const imports = /\w+Schema\b[^;]*\bfrom\s*['"]@modelcontextprotocol\/sdk\/types/.test(code);
        assert(
          id.includes("node_modules") || !imports,
          `${id}: the SDK's schemas are functions here`,
        );
        return null;
      }
      const { body } = parseAst(code);
      const own = /dist[\\/]esm[\\/]types\.js$/.test(id);
      const declared = own ? declaredSchemas(body, id) : [];
      const imported = importedSchemas(body, id).filter((name) => name.endsWith("Schema"));
      const names = new Set([...imported, ...declared.map(({ name }) => name)]);
      if (names.size === 0) return null;
      if (own) count = declared.length;
      const targets = new Set(declared.map(({ target }) => target));
      const edits = [...declared.flatMap((one) => one.edits), ...uses(body, names, targets, id)];
      return { code: apply(code, edits) };
    },
    buildEnd() {
      assert(count >= 150, `only ${count} schemas made lazy: the SDK's types.js changed its shape`);
    },
  };
};
