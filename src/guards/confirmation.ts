import { asText } from "../lib/json.ts";
import { escapeInvisible, type Secrets, shorten, visiblePart } from "../lib/text.ts";
import type { Write } from "../profile/write.ts";

/** The call ends with this question; the person's answer comes with another call. */
export type Question = { question: Record<string, unknown> };

export type Answer = "accepted" | "declined" | "timeout" | "unavailable" | Question;

export type Confirmation = {
  /** What the person is shown: all of what would be written. */
  text: string;
  /** Everything that the answer is about, to the letter. */
  subject: string;
};

/** How a call reaches the person, and which answer of theirs it brings along. */
export type Person = {
  /** The answer that the call brings, if it is about this very write. */
  answered: (subject: string) => "accepted" | "declined" | undefined;
  /** Resolves with `accepted` only if the person said so. */
  confirm: (confirmation: Confirmation) => Promise<Answer>;
};

/** The profile as it is now, undefined if it could not be read, and how much of it is shown. */
export type Before = {
  read: "keys" | "values";
  profile: Readonly<Record<string, unknown>> | undefined;
};

// A person approves only what a dialog can show.
const maxShownKeys = 100;
const maxShownCharacters = 10_000;
/** Longest piece of an old value that is shown, in UTF-16 code units. */
const maxOldCharacters = 200;

/** Text as the person must see it: in quotes that nothing inside can end, nothing invisible. */
const show = (text: string): string => escapeInvisible(JSON.stringify(text));

/** An old value: a string as it is, anything else as its JSON; the cut is marked outside the quotes. */
const showOld = (value: unknown, secrets: Secrets): string => {
  const part = visiblePart(asText(value), secrets);
  const whole = show(part);
  if (whole.length <= maxOldCharacters + 2) return whole;
  const insideQuotes = (char: string) => show(char).slice(1, -1);
  return `"${shorten(part, maxOldCharacters, insideQuotes, "")}"…`;
};

/** What the profile holds now under a key that would be written, in brackets. */
const noteOf = (key: string, before: Before | undefined, secrets: Secrets): string => {
  if (!before?.profile) return "";
  if (!Object.hasOwn(before.profile, key)) return " (new)";
  if (before.read === "keys") return " (replaces a value)";
  return ` (now ${showOld(before.profile[key], secrets)})`;
};

const unread = "\nWhat the profile holds now could not be read.";
const noRoom = "\nThere is no room to show what the profile holds now.";

const textOf = (write: Write, note: (key: string) => string): string => {
  const { appId, userId, profile, onReservedKey } = write;
  const lines = [`Update the Prelude profile of user ${userId} in app ${appId}?`];
  for (const [key, value] of Object.entries(profile)) {
    lines.push(`${show(key)} = ${show(value)}${note(key)}`);
  }
  if (onReservedKey === "skip") lines.push("Keys that Prelude reserves will be left out.");
  return lines.join("\n");
};

/**
 * The question that a person is asked before a write. Undefined where that is too much to show;
 * nobody can approve what is not shown.
 *
 * @param before what is there now, shown as far as there is room; the answer is about the new values
 *   only. Undefined where the operator lets nothing be read
 */
export const confirmationOf = (write: Write, before?: Before, secrets: Secrets = []) => {
  const { appId, userId, profile, onReservedKey } = write;
  const entries = Object.entries(profile);
  if (entries.length > maxShownKeys) return undefined;
  const plain = textOf(write, () => "");
  if (plain.length > maxShownCharacters) return undefined;
  const full = textOf(write, (key) => noteOf(key, before, secrets));
  const end = before && !before.profile ? unread : "";
  const text = full.length <= maxShownCharacters ? full + end : plain + noRoom;
  return { text, subject: JSON.stringify([appId, userId, entries, onReservedKey]) };
};
