/** The shell of the person who reads what `--print-config` prints. */
export type Shell = "posix" | "powershell";

export const json = (value: unknown): string => JSON.stringify(value, null, 2);

/** Encoded twice, because a bare "+" in a query string reads as a space. */
export const base64 = (value: unknown): string =>
  encodeURIComponent(Buffer.from(JSON.stringify(value)).toString("base64"));

/** A string of TOML and of YAML: JSON's quoting, save for controls that JSON leaves bare and they refuse. */
export const quoted = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);

/** A list in one line of TOML or YAML. */
export const inlineList = (texts: readonly string[]): string => `[${texts.map(quoted).join(", ")}]`;

/** A map in one line; `separator` is `" = "` for TOML and `": "` for YAML. */
export const inlineMap = (entries: Readonly<Record<string, string>>, separator: string): string => {
  const pairs = Object.entries(entries).map(
    ([key, value]) => quoted(key) + separator + quoted(value),
  );
  return `{${pairs.join(", ")}}`;
};

const plainWord = /^[\w@%+=:,./-]+$/;

const quoteFor: Record<Shell, (word: string) => string> = {
  posix: (word) => (plainWord.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`),
  // PowerShell gives a bare "--" a meaning of its own and splits a bare word at a comma.
  powershell: (word) =>
    /^[\w=:./-]+$/.test(word) && word !== "--" ? word : `'${word.replaceAll("'", "''")}'`,
};

/** One command line of these words. */
export const commandLine = (words: readonly string[], shell: Shell): string =>
  words.map(quoteFor[shell]).join(" ");
