import { shortName } from "../lib/names.ts";

/** One problem of a call's arguments. No value is ever repeated in it. */
export type Issue = { path: string; received: string; accepted: string };

/** Problems that one answer tells at most; nobody looks for more. */
const maxIssues = 200;

/** As many problems as one answer tells, and whether there are more. */
export const shortened = (issues: readonly Issue[]): Issue[] => {
  if (issues.length <= maxIssues) return [...issues];
  const more = {
    path: "arguments",
    received: "more problems",
    accepted: "the same for the others",
  };
  return [...issues.slice(0, maxIssues), more];
};

/** What kind of JSON value something is, in words. */
export const kindOf = (value: unknown): string => {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (value === "") return "an empty string";
  return `a ${typeof value}`;
};

/** A name as the path of an issue has it. */
export const namePath = (name: string): string => (name === "" ? '""' : shortName(name));

/** A problem that zod has no name for, as its `addIssue` and its `refine` take one. */
export const problem = (received: string, accepted: string, path: string[] = []) => ({
  code: "custom" as const,
  message: accepted,
  params: { received },
  path,
});
