import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

// Draws what `demo.mjs --short` really prints as a picture of a terminal: into the file that is
// given, or on stdout.

const title = "npm run demo";
// A cell as wide as in most monospace fonts; `textLength` makes the others fit.
const [cellWidth, lineHeight, fontSize] = [8.4, 20, 14];
const [padding, barHeight] = [22, 40];
const background = "#0d1117";
const frame = "#30363d";
const text = "#e6edf3";
const muted = "#8b949e";
const buttons = ["#ff5f57", "#febc2e", "#28c840"];

/** SGR parameter -> how the text looks. */
const looks = {
  1: `font-weight="bold"`,
  2: `fill="${muted}"`,
  31: `fill="#ff7b72"`,
  32: `fill="#56d364"`,
  33: `fill="#e3b341"`,
  35: `fill="#d2a8ff"`,
  36: `fill="#79c0ff"`,
};

const escapeXml = (raw) =>
  raw.replace(
    /[&<>"]/g,
    (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char],
  );

const playDemo = () => {
  const { NO_COLOR: _, ...env } = process.env;
  const demo = fileURLToPath(new URL("demo.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [demo, "--short"], {
    env: { ...env, FORCE_COLOR: "1" },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the demo failed, so there is no picture\n${stderr}`);
  return stdout.trimEnd().split("\n");
};

/** The parts of a line that have one look and no gap, with the column where they begin. */
const partsOf = (line) => {
  const [plain, ...styled] = line.split("\u001b[");
  const runs = styled.map((run) => run.match(/^(\d+)m(.*)$/).slice(1));
  let start = 0;
  return [["", plain], ...runs].flatMap(([sgr, raw]) => {
    const words = [...raw.matchAll(/\S+(?: \S+)*/g)];
    const parts = words.map((match) => {
      return { column: start + match.index, look: looks[sgr], words: match[0] };
    });
    start += raw.length;
    return parts;
  });
};

const round = (number) => Math.round(number * 10) / 10;

const drawLine = (line, index) => {
  const y = barHeight + padding + index * lineHeight;
  return partsOf(line).map(({ column, look, words }) => {
    const x = round(padding + column * cellWidth);
    const size = `textLength="${round(words.length * cellWidth)}" lengthAdjust="spacingAndGlyphs"`;
    return `<text x="${x}" y="${y}" ${size}${look ? ` ${look}` : ""}>${escapeXml(words)}</text>`;
  });
};
const draw = (lines) => {
  const columns = Math.max(...lines.map((line) => stripVTControlCharacters(line).length));
  const width = Math.ceil(columns * cellWidth + 2 * padding);
  const height = barHeight + 2 * padding + (lines.length - 1) * lineHeight;
  const font = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title" font-family="${font}" font-size="${fontSize}" fill="${text}">`,
    `<title id="title">An agent's call meets a reserved key; it follows next_step, and the second call writes the other keys.</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="${background}" stroke="${frame}"/>`,
    ...buttons.map((fill, i) => `<circle cx="${padding + i * 20}" cy="20" r="6" fill="${fill}"/>`),
    `<text x="${width / 2}" y="25" text-anchor="middle" fill="${muted}">${title}</text>`,
    `<path d="M0 ${barHeight}.5H${width}" stroke="${frame}"/>`,
    ...lines.flatMap(drawLine),
    "</svg>",
    "",
  ].join("\n");
};

const svg = draw(playDemo());
const [file] = process.argv.slice(2);
if (file === undefined) process.stdout.write(svg);
else writeFileSync(file, svg);
