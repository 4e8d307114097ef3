/** Prints a conversation: who speaks, what is sent, wrapped to the terminal and in its colours. */

const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
const forced = FORCE_COLOR !== undefined && !["0", "false"].includes(FORCE_COLOR);
const onTerminal = FORCE_COLOR === undefined && process.stdout.isTTY && TERM !== "dumb";
const coloured = !NO_COLOR && (forced || onTerminal);

const sgr = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, purple: 35, blue: 36 };
export type Style = keyof typeof sgr | "plain";
export type Piece = readonly [text: string, style?: Style];

export const paint = (text: string, style: Style = "plain"): string =>
  coloured && style !== "plain" ? `\u001b[${sgr[style]}m${text}\u001b[0m` : text;

const indent = 9;
const width = Math.max(60, Math.min(96, process.stdout.columns ?? 96));
const noBreak = "\u00a0";

/** Text that is not to be broken at its blanks. */
export const onOneLine = (text: string): string => text.replaceAll(" ", noBreak);

type Line = { text: string; style: Style }[];

/** Fills lines with the words of pieces; neighbours of one style become one piece again. */
const wrap = (pieces: readonly Piece[]): Line[] => {
  const lines: Line[] = [];
  let line: Line = [];
  let room = 0;
  for (const [text, style = "plain"] of pieces) {
    for (const word of text.split(" ")) {
      if (word.length + 1 > room) {
        line = [];
        lines.push(line);
        room = width - indent + 1;
      }
      room -= word.length + 1;
      const last = line.at(-1);
      if (last?.style === style) last.text += ` ${word}`;
      else line.push({ text: word, style });
    }
  }
  return lines;
};

/** Prints who speaks and what. */
export const say = (who: string, style: Style, ...pieces: Piece[]): void => {
  const lines = wrap(pieces).map((line) =>
    line.map((piece) => paint(piece.text.replaceAll(noBreak, " "), piece.style)).join(" "),
  );
  console.log(paint(who.padEnd(indent), style) + lines.join(`\n${" ".repeat(indent)}`));
};

/** `name: value, …` as a person reads it. */
export const properties = (object: object): string =>
  Object.entries(object)
    .map(([name, value]) =>
      typeof value === "object" && value !== null
        ? `${name}: { ${properties(value)} }`
        : `${name}: ${JSON.stringify(value)}`,
    )
    .join(", ");
