import { plainForm } from "../envelopes.ts";
import type { ToolScope } from "../tool.ts";

export type ArgumentName = "app_id" | "user_id" | "profile" | "on_reserved_key";

/** Some of the tool's arguments, unchecked. */
export type Arguments = Partial<Record<ArgumentName, unknown>>;

/** Arguments of the published schema for this scope. */
export const declaredNames = (scope: ToolScope): ArgumentName[] => {
  const names: ArgumentName[] = [];
  if (scope.appId === undefined) names.push("app_id");
  if (scope.userId === undefined) names.push("user_id");
  return [...names, "profile", "on_reserved_key"];
};

/** Names of arguments without case and punctuation -> the argument. */
const spellings: ReadonlyMap<string, ArgumentName> = new Map([
  ["appid", "app_id"],
  ["userid", "user_id"],
  ["profile", "profile"],
  ["onreservedkey", "on_reserved_key"],
]);

const forms = (argument: ArgumentName, names: string): [string, ArgumentName][] =>
  names.split(" ").map((name) => [name, argument]);

/** The same for other names that agents give to an argument; they count only where it is missing. */
const otherNames: ReadonlyMap<string, ArgumentName> = new Map([
  ...forms("app_id", "app application applicationid"),
  ...forms("user_id", "user uid id usrid sub subject targetuser targetuserid preludeuserid"),
  ...forms(
    "profile",
    "profiledata userprofile profileupdate profileupdates profilefields profilekeys fields attributes data update updates values properties changes keys newvalues set patch body payload metadata",
  ),
  ...forms("on_reserved_key", "onreserved onreservedkeys reservedkey reservedkeys"),
]);

/** The forms that mean an argument of this tool wherever they stand. */
export const argumentForms: ReadonlySet<string> = new Set(spellings.keys());

/** The argument that is spelt so, but for case and punctuation. */
export const spelt = (name: string): ArgumentName | undefined => spellings.get(plainForm(name));

/** The argument that agents also call so. */
export const alsoCalled = (name: string): ArgumentName | undefined =>
  otherNames.get(plainForm(name));

/** What the operator fixed, by the name of its argument. */
export const fixedValue = (name: ArgumentName, scope: ToolScope): string | undefined => {
  if (name === "app_id") return scope.appId;
  return name === "user_id" ? scope.userId : undefined;
};
