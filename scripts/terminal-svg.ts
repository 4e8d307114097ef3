import { stripVTControlCharacters } from "node:util";

// A cell as wide as in most monospace fonts; `textLength` makes the others fit.
const [cellWidth, lineHeight, fontSize] = [8.4, 20, 14];
const [padding, barHeight] = [22, 40];
const font = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/** Class -> its colour on a light and on a dark ground. */
const colours: Record<string, [light: string, dark: string]> = {
  ground: ["#ffffff", "#0d1117"],
  text: ["#1f2328", "#e6edf3"],
  muted: ["#59636e", "#8b949e"],
  red: ["#c4141f", "#ff7b72"],
  green: ["#116329", "#56d364"],
  yellow: ["#7d4e00", "#e3b341"],
  purple: ["#7a35d4", "#d2a8ff"],
  blue: ["#0550ae", "#79c0ff"],
};
const frameColours = ["#d1d9e0", "#30363d"] as const;
const buttons = ["#ff5f57", "#febc2e", "#28c840"];

/** SGR parameter -> the class of the text; bold is a weight, no colour. */
const looks: Record<string, string> = {
  1: "bold",
  2: "muted",
  31: "red",
  32: "green",
  33: "yellow",
  35: "purple",
  36: "blue",
};

const styleSheet = (): string => {
  const rules = (index: 0 | 1) => [
    ...Object.entries(colours).map(([name, pair]) => `.${name}{fill:${pair[index]}}`),
    `.frame{stroke:${frameColours[index]}}`,
  ];
  const dark = `@media (prefers-color-scheme:dark){${rules(1).join("")}}`;
  return `<style>${rules(0).join("")}.bold{font-weight:bold}${dark}</style>`;
};

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeXml = (raw: string): string => raw.replace(/[&<>"]/g, (char) => escapes[char] ?? char);

type Cell = { char: string; look: string };

/** Each character of a line with the class that it has. */
const cellsOf = (line: string): Cell[] => {
  const [plain = "", ...styled] = line.split("\u001b[");
  const runs = styled.map((run) => {
    const end = run.indexOf("m");
    return { look: looks[run.slice(0, end)] ?? "text", raw: run.slice(end + 1) };
  });
  return [{ look: "text", raw: plain }, ...runs].flatMap(({ look, raw }) =>
    [...raw].map((char) => ({ char, look })),
  );
};

const plainOf = (cells: readonly Cell[]): string => cells.map(({ char }) => char).join("");

const indentOf = (cells: readonly Cell[]): number =>
  plainOf(cells).length - plainOf(cells).trimStart().length;

/**
 * Paragraphs made one line again, with a small indent: the terminal's own line ends and its wide
 * margin would leave a narrow picture ragged.
 */
const unwrapped = (lines: readonly Cell[][]): Cell[][] => {
  const deep = 6;
  const merged: { cells: Cell[]; open: boolean }[] = [];
  for (const cells of lines) {
    const indent = indentOf(cells);
    const inside = indent >= deep && indent < cells.length;
    const body = cells.slice(inside ? indent : 0);
    const begins = /^\w+: /.test(plainOf(body));
    const last = merged.at(-1);
    if (inside && last?.open && !begins) last.cells.push({ char: " ", look: "text" }, ...body);
    else merged.push({ cells: inside ? [...blanks(2), ...body] : body, open: inside });
  }
  return merged.map(({ cells }) => cells);
};

const blanks = (count: number): Cell[] => Array(count).fill({ char: " ", look: "text" });

/** The line in pieces of at most `columns`, broken at blanks; what is carried over is indented. */
const wrap = (cells: readonly Cell[], columns: number): Cell[][] => {
  if (cells.length <= columns) return [[...cells]];
  const indent = indentOf(cells);
  const blank = plainOf(cells.slice(0, columns + 1)).lastIndexOf(" ");
  const end = blank > indent ? blank : columns;
  const rest = cells.slice(plainOf(cells)[end] === " " ? end + 1 : end);
  return [cells.slice(0, end), ...wrap([...blanks(indent || 2), ...rest], columns)];
};

/** The parts of a line that have one look and no gap, with the column where they begin. */
const partsOf = (cells: readonly Cell[]) => {
  const parts: { column: number; look: string; words: string }[] = [];
  for (const [column, { char, look }] of cells.entries()) {
    const last = parts.at(-1);
    const adjoins = last?.look === look && last.column + last.words.length === column;
    if (adjoins && !(char === " " && last.words.endsWith(" "))) last.words += char;
    else if (char !== " ") parts.push({ column, look, words: char });
  }
  return parts.map((part) => ({ ...part, words: part.words.trimEnd() }));
};

const round = (number: number): number => Math.round(number * 10) / 10;

const drawLine = (cells: readonly Cell[], index: number): string[] => {
  const y = barHeight + padding + index * lineHeight;
  return partsOf(cells).map(({ column, look, words }) => {
    const x = round(padding + column * cellWidth);
    const size = `textLength="${round(words.length * cellWidth)}" lengthAdjust="spacingAndGlyphs"`;
    const kind = look === "bold" ? "text bold" : look;
    return `<text x="${x}" y="${y}" class="${kind}" ${size}>${escapeXml(words)}</text>`;
  });
};

type Picture = { title: string; description: string; columns?: number };

/**
 * A terminal with these lines, whose colours are SGR sequences, as SVG that follows the reader's
 * light or dark mode.
 *
 * @param columns wraps longer lines; without it the longest line decides
 */
export const drawTerminal = (lines: readonly string[], picture: Picture): string => {
  const longest = Math.max(...lines.map((line) => stripVTControlCharacters(line).length));
  const columns = Math.min(picture.columns ?? longest, longest);
  const cells = lines.map(cellsOf);
  const rows = (columns < longest ? unwrapped(cells) : cells).flatMap((line) =>
    wrap(line, columns),
  );
  const width = Math.ceil(columns * cellWidth + 2 * padding);
  const height = barHeight + 2 * padding + (rows.length - 1) * lineHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title" font-family="${font}" font-size="${fontSize}">`,
    `<title id="title">${escapeXml(picture.description)}</title>`,
    styleSheet(),
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" class="ground frame"/>`,
    ...buttons.map((fill, i) => `<circle cx="${padding + i * 20}" cy="20" r="6" fill="${fill}"/>`),
    `<text x="${width / 2}" y="25" text-anchor="middle" class="muted">${picture.title}</text>`,
    `<path d="M0 ${barHeight}.5H${width}" class="frame"/>`,
    ...rows.flatMap(drawLine),
    "</svg>",
    "",
  ].join("\n");
};
