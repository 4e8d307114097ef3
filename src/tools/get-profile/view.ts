import type { createKeyCheck } from "../../guards/key-policy.ts";
import { asText } from "../../lib/json.ts";
import { redact, type Secrets, shorten, visiblePart } from "../../lib/text.ts";
import { nameFlaw } from "../update-profile/schema.ts";

/** What of a profile is shown; everything in it comes from outside. */
export type ProfileView = {
  /** Names of the keys that are shown, each exactly as Prelude holds it. */
  profileKeys: string[];
  /** Values as text; undefined where the operator lets only the names be seen. */
  profile: Record<string, string> | undefined;
  /** Keys whose value is not shown as Prelude holds it. */
  alteredKeys: string[];
  /** How many keys are not shown. */
  hiddenKeys: number;
};

type Options = {
  /** False: names only. */
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

/** A name that a call could send: it is shown exactly as it is. */
const isSendable = (name: string, secrets: Secrets): boolean =>
  nameFlaw(name) === undefined && redact(name, secrets) === name;

/** What the operator lets be seen of a profile, cleaned and bounded. */
export const viewProfile = (
  profile: Readonly<Record<string, unknown>>,
  { values, refused, secrets }: Options,
): ProfileView => {
  const names = Object.keys(profile);
  const profileKeys: string[] = [];
  for (const name of names) {
    if (profileKeys.length === maxNames) break;
    if (isSendable(name, secrets) && refused([name]) === undefined) profileKeys.push(name);
  }
  const hiddenKeys = names.length - profileKeys.length;
  if (!values) return { profileKeys, profile: undefined, alteredKeys: [], hiddenKeys };

  const shown: [string, string][] = [];
  const alteredKeys: string[] = [];
  let room = maxValues;
  for (const name of profileKeys) {
    const value = profile[name];
    const text =
      room > 0 ? shorten(visiblePart(asText(value), secrets), Math.min(maxValue, room)) : undefined;
    if (text !== value) alteredKeys.push(name);
    if (text === undefined) continue;
    shown.push([name, text]);
    room -= text.length;
  }
  return { profileKeys, profile: Object.fromEntries(shown), alteredKeys, hiddenKeys };
};
