import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

// Usage: npm run demo:svg [FILE]
// Draws what `demo.ts --short` really prints as a picture of a terminal that follows the reader's
// light or dark mode.

const description =
  "An agent changes a profile as a person asks, finds a reserved key and leaves it out, and asks about a user that does not exist";

// A cell as wide as in most monospace fonts; `textLength` makes the others fit.
const [cellWidth, lineHeight, fontSize, padding] = [8.4, 17.5, 14, 16];
const font = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/** SGR parameter (0: none) -> the class of the text, with its colour on a light and a dark ground. */
const looks: Record<number, readonly [name: string, light: string, dark: string]> = {
  0: ["text", "#1f2328", "#e6edf3"],
  1: ["bold", "#1f2328", "#e6edf3"],
  2: ["muted", "#59636e", "#8b949e"],
  31: ["red", "#c4141f", "#ff7b72"],
  32: ["green", "#116329", "#56d364"],
  33: ["yellow", "#7d4e00", "#e3b341"],
  35: ["purple", "#7a35d4", "#d2a8ff"],
  36: ["blue", "#0550ae", "#79c0ff"],
};

const styleSheet = (): string => {
  const rules = (scheme: 1 | 2) =>
    Object.values(looks).map((look) => `.${look[0]}{fill:${look[scheme]}}`);
  const light = [...rules(1), ".ground{fill:#fff;stroke:#d1d9e0}", ".bold{font-weight:bold}"];
  const dark = [...rules(2), ".ground{fill:#0d1117;stroke:#30363d}"];
  const text = "text{white-space:pre}";
  return `<style>${text}${light.join("")}@media (prefers-color-scheme:dark){${dark.join("")}}</style>`;
};

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (char) => escapes[char] ?? "");

const round = (number: number): number => Math.round(number * 10) / 10;

/** One `<text>` for each run of a look; blanks around it are left to the columns. */
const drawLine = (line: string, index: number): string[] => {
  const y = round(padding + (index + 0.8) * lineHeight);
  let column = 0;
  return line.split("\u001b[").flatMap((run, i) => {
    const end = i === 0 ? -1 : run.indexOf("m");
    const [name] = looks[Number(run.slice(0, Math.max(end, 0)))] ?? [];
    const text = run.slice(end + 1);
    const words = text.trim();
    const x = round(padding + (column + text.length - text.trimStart().length) * cellWidth);
    column += text.length;
    if (words === "") return [];
    const size = `textLength="${round(words.length * cellWidth)}" lengthAdjust="spacingAndGlyphs"`;
    return `<text x="${x}" y="${y}" class="${name}" ${size}>${escapeXml(words)}</text>`;
  });
};

const drawTerminal = (lines: readonly string[]): string => {
  const columns = Math.max(...lines.map((line) => stripVTControlCharacters(line).length));
  const width = Math.ceil(columns * cellWidth + 2 * padding);
  const height = Math.ceil(lines.length * lineHeight + 2 * padding);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title" font-family="${font}" font-size="${fontSize}">`,
    `<title id="title">${description}</title>`,
    styleSheet(),
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" class="ground"/>`,
    ...lines.flatMap(drawLine),
    "</svg>",
    "",
  ].join("\n");
};

const playDemo = (): string[] => {
  const { NO_COLOR: _, ...env } = process.env;
  const demo = fileURLToPath(new URL("demo.ts", import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", demo, "--short"],
    { env: { ...env, FORCE_COLOR: "1" }, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the demo failed, so there is no picture\n${stderr}`);
  return stdout.trimEnd().split("\n").slice(0, -2);
};

const [file = "docs/demo.svg"] = process.argv.slice(2);
writeFileSync(file, drawTerminal(playDemo()));
