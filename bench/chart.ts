import type { StartUp } from "./start-up.ts";

const labels: Record<string, string> = {
  bare: "node -e 0",
  floor: "no packages at all",
  forwarder: "the SDK and undici alone, bundled",
  ours: "prelude-profile-mcp",
};
const [width, margin, top, rowHeight, barHeight] = [420, 16, 52, 48, 16] as const;
const title = "Start to initialize, against bare Node";

// Follows the reader's light or dark mode.
const style = `<style>text{fill:#1f2328}.ground{fill:#fff;stroke:#d1d9e0}.bar{fill:#b8b8c8}.ours{fill:#6644ff}@media (prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117;stroke:#30363d}.bar{fill:#4d5360}.ours{fill:#9580ff}}</style>`;

/** A name above its bar has the whole width, so that no name is cut off and a phone can show it. */
const row = (name: string, ratio: number, y: number, scale: number): string => {
  const ours = name === "ours";
  const weight = ours ? ' font-weight="bold"' : "";
  return [
    `<text x="${margin}" y="${y + 14}"${weight}>${labels[name] ?? name}</text>`,
    `<text x="${width - margin}" y="${y + 14}" text-anchor="end"${weight}>${ratio.toFixed(2)}×</text>`,
    `<rect x="${margin}" y="${y + 21}" width="${(ratio * scale).toFixed(1)}" height="${barHeight}" rx="3" class="${ours ? "ours" : "bar"}"/>`,
  ].join("\n  ");
};

/** A bar chart of the start-up times, as ratios to a bare Node of the same run; SVG. */
export const drawChart = (start: Record<string, StartUp>): string => {
  const rows = Object.entries(start)
    .map(([name, { init_vs_bare }]) => ({ name, ratio: init_vs_bare }))
    .sort((a, b) => a.ratio - b.ratio);
  const scale = (width - 2 * margin) / Math.max(...rows.map(({ ratio }) => ratio));
  const drawn = rows.map((each, i) => row(each.name, each.ratio, top + i * rowHeight, scale));
  const height = top + rows.length * rowHeight + 4;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="15">
  <title id="title">${title}</title>
  ${style}
  <rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" class="ground"/>
  <text x="${margin}" y="30" font-weight="bold">${title}</text>
  ${drawn.join("\n  ")}
</svg>
`;
};
