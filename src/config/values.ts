/** Whether a value is what hosts pass for a field left empty: nothing, or the bundle's own placeholder. */
export const isUnset = (text = ""): boolean => /^(?:\$\{user_config\.\w+\})?$/.test(text.trim());

/**
 * Whether the whole value is a placeholder that nothing has replaced (`${X}`, `$X`, `$(command)`,
 * `%X%`, `{{x}}`, `#{X}#`, `<your key>`) or a word that programs write for nothing.
 */
export const isStandIn = (text: string): boolean =>
  /^(?:[$#]?\{[^"']*\}#?|\$[a-z_]\w*(?::\w+)?|\$\(.*\)|%[^%]+%|<.*>|undefined|null|none)$/is.test(
    text,
  );

/**
 * Whether a text holds what many services' keys look like: `sk_live_…`, or 16 letters and digits in
 * a row with five digits among them. Prelude states no form for its own.
 */
export const looksLikeKey = (text: string): boolean =>
  /(?<![a-z\d])[spr]k_(?:live|test|prod)_|(?=[a-z\d]{16})(?:[a-z]{0,40}\d){5}/i.test(text);
