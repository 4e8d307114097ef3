/** Longest address, in characters (RFC 5321, 4.5.3.1.3, less the angle brackets). */
const maxEmail = 254;
/** What quotes, lists or wraps an address. */
const around = /[\s"“”„‟‘’‚‛«»<>(),;:\\[\]\p{C}]/u;
const emailForm = /^[^@]{1,64}@(?:[^@.]+\.)+[^@.]+$/u;
/** E.164: a plus, a country code, fifteen digits at most. */
const phoneForm = /^\+[1-9]\d{6,14}$/;

/** The address without the blanks around it; undefined for what is none. */
export const emailOf = (text: string): string | undefined => {
  const address = text.trim();
  const isOne = address.length <= maxEmail && emailForm.test(address) && !around.test(address);
  return isOne ? address : undefined;
};

/**
 * The number as E.164, free of blanks, dots, dashes and plain brackets; undefined for what is none.
 * `(0)` is no part of it: whether the zero is dialled depends on the country.
 */
export const phoneOf = (text: string): string | undefined => {
  if (/\(\s*0\s*\)/.test(text)) return undefined;
  const number = text.replace(/[\s().\-\u2010-\u2015]/g, "");
  return phoneForm.test(number) ? number : undefined;
};
