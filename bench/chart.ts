import type { StartUp } from "./start-up.ts";

const labels: Record<string, string> = {
  bare: "node -e 0",
  floor: "no packages at all",
  forwarder: "the SDK and undici alone, bundled",
  ours: "prelude-profile-mcp",
};
const rowHeight = 30;
const left = 290;
const width = 760;

const bar = (name: string, ratio: number, y: number, scale: number): string => {
  const fill = name === "ours" ? "#6644ff" : "#b8b8c8";
  const weight = name === "ours" ? ' font-weight="bold"' : "";
  const end = left + ratio * scale;
  return [
    `<text x="${left - 12}" y="${y + 15}" text-anchor="end"${weight}>${labels[name] ?? name}</text>`,
    `<rect x="${left}" y="${y}" width="${(ratio * scale).toFixed(1)}" height="20" rx="3" fill="${fill}"/>`,
    `<text x="${(end + 8).toFixed(1)}" y="${y + 15}">${ratio.toFixed(2)}×</text>`,
  ].join("\n  ");
};

/** A bar chart of the start-up times, as ratios to a bare Node of the same run; SVG. */
export const drawChart = (start: Record<string, StartUp>): string => {
  const rows = Object.entries(start)
    .map(([name, { init_vs_bare }]) => ({ name, ratio: init_vs_bare }))
    .sort((a, b) => a.ratio - b.ratio);
  const scale = (width - left - 70) / Math.max(...rows.map(({ ratio }) => ratio));
  const bars = rows.map(({ name, ratio }, i) => bar(name, ratio, 44 + i * rowHeight, scale));
  const height = 56 + rows.length * rowHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="14" fill="#333">
  <title>Start to the answer of initialize, against bare Node</title>
  <rect width="${width}" height="${height}" rx="8" fill="#fff"/>
  <text x="16" y="26" font-weight="bold">Start to the answer of initialize, against bare Node</text>
  ${bars.join("\n  ")}
</svg>
`;
};
