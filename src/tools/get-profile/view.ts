import type { createKeyCheck } from "../../guards/key-policy.ts";
import { asText } from "../../lib/json.ts";
import { redact, type Secrets, shorten, visiblePart } from "../../lib/text.ts";
import { nameFlaw } from "../update-profile/schema.ts";

type Options = {
  values: boolean;
  /** The operator's limits: what may not be written is not shown either. */
  refused: ReturnType<typeof createKeyCheck>;
  /** Never shown, should a profile hold it. */
  secrets: Secrets;
};

const maxNames = 1_000;
/** Longest value, and all values together, in UTF-16 code units. */
const maxValue = 1_000;
const maxValues = 20_000;

/** What of a profile the operator lets be seen, as the result shows it: cleaned and bounded. */
export const viewProfile = (
  profile: Readonly<Record<string, unknown>>,
  { values, refused, secrets }: Options,
) => {
  const names = Object.keys(profile);
  const profile_keys = names
    // What a call could send is shown exactly as it is.
    .filter((name) => nameFlaw(name) === undefined && redact(name, secrets) === name)
    .filter((name) => refused([name]) === undefined)
    .slice(0, maxNames);
  const hidden_keys = names.length - profile_keys.length || undefined;
  if (!values) return { profile_keys, hidden_keys };

  const shown: [string, string][] = [];
  const altered: string[] = [];
  let room = maxValues;
  for (const name of profile_keys) {
    const value = profile[name];
    const text =
      room > 0 ? shorten(visiblePart(asText(value), secrets), Math.min(maxValue, room)) : undefined;
    if (text !== value) altered.push(name);
    if (text === undefined) continue;
    shown.push([name, text]);
    room -= text.length;
  }
  const altered_keys = altered.length > 0 ? altered : undefined;
  return { profile_keys, profile: Object.fromEntries(shown), altered_keys, hidden_keys };
};
