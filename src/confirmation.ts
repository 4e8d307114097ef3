import type { Profile } from "./arguments.ts";
import { stripInvisible } from "./text.ts";

/** What became of the question to the person; `asked`: the answer will come with another call. */
export type Answer = "accepted" | "declined" | "unavailable" | "asked";

export type Confirmation = {
  /** What the person is shown. */
  text: string;
  /** Everything that the answer is about, to the letter; the text may shorten it. */
  subject: string;
};

const maxShownValue = 500;
const maxShownKeys = 100;

/** A value as the person must see it: nothing invisible stays invisible. */
const show = (value: string): string => {
  const escaped = [...value.slice(0, maxShownValue)]
    .map((char) =>
      stripInvisible(char) === char ? char : `\\u{${(char.codePointAt(0) as number).toString(16)}}`,
    )
    .join("");
  const more = value.length > maxShownValue ? `… (${value.length} characters in all)` : "";
  return `"${escaped}${more}"`;
};

/** The question that a person is asked before a write: whom it is for, and what would be written. */
export const confirmationOf = (appId: string, userId: string, profile: Profile): Confirmation => {
  const entries = Object.entries(profile);
  const lines = entries
    .slice(0, maxShownKeys)
    .map(([key, value]) => `${show(key)} = ${show(value)}`);
  const more =
    entries.length > maxShownKeys ? [`… and ${entries.length - maxShownKeys} more keys`] : [];
  return {
    text: [`Update the Prelude profile of user ${userId} in app ${appId}?`, ...lines, ...more].join(
      "\n",
    ),
    subject: JSON.stringify([appId, userId, entries]),
  };
};
