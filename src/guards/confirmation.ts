import { asText } from "../lib/json.ts";
import { escapeInvisible } from "../lib/text.ts";
import type { Write } from "../profile/write.ts";

/** The call ends with this question to the person; their answer comes with another call. */
export type Question = { question: Record<string, unknown> };

/** What became of the question to the person. */
export type Answer = "accepted" | "declined" | "timeout" | "unavailable" | Question;

export type Confirmation = {
  /** What the person is shown: all of what would be written. */
  text: string;
  /** Everything that the answer is about, to the letter. */
  subject: string;
};

/** What reading showed of the profile as it is now: its values, or only the names of its keys. */
export type Before =
  | { shows: "values"; profile: Readonly<Record<string, unknown>> }
  | { shows: "keys"; keys: readonly string[] };

/** A person approves only what a dialog can show. */
const maxShownKeys = 100;
const maxShownCharacters = 10_000;
/** Longest piece of an old value that is shown, in UTF-16 code units. */
const maxOldCharacters = 200;

/** Text as the person must see it: in quotes that nothing inside can end, nothing invisible. */
const show = (text: string): string => escapeInvisible(JSON.stringify(text));

/** An old value: a string as it is, anything else as its JSON; the cut is marked outside the quotes. */
const showOld = (value: unknown): string => {
  const text = asText(value);
  return text.length > maxOldCharacters ? `${show(text.slice(0, maxOldCharacters))}…` : show(text);
};

/** What the profile holds now under a key that would be written, in brackets. */
const noteOf = (key: string, before: Before | undefined): string => {
  if (before === undefined) return "";
  if (before.shows === "keys") return before.keys.includes(key) ? " (replaces a value)" : " (new)";
  return Object.hasOwn(before.profile, key) ? ` (now ${showOld(before.profile[key])})` : " (new)";
};

const textOf = ({ appId, userId, profile, onReservedKey }: Write, before?: Before): string => {
  const lines = [`Update the Prelude profile of user ${userId} in app ${appId}?`];
  for (const [key, value] of Object.entries(profile)) {
    lines.push(`${show(key)} = ${show(value)}${noteOf(key, before)}`);
  }
  if (onReservedKey === "skip") lines.push("Keys that Prelude reserves will be left out.");
  return lines.join("\n");
};

/**
 * The question that a person is asked before a write: whom it is for, and what would be written.
 * Undefined where that is too much to show; nobody can approve what is not shown.
 *
 * @param before what is there now, shown beside it as far as there is room; the answer is about the
 *   new values only
 */
export const confirmationOf = (write: Write, before?: Before): Confirmation | undefined => {
  const { appId, userId, profile, onReservedKey } = write;
  const entries = Object.entries(profile);
  if (entries.length > maxShownKeys) return undefined;
  const text = [textOf(write, before), textOf(write)].find(
    (candidate) => candidate.length <= maxShownCharacters,
  );
  if (text === undefined) return undefined;
  return { text, subject: JSON.stringify([appId, userId, entries, onReservedKey]) };
};
