/** `maxWritesPerMinute` -> `PRELUDE_MAX_WRITES_PER_MINUTE`: every member of `Config` is called after its setting. */
export const settingName = (field: string): string =>
  `PRELUDE_${field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
