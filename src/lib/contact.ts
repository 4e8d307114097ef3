/** Longest address, in characters (RFC 5321, 4.5.3.1.3, less the angle brackets). */
const maxEmail = 254;
/** A character on either side of the `@`: none that quotes, lists or wraps an address. */
const emailCharacter = String.raw`[^\s@"“”„‟‘’‚‛«»<>(),;:\\[\]\p{C}]`;
/** The same without the dot, so that a domain can be read in one way only. */
const labelCharacter = emailCharacter.replace("[^", "[^.");
const emailForm = new RegExp(
  String.raw`^${emailCharacter}{1,64}@(?:${labelCharacter}+\.)+${labelCharacter}+$`,
  "u",
);
/** E.164: a plus, a country code, fifteen digits at most. */
const phoneForm = /^\+[1-9]\d{6,14}$/;

/** The address without the blanks around it; undefined for what is none. */
export const emailOf = (text: string): string | undefined => {
  if (text.length > 4 * maxEmail) return undefined;
  const address = text.trim();
  return address.length <= maxEmail && emailForm.test(address) ? address : undefined;
};

/**
 * The number as E.164, free of blanks, dots, dashes and plain brackets; undefined for what is none.
 * `(0)` is no part of it: whether the zero is dialled depends on the country.
 */
export const phoneOf = (text: string): string | undefined => {
  if (text.length > 100 || /\(\s*0\s*\)/.test(text)) return undefined;
  const number = text.replace(/[\s().\-\u2010-\u2015]/g, "");
  return phoneForm.test(number) ? number : undefined;
};
