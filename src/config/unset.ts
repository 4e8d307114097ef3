/** Whether a value is what hosts pass for a field left empty: nothing, or the bundle's own placeholder. */
export const isUnset = (text: string | undefined): boolean =>
  text === undefined || /^(?:\$\{user_config\.\w+\})?$/.test(text.trim());

/** Forms in which templates, shells, hosts and secret stores name a value, if nothing has filled it in. */
const placeholders: readonly RegExp[] = [
  /^[$#]\{.*\}#?$/s, // ${X}, ${env:X}, ${input:x}, #{X}#
  /^\$[A-Za-z_]\w*(?::\w+)?$/, // $X, $env:X
  /^\$\(.*\)$/s, // $(command)
  /^%[^%]+%$/, // %X%
  /^\{[^"']*\}$/s, // {{x}}, {env:X}
  /^<.*>$/s, // <your key>
];

/** Whether the whole value is a placeholder that nothing has replaced. */
export const isPlaceholder = (text: string): boolean =>
  placeholders.some((form) => form.test(text.trim()));

/** Whether the value is a word that programs write for "nothing". */
export const isWordForNothing = (text: string): boolean =>
  /^(?:undefined|null|none)$/i.test(text.trim());
