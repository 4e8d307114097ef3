import { editDistance, nearest } from "./did-you-mean.ts";

const prefix = "PRELUDE_";
/** Words with which a misspelt guard begins; such a name is never taken for somebody else's. */
const guardWords = ["ALLOW", "BLOCK", "CONFIRM", "MAX_WRITES", "MAX_READS", "READ", "AUDIT"];
/** Words that mean a guard wherever they stand among words that could be ours -> the guard. */
const guardMeanings: readonly [words: RegExp, rest: string][] = [
  [/^(?:ALLOW(?:ED|LIST)?|WHITELIST(?:ED)?)$/, "ALLOWED_KEYS"],
  [/^(?:BLOCK(?:ED|LIST)?|BLACKLIST(?:ED)?|DEN(?:Y|IED|YLIST)|FORBIDDEN)$/, "BLOCKED_KEYS"],
  [/^(?:CONFIRM(?:ATION)?|APPROV(?:E|AL))$/, "CONFIRM"],
  [/^(?:RATELIMIT|WRITES)$/, "MAX_WRITES_PER_MINUTE"],
  [/^AUDIT$/, "AUDIT_LOG"],
];
/** What may stand beside such a word; with any other, the name is somebody else's. */
const ours: ReadonlySet<string> = new Set(
  "KEY KEYS LIST FIELD FIELDS LOG FILE PATH REQUIRE REQUIRED MCP PROFILE USER WRITE READ PER MINUTE MIN LIMIT MAX MODE ENABLE ENABLED".split(
    " ",
  ),
);
const words = (name: string): string => name.split("_").sort().join("_");

// For a service named prelude-audit, Kubernetes sets these in every container of its namespace.
const serviceLink =
  /_(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** `PRELUD_CONFIRM`: the name is right, the prefix before it has one slip. A digit is no slip but another service. */
const misspeltPrefix = <Name extends string>(name: string, known: readonly Name[]) =>
  known.find((candidate) => {
    const rest = candidate.slice(prefix.length);
    const head = name.slice(0, -rest.length);
    return name.endsWith(rest) && !/\d/.test(head) && editDistance(head, prefix) === 1;
  });

const misspeltRest = <Name extends string>(name: string, known: readonly Name[]) => {
  const rest = name.slice(prefix.length);
  const guard = guardWords.find((word) => rest.startsWith(word));
  const slip = nearest(name, known, (distance, candidate) => {
    const right = candidate.slice(prefix.length);
    return (
      distance <= 2 ||
      right === `${rest}_ID` ||
      right === `${rest}_MS` ||
      words(right) === words(rest) ||
      (guard !== undefined && right.startsWith(guard))
    );
  });
  if (slip !== undefined) return slip;
  const parts = rest.replace("RATE_LIMIT", "RATELIMIT").split("_");
  const meaning = guardMeanings.find(([word]) =>
    parts.some((part) => word.test(part) && parts.every((one) => one === part || ours.has(one))),
  );
  return known.find((candidate) => candidate === `${prefix}${meaning?.[1]}`);
};

/** Whether a variable is meant to turn on the sandbox, which is no setting. */
export const meansSandbox = (name: string, value = ""): boolean =>
  /^PRELUDE_(?:USE_|ENABLE_)?(?:SANDBOX|DRY_?RUN|TEST_?MODE)(?:_MODE|_ENABLED)?$/i.test(name) &&
  !/^(?:false|0|no|off)$/i.test(value.trim());

/** The known name that `name` is probably meant to be, or undefined if it is somebody else's. */
export const meantSetting = <Name extends string>(
  name: string,
  known: readonly Name[],
): Name | undefined => {
  if (serviceLink.test(name)) return undefined;
  const upper = name.toUpperCase();
  return upper.startsWith(prefix) ? misspeltRest(upper, known) : misspeltPrefix(upper, known);
};
