// SPDX-License-Identifier: Apache-2.0
// An arrangement as a picture: hosts where its data puts them, each bus a line through its own; hosts that route are filled.
import { hostsOf, type Network, routersOf } from "./plan.ts";

const STEP = 64;
const MARGIN = 44;
const BOX = { width: 40, height: 26 } as const;
const HUES = 12;

type Point = readonly [number, number];

/** Between hosts of one row that others lie between, a bus is an arc above them. */
function arcs(points: readonly Point[]): string {
  const [first = [0, 0], ...rest] = points;
  let from = first;
  let path = `M${from.join(" ")}`;
  for (const to of rest) {
    const middle = [(from[0] + to[0]) / 2, Math.min(from[1], to[1]) - STEP * 0.8];
    path += `Q${middle.join(" ")} ${to.join(" ")}`;
    from = to;
  }
  return path;
}

export function draw(arrangement: Network): string {
  const hosts = hostsOf(arrangement);
  const at = (host: string): Point => {
    const [column, row] = arrangement.at(host);
    return [MARGIN + column * STEP, MARGIN + row * STEP];
  };
  const routers = new Set(routersOf(arrangement));
  const points = hosts.map(at);
  const width = Math.max(...points.map(([x]) => x)) + MARGIN;
  const height = Math.max(...points.map(([, y]) => y)) + MARGIN;
  const buses = arrangement.buses.map(({ hosts: own, name }, index) => {
    const places = own.map(at);
    const apart = places.some(([x], i) => i > 0 && x - (places[i - 1]?.[0] ?? x) > STEP);
    const path = apart ? arcs(places) : `M${places.map((place) => place.join(" ")).join("L")}`;
    const hue = Math.round((360 / HUES) * ((index * 5) % HUES));
    return `<path d="${path}" stroke="hsl(${hue} 60% 45%)"><title>${name}</title></path>`;
  });
  const boxes = hosts.map((host) => {
    const [x, y] = at(host);
    return (
      `<rect x="${x - BOX.width / 2}" y="${y - BOX.height / 2}" width="${BOX.width}" height="${BOX.height}" rx="5"` +
      `${routers.has(host) ? ' class="router"' : ""}/><text x="${x}" y="${y + 5}">${host.toUpperCase()}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${arrangement.title}</title>
<style>
  path { fill: none; stroke-width: 3 }
  rect { fill: #fff; stroke: #445; stroke-width: 1.5 }
  rect.router { fill: #ffe3a8 }
  text { font: 13px sans-serif; text-anchor: middle; fill: #223 }
</style>
<rect width="${width}" height="${height}" style="stroke: none"/>
${[...buses, ...boxes].join("\n")}
</svg>
`;
}
