import { isObject } from "../lib/json.ts";
import { shortName } from "../lib/names.ts";
import { type Issue, kindOf, maxIssues } from "./issues.ts";

type Args = Record<string, unknown>;

/** A tool as far as the shape of its arguments goes. */
export type Shape = {
  /** Declared arguments, as the published schema names them. */
  names: readonly string[];
  /** The names that mean one of the tool's arguments wherever they stand, see `plainForm`. */
  forms: ReadonlySet<string>;
};

export type Opened = {
  /** The arguments as they were meant, without what stood around them. */
  args: Args;
  /** Not empty: the call is refused, whatever its arguments hold. */
  issues: Issue[];
  /** True: nothing could be read at all, so that nothing else is to be said. */
  unreadable: boolean;
};

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** A name without case, width and punctuation: `userId`, `user-id` and `USER_ID` are one. */
export const plainForm = (name: string): string => {
  if (name.length > 64) return name;
  if (isAscii(name)) return name.toLowerCase().replace(/[\W_]/g, "");
  return name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "");
};

/**
 * What hosts are known to add to the arguments: n8n passes on its chat trigger's fields and its id
 * of the call (seen in reports against several servers). They mean nothing here, and the agent
 * cannot remove them. Everything else that is undeclared is refused, because hosts show a person
 * only the declared arguments.
 */
export const hostFields: ReadonlySet<string> = new Set([
  "toolCallId",
  "sessionId",
  "action",
  "chatInput",
  "tool",
]);

/** Members under which hosts pass on text of a model that they could not parse, in `plainForm`. */
const unparsedForms: ReadonlySet<string> = new Set([
  "raw",
  "rawarguments",
  "rawargs",
  "rawinput",
  "rawtoolinput",
  "unparsed",
  "unparsedarguments",
  "unparsedinput",
  "unparsedtoolinput",
  "invalidjson",
  "invalidarguments",
  "malformedarguments",
  "parseerror",
  "parsingerror",
  "jsonparseerror",
  "arg1",
]);

/** Values of members that say which tool is called, beside the arguments. */
const callText = /^(?:function|tool_use|tool_call|call_|toolu_|fc_)|user_profile$/;

/** Longest text that is looked into, in UTF-16 code units. */
const maxLooked = 2 * 1024 * 1024;
/** Layers that are looked through; nobody wraps more. */
const maxLayers = 3;
/** Members of an object among which arguments are looked for. */
const maxMembers = 20;

/** What JSON text of an object or array holds; anything else as it is. Some hosts send objects so. */
export const parsedJson = (value: unknown): unknown => {
  if (typeof value !== "string" || value.length > maxLooked || !/^\s*[[{]/.test(value)) {
    return value;
  }
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

/** The first few names. */
const firstNames = (args: Args, most: number): string[] => {
  const names: string[] = [];
  for (const name in args) {
    if (names.length >= most) break;
    names.push(name);
  }
  return names;
};

const single = (value: unknown): unknown =>
  Array.isArray(value) && value.length === 1 ? value[0] : value;

/** Whether an object holds arguments of the tool, or an object around them. */
const holdsArguments = (value: unknown, shape: Shape, layers = maxLayers): value is Args =>
  isObject(value) &&
  firstNames(value, maxMembers).some(
    (name) =>
      shape.forms.has(plainForm(name)) ||
      (layers > 1 && holdsArguments(single(parsedJson(value[name])), shape, layers - 1)),
  );

type Layer = { name: string; value: unknown; inner: Args };

/** The undeclared argument that holds the others, if there is one. */
const layerOf = (args: Args, shape: Shape): Layer | undefined => {
  for (const name of firstNames(args, maxMembers)) {
    // A profile may hold any key, and an object in place of an id is told of as such.
    if (shape.names.includes(name) || shape.forms.has(plainForm(name))) continue;
    const value = args[name];
    const inner = single(parsedJson(value));
    if (holdsArguments(inner, shape)) return { name, value, inner };
  }
  return undefined;
};

/** The members beside a wrapper, without those that belong to it, such as the tool's name. */
const besides = (args: Args, wrapper: string): Args =>
  Object.fromEntries(
    Object.entries(args).filter(([name, value]) => {
      return name !== wrapper && !(typeof value === "string" && callText.test(value));
    }),
  );

const unparsed = (args: Args, shape: Shape): string | undefined => {
  const names = firstNames(args, maxMembers);
  if (names.some((name) => shape.names.includes(name))) return undefined;
  return names.find((name) => typeof args[name] === "string" && unparsedForms.has(plainForm(name)));
};

const unreadable = (path: string, received: string, accepted: string): Opened => ({
  args: {},
  issues: [{ path, received, accepted }],
  unreadable: true,
});

const noObject = (value: unknown, shape: Shape): Opened => {
  const inList = Array.isArray(value) && holdsArguments(value[0], shape);
  const list = inList ? "the object itself, not in a list (one call is for one user): " : "";
  return unreadable("arguments", kindOf(value), `${list}an object with ${shape.names.join(", ")}`);
};

const tooMany = (count: number, shape: Shape): Opened =>
  unreadable(
    "arguments",
    `${count} arguments`,
    `only ${shape.names.join(", ")}; each profile key goes inside profile`,
  );

const hostsText = (name: string, shape: Shape): Opened =>
  unreadable(
    shortName(name),
    "text that the host could not read as arguments",
    `the arguments again, as one JSON object with ${shape.names.join(", ")}; check its quotes, commas and brackets`,
  );

const layerIssue = ({ name, value }: Layer, shape: Shape): Issue => ({
  path: shortName(name),
  received: `the arguments inside one more ${kindOf(value).replace(/^an? /, "")}`,
  accepted: `what is inside ${shortName(name)}, at the top level: ${shape.names.join(", ")}`,
});

const open = (args: Args, shape: Shape, layers: number): Opened => {
  const count = Object.keys(args).length;
  if (count > maxIssues) return tooMany(count, shape);
  const text = unparsed(args, shape);
  if (text !== undefined) return hostsText(text, shape);
  const layer = layers > 0 ? layerOf(args, shape) : undefined;
  if (!layer) return { args, issues: [], unreadable: false };
  const inner = open(layer.inner, shape, layers - 1);
  if (inner.unreadable) return inner;
  return {
    args: { ...inner.args, ...besides(args, layer.name) },
    issues: [layerIssue(layer, shape), ...inner.issues],
    unreadable: false,
  };
};

/**
 * Takes away what stands around the arguments of a call, so that one answer can tell every problem.
 * Each layer is an issue of its own: a person is shown only the declared arguments, so nothing is
 * ever done with what was found in one. An object with more members than anybody has problems to
 * read is refused without a look at them.
 *
 * @param raw the `arguments` of `tools/call`: an object, or JSON text of one, which some hosts send
 */
export const openEnvelopes = (raw: unknown, shape: Shape): Opened => {
  const whole = parsedJson(raw ?? {});
  return isObject(whole) ? open(whole, shape, maxLayers) : noObject(whole, shape);
};
