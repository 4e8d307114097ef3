import type { ZodIssue } from "zod/v3";
import { maxBodyBytes } from "../../lib/contract.ts";
import { isObject } from "../../lib/json.ts";
import { plainName } from "../../lib/text.ts";
import type { ToolScope } from "../tool.ts";
import { type Issue, inputSchema } from "./schema.ts";

export type Profile = Readonly<Record<string, string>>;

export type Parsed = {
  /** Present where given and well-formed, or pinned; usable for the result even beside issues. */
  appId?: string;
  userId?: string;
  /** Own keys of the profile as sent, in order; empty where no object arrived. */
  keys: string[];
  issues: Issue[];
  /** A sentence of its own for the commonest mistake, an id of the wrong kind. */
  advice?: string;
  /** Valid only when `issues` is empty. */
  profile: Profile;
  onReservedKey: "fail" | "skip";
};

/** An empty key with an empty value and a comma. */
const minEntryBytes = '"":"",'.length;

const idKinds: readonly [kind: string, pattern: RegExp, advice: string][] = [
  ["an email address", /^[^\s@]+@[^\s@]+$/, "An email address is not a user id"],
  ["a phone number", /^\+?[\d\s().-]{6,}$/, "A phone number is not a user id"],
  [
    "a UUID",
    /^\{?[\da-f]{8}-?(?:[\da-f]{4}-?){3}[\da-f]{12}\}?$/i,
    "A UUID is not a user id here; the access token's user_id claim is a different, internal id",
  ],
];

/** Some hosts send objects as JSON text. Returns what the text holds, or the value itself. */
const unwrapJson = (value: unknown): unknown => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

const kindOf = (value: unknown): string => {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (value === "") return "an empty string";
  return `a ${typeof value}`;
};

const howToSend: Record<string, string> = {
  "a number": "a string: send the digits in quotes",
  "a boolean": 'a string: send "true" or "false" in quotes',
  null: "a string: leave the key out if it is not to change; this tool does not delete keys",
  "an array": "a string: ask the person in which text form the list is stored",
  "an object": "a string: ask the person in which text form the object is stored",
};

const idIssue = (name: "app_id" | "user_id", value: unknown): Issue => {
  const text = typeof value === "string" ? value : undefined;
  const kind =
    name === "user_id" && text && idKinds.find(([, pattern]) => pattern.test(text.trim()))?.[0];
  return {
    path: name,
    received: kind || (text ? "a string of another form" : kindOf(value)),
    accepted:
      name === "user_id"
        ? `a user id: usr_ followed by 1 to 128 letters, digits, _ or -`
        : "an app id: 1 to 128 letters, digits, _ or -",
  };
};

const pinnable = new Map([
  ["app_id", "appId"],
  ["user_id", "userId"],
] as const) as ReadonlyMap<string, "appId" | "userId">;

const userIdAdvice = (issues: readonly Issue[]): string | undefined => {
  const received = issues.find((issue) => issue.path === "user_id")?.received;
  const kind = idKinds.find(([name]) => name === received);
  return (
    kind &&
    `${kind[2]}: look up the id that starts with usr_ (the sub claim of the user's access token).`
  );
};

/**
 * Makes the check of the tool's arguments for one scope. The check compares them with the published
 * schema and with the limits that a JSON Schema does not carry, finds every problem at once, and
 * never repeats a value. `raw` is the `arguments` of `tools/call`: an object, or JSON text of one.
 */
export const createArgumentParser = (scope: ToolScope) => {
  // Any key here: which ones may be written is the policy's to say, with a code of its own.
  const schema = inputSchema({ ...scope, allowedKeys: undefined });
  const names = Object.keys(schema.shape).join(", ");

  const undeclared = (name: string): Issue => {
    const pin = pinnable.get(name);
    return {
      path: plainName(name),
      received: "an undeclared argument",
      accepted:
        pin && scope[pin] !== undefined
          ? `nothing: leave ${name} out, it is fixed by whoever runs this server`
          : `nothing: leave it out; the arguments are ${names}`,
    };
  };

  const toIssues = (issue: ZodIssue, args: unknown): Issue[] => {
    const [head, key] = issue.path;
    if (issue.code === "unrecognized_keys") return issue.keys.map(undeclared);
    if (head === undefined) {
      return [{ path: "arguments", received: kindOf(args), accepted: `an object with ${names}` }];
    }
    const value = (args as Record<string, unknown>)[head];
    if (head === "app_id" || head === "user_id") return [idIssue(head, value)];
    if (head === "on_reserved_key") {
      return [
        { path: head, received: kindOf(value), accepted: '"fail" or "skip", or leave it out' },
      ];
    }
    if (key === undefined) {
      return [
        {
          path: "profile",
          received: kindOf(value),
          accepted: "an object of keys and string values",
        },
      ];
    }
    const received = kindOf((value as Record<string, unknown>)[key]);
    const accepted = howToSend[received] ?? "a string";
    return [{ path: `profile.${plainName(String(key))}`, received, accepted }];
  };

  return (raw: unknown): Parsed => {
    let args = unwrapJson(raw ?? {});
    if (isObject(args)) {
      const { on_reserved_key: choice, ...rest } = args;
      // Some hosts send null for an optional argument that the model left out.
      const kept = choice === null ? rest : args;
      args =
        typeof rest.profile === "string" ? { ...kept, profile: unwrapJson(rest.profile) } : kept;
    }
    const given = isObject(args) ? args : {};
    // The raw object, not zod's copy, which drops an own "__proto__": to the API a key like any other.
    const profile = (isObject(given.profile) ? given.profile : {}) as Profile;
    const keys = Object.keys(profile);
    // So many keys cannot fit, whatever they hold: no need to look at each of them.
    const tooMany = keys.length * minEntryBytes > maxBodyBytes;
    const looked = tooMany ? { ...given, profile: {} } : args;
    const checked = schema.safeParse(looked);
    const issues = checked.success ? [] : checked.error.issues.flatMap((i) => toIssues(i, looked));
    const bad = new Set(issues.map((issue) => issue.path));

    // Values that are not strings were refused above and may be nested too deeply to serialise.
    const body = issues.length === 0 && !tooMany ? JSON.stringify({ profile }) : "";
    const bytes = Buffer.byteLength(body);
    if (tooMany) {
      issues.push({
        path: "profile",
        received: `${keys.length} keys`,
        accepted: `at most ${maxBodyBytes} bytes as JSON`,
      });
    }
    if (isObject(given.profile) && keys.length === 0) {
      issues.push({
        path: "profile",
        received: "no key",
        accepted: "at least one key with a string value",
      });
    }
    if (bytes > maxBodyBytes) {
      issues.push({
        path: "profile",
        received: `${bytes} bytes as JSON`,
        accepted: `at most ${maxBodyBytes} bytes`,
      });
    }

    const id = (name: "app_id" | "user_id", pinned: string | undefined) =>
      pinned ?? (typeof given[name] === "string" && !bad.has(name) ? given[name] : undefined);
    const appId = id("app_id", scope.appId);
    const userId = id("user_id", scope.userId);
    const advice = userIdAdvice(issues);
    return {
      ...(appId !== undefined && { appId }),
      ...(userId !== undefined && { userId }),
      ...(advice && { advice }),
      keys: tooMany ? [] : keys,
      issues,
      profile,
      onReservedKey: given.on_reserved_key === "skip" ? "skip" : "fail",
    };
  };
};

/** One issue for every key that the policy refuses, beside the other problems of the same call. */
export const refusedKeyIssues = (keys: readonly string[]): Issue[] =>
  keys.map((key) => ({
    path: `profile.${plainName(key)}`,
    received: "a key that this server may not write",
    accepted: "nothing: leave it out",
  }));
