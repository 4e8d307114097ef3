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

/** A person approves only what a dialog can show. */
const maxShownKeys = 100;
const maxShownCharacters = 10_000;

/** Text as the person must see it: in quotes that nothing inside can end, nothing invisible. */
const show = (text: string): string => escapeInvisible(JSON.stringify(text));

/**
 * The question that a person is asked before a write: whom it is for, and what would be written.
 * Undefined where that is too much to show; nobody can approve what is not shown.
 */
export const confirmationOf = (write: Write): Confirmation | undefined => {
  const { appId, userId, profile, onReservedKey } = write;
  const entries = Object.entries(profile);
  if (entries.length > maxShownKeys) return undefined;
  const lines = [
    `Update the Prelude profile of user ${userId} in app ${appId}?`,
    ...entries.map(([key, value]) => `${show(key)} = ${show(value)}`),
    ...(onReservedKey === "skip" ? ["Keys that Prelude reserves will be left out."] : []),
  ];
  const text = lines.join("\n");
  if (text.length > maxShownCharacters) return undefined;
  return { text, subject: JSON.stringify([appId, userId, entries, onReservedKey]) };
};
