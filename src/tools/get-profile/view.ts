import type { createKeyCheck } from "../../guards/key-policy.ts";
import { maxKeyCharacters } from "../../lib/contract.ts";
import { asText } from "../../lib/json.ts";
import { escapeInvisible, redact, type Secrets } from "../../lib/text.ts";

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
/** Longest piece of a value that is looked at. */
const maxLooked = 4 * maxValue;

const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max).replace(/[\ud800-\udbff]$/, "")}…`;

/** A name that can be shown exactly, so that it can be written back. */
const isExact = (name: string, secrets: Secrets): boolean =>
  name.length <= maxKeyCharacters &&
  escapeInvisible(name) === name &&
  redact(name, secrets) === name;

const shownValue = (value: unknown, room: number, secrets: Secrets): string => {
  const text = asText(value);
  // Cut first: the work for a value must not grow with its length.
  const whole = text.length <= maxLooked;
  const clean = redact(escapeInvisible(redact(text.slice(0, maxLooked), secrets)), secrets);
  if (whole) return cut(clean, Math.min(maxValue, room));
  // What the cut left of a secret stands at the end.
  const longest = Math.max(1, ...secrets.map(({ length }) => length));
  return `${cut(clean.slice(0, -longest), Math.min(maxValue, room)).replace(/…$/, "")}…`;
};

/** What the operator lets be seen of a profile, cleaned and bounded. */
export const viewProfile = (
  profile: Readonly<Record<string, unknown>>,
  { values, refused, secrets }: Options,
): ProfileView => {
  const names = Object.keys(profile);
  const profileKeys: string[] = [];
  for (const name of names) {
    if (profileKeys.length === maxNames) break;
    if (isExact(name, secrets) && refused([name]) === undefined) profileKeys.push(name);
  }
  const hiddenKeys = names.length - profileKeys.length;
  if (!values) return { profileKeys, profile: undefined, alteredKeys: [], hiddenKeys };

  const shown: [string, string][] = [];
  const alteredKeys: string[] = [];
  let room = maxValues;
  for (const name of profileKeys) {
    const value = profile[name];
    const text = room > 0 ? shownValue(value, room, secrets) : undefined;
    if (text !== value) alteredKeys.push(name);
    if (text === undefined) continue;
    shown.push([name, text]);
    room -= text.length;
  }
  return { profileKeys, profile: Object.fromEntries(shown), alteredKeys, hiddenKeys };
};
