import { mkdirSync, writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";

// Writes assets/icon.svg and assets/icon.png: the mark of the tool's icon (src/tools/update-profile/definition.ts) on a tile.

const size = 512;
const corner = 112;
/** The mark is drawn on 16 units; where its box lies on the tile, and how large a unit is. */
const unit = 22;
const left = 80;
const top = 72;
const tile = [0xee, 0xec, 0xff];
const mark = [0x66, 0x44, 0xff];

const hex = (color) => `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}">
  <title>Prelude profile</title>
  <rect width="${size}" height="${size}" rx="${corner}" fill="${hex(tile)}"/>
  <g transform="translate(${left} ${top}) scale(${unit})" fill="${hex(mark)}">
    <circle cx="8" cy="5" r="3.5"/>
    <path d="M1 16a7 6 0 0 1 14 0"/>
  </g>
</svg>
`;

const onTile = (x, y) => {
  const outside = (at) => Math.max(corner - at, at - (size - corner), 0);
  return Math.hypot(outside(x), outside(y)) <= corner;
};
const onMark = (px, py) => {
  const x = (px - left) / unit - 8;
  const y = (py - top) / unit;
  return Math.hypot(x, y - 5) <= 3.5 || (y <= 16 && Math.hypot(x / 7, (y - 16) / 6) <= 1);
};

const samples = 4;
const offsets = Array.from({ length: samples }, (_, i) => (i + 0.5) / samples);
const share = (shape, x, y) => {
  const hits = offsets.flatMap((dx) => offsets.filter((dy) => shape(x + dx, y + dy))).length;
  return hits / samples ** 2;
};

const rows = Buffer.alloc(size * (1 + 4 * size));
for (let y = 0; y < size; y++) {
  for (let x = 0; x < size; x++) {
    const marked = share(onMark, x, y);
    const color = tile.map((part, i) => Math.round(part + (mark[i] - part) * marked));
    rows.set([...color, Math.round(255 * share(onTile, x, y))], y * (1 + 4 * size) + 1 + 4 * x);
  }
}

const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
};
const header = Buffer.alloc(13);
header.writeUInt32BE(size, 0);
header.writeUInt32BE(size, 4);
header.set([8, 6], 8); // eight bits, RGBA
const png = Buffer.concat([
  Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
  chunk("IHDR", header),
  chunk("IDAT", deflateSync(rows, { level: 9 })),
  chunk("IEND", Buffer.alloc(0)),
]);

mkdirSync("assets", { recursive: true });
writeFileSync("assets/icon.svg", svg);
writeFileSync("assets/icon.png", png);
