// SPDX-License-Identifier: Apache-2.0
/**
 * The live map: LAN, other gateways of the mesh, this gateway, and each segment as a bus with terminators at its ends and
 * its stations in order. Colour is health, width is traffic. The tables say the same to those who cannot see it.
 */
import { signal } from "@preact/signals";
import type { MeshStatus, Rates, SegmentStatus, Status } from "@scsigate/appliance/api";
import * as format from "../core/format.ts";
import { href, segmentHref, stationHref } from "../core/router.ts";
import { strings } from "../strings.ts";
import type { Tone } from "./parts.tsx";
import { carrierOf } from "./segments.tsx";
import { stateOf, stateTone } from "./stations/state.ts";

/** More would make the map a list. */
const MAX_STATIONS = 12;
const MAX_GATEWAYS = 6;
const ROW = 46;
const BOX_HEIGHT = 62;
const GATEWAY_ROW = BOX_HEIGHT + 14;
/** As in the style sheet, to measure with: an SVG text does not wrap. */
const FONTS = { title: "600 17px", text: "15px", small: "13px" };

const narrowQuery = matchMedia("(max-width: 48rem)");
const narrow = signal(narrowQuery.matches);
narrowQuery.addEventListener("change", (event) => {
  narrow.value = event.matches;
});

interface Layout {
  width: number;
  lan: [number, number];
  gateway: [number, number];
  boxWidth: number;
  /** Left edge of other gateways, which are below the LAN. */
  othersX: number;
  /** From the LAN down to them, and in a narrow drawing on to this gateway. */
  trunkX: number;
  busX: number;
  top: number;
  stationX: number;
}

const WIDE: Layout = {
  width: 1000,
  lan: [10, 30],
  gateway: [330, 30],
  boxWidth: 210,
  othersX: 50,
  trunkX: 28,
  busX: 680,
  top: 19, // so that the first bus is met in a straight line
  stationX: 740,
};
const NARROW: Layout = {
  width: 340,
  lan: [5, 5],
  gateway: [5, 110],
  boxWidth: 330,
  othersX: 50,
  trunkX: 24,
  busX: 50,
  top: 210,
  stationX: 90,
};

export function NetworkMap({ status }: { status: Status }) {
  const others = otherGateways(status.mesh);
  const layout = narrow.value ? below(NARROW, others.length) : WIDE;
  let y = layout.top;
  const placed = status.segments.map((segment) => {
    const top = y;
    const rows = Math.max(1, Math.min(segment.stations.length, MAX_STATIONS + 1));
    y += 44 + rows * ROW + 26;
    return { segment, top, rows };
  });
  const height = Math.max(y, layout.gateway[1] + BOX_HEIGHT + 20, otherTop(layout, others.length));
  const stations = status.segments.reduce((sum, { stations: { length } }) => sum + length, 0);
  const [lanX, lanY] = layout.lan;
  const [gatewayX, gatewayY] = layout.gateway;
  const { lan } = status;
  const lanPath = narrow.value
    ? `M${layout.trunkX} ${lanY + BOX_HEIGHT}V${gatewayY}`
    : `M${lanX + layout.boxWidth} ${lanY + BOX_HEIGHT / 2}H${gatewayX}`;
  return (
    <section class="card" aria-labelledby="map-title" data-testid="map">
      <h2 id="map-title">{strings.map.title}</h2>
      {/* biome-ignore lint/a11y/useSemanticElements: there is no other element for a group of links in a drawing */}
      <svg
        class="map"
        viewBox={`0 0 ${layout.width} ${height}`}
        role="group"
        aria-label={strings.map.label(stations, status.segments.length)}
      >
        <Wire path={lanPath} rates={lan.rates} tone={lan.carrier ? "good" : "bad"} />
        {others.length > 0 && !narrow.value && (
          <path
            class={`wire ${lan.carrier ? "good" : "bad"}`}
            d={`M${layout.trunkX} ${lanY + BOX_HEIGHT}V${otherTop(layout, others.length - 1) + BOX_HEIGHT / 2}`}
            stroke-width="2"
          />
        )}
        {others.map(({ address, name, line, tone }, index) => {
          const top = otherTop(layout, index);
          return (
            <g key={address}>
              <path
                class={`wire ${tone}`}
                d={`M${layout.trunkX} ${top + BOX_HEIGHT / 2}H${layout.othersX}`}
                stroke-width="2"
              />
              <Box
                href={href("network")}
                x={layout.othersX}
                y={top}
                width={layout.boxWidth - layout.othersX + lanX}
                tone={tone}
                title={name}
                lines={[line]}
              />
            </g>
          );
        })}
        {placed.map(({ segment, top, rows }) => (
          <Bus key={segment.name} segment={segment} top={top} rows={rows} layout={layout} />
        ))}
        <Box
          href={href("overview")}
          onClick={toLan}
          x={lanX}
          y={lanY}
          width={layout.boxWidth}
          tone={lan.carrier ? "good" : "bad"}
          title={strings.lan.title}
          lines={[lan.addresses[0] ?? (lan.interface ? strings.map.noAddress : strings.map.noLan)]}
        />
        <Box
          href={href("diagnosis")}
          x={gatewayX}
          y={gatewayY}
          width={layout.boxWidth}
          tone={status.health.status === "degraded" ? "warn" : "good"}
          title={status.hostname}
          lines={[`${strings.map.gateway}, ${strings.modes[status.mode] ?? status.mode}`]}
        />
      </svg>
    </section>
  );
}

interface OtherGateway {
  address: string;
  name: string;
  line: string;
  tone: Tone;
}

/** Those that are heard, and those of mesh.peers that are not. */
function otherGateways(mesh: MeshStatus | null): OtherGateway[] {
  if (mesh === null) return [];
  const heard = mesh.neighbours.map(
    ({ address, peer, routes }): OtherGateway => ({
      address,
      name: peer ?? strings.map.neighbour,
      line: strings.map.otherGateway(routes),
      tone: "good",
    }),
  );
  const silent = mesh.peers
    .filter(({ reached }) => !reached)
    .map(({ address }): OtherGateway => ({ address, name: address, line: strings.map.silentGateway, tone: "bad" }));
  return [...heard, ...silent].slice(0, MAX_GATEWAYS);
}

/** Upper edge of another gateway's box. */
function otherTop({ lan: [, y] }: Layout, index: number): number {
  return y + BOX_HEIGHT + 14 + index * GATEWAY_ROW;
}

/** The layout with room for other gateways between the LAN and this one. */
function below(layout: Layout, others: number): Layout {
  const [x, y] = layout.gateway;
  const room = others * GATEWAY_ROW;
  return { ...layout, gateway: [x, y + room], top: layout.top + room };
}

interface BusProps {
  segment: SegmentStatus;
  top: number;
  rows: number;
  layout: Layout;
}

function Bus({ segment, top, rows, layout: { busX, gateway, boxWidth, stationX, width } }: BusProps) {
  const shown = segment.stations.slice(0, MAX_STATIONS);
  const hidden = segment.stations.length - shown.length;
  const room = width - stationX - 5 - 18;
  const start = top + 30;
  const end = start + rows * ROW + 10;
  const [tone] = carrierOf(segment);
  const [gatewayX, gatewayY] = gateway;
  const wide = busX > gatewayX + boxWidth;
  const elbow = wide ? gatewayX + boxWidth + 40 : gatewayX + 10;
  const path = wide
    ? `M${gatewayX + boxWidth} ${gatewayY + BOX_HEIGHT / 2}H${elbow}V${start + 12}H${busX}`
    : `M${elbow} ${gatewayY + BOX_HEIGHT}V${start + 12}H${busX}`;
  return (
    <g>
      <Wire path={path} rates={segment.rates} tone={tone} />
      <a href={segmentHref(segment.name)}>
        <text x={busX - 10} y={top + 14} class="map-title">
          {fit(segment.name, width - busX, "title")}
        </text>
      </a>
      <path class={`bus ${tone}`} d={`M${busX} ${start}V${end}`} />
      <path class={`terminator ${tone}`} d={`M${busX - 10} ${start}h20M${busX - 10} ${end}h20`} />
      {shown.map((station, index) => {
        const y = start + 8 + index * ROW;
        const shown = { blocked: station.blocked, live: station };
        const state = stateTone(shown);
        const middle = y + ROW / 2 - 4;
        return (
          <a key={station.address} href={stationHref(segment.name, station.address)}>
            <Wire path={`M${busX} ${middle}H${stationX}`} rates={station.rates} tone={state} />
            <rect class={`map-box ${state}`} x={stationX} y={y} width={width - stationX - 5} height={ROW - 8} rx={6} />
            <text x={stationX + 10} y={y + 16} class="map-text">
              {fit(station.name || station.address, room, "text")}
            </text>
            <text x={stationX + 10} y={y + 32} class="map-small">
              {fit(
                `${strings.states[stateOf(shown)] ?? stateOf(shown)}, ${format.rate(station.rates.rx_bytes + station.rates.tx_bytes)}`,
                room,
                "small",
              )}
            </text>
          </a>
        );
      })}
      {hidden > 0 && (
        <text x={stationX} y={start + 30 + shown.length * ROW} class="map-small">
          {strings.map.more(hidden)}
        </text>
      )}
      {shown.length === 0 && (
        <text x={stationX} y={start + 30} class="map-small">
          {strings.map.noStation}
        </text>
      )}
    </g>
  );
}

interface BoxProps {
  href: string;
  /** Instead of following it. */
  onClick?: (event: Event) => void;
  x: number;
  y: number;
  width: number;
  tone: Tone;
  title: string;
  lines: readonly string[];
}

function Box({ href, onClick, x, y, width, tone, title, lines }: BoxProps) {
  return (
    <a href={href} onClick={onClick}>
      <rect class={`map-box ${tone}`} x={x} y={y} width={width} height={BOX_HEIGHT} rx={8} />
      <text x={x + 14} y={y + 26} class="map-title">
        {fit(title, width - 24, "title")}
      </text>
      {lines.map((line, index) => (
        <text key={line} x={x + 14} y={y + 46 + index * 16} class="map-small">
          {fit(line, width - 24, "small")}
        </text>
      ))}
    </a>
  );
}

/** The LAN's figures are on the same page. */
function toLan(event: Event): void {
  event.preventDefault();
  document.getElementById("lan-title")?.focus();
}

/** A quiet link is thin; each tenfold of traffic makes it wider. */
function Wire({ path, rates, tone }: { path: string; rates: Rates; tone: Tone }) {
  const traffic = rates.rx_bytes + rates.tx_bytes;
  const width = Math.min(12, 2 + 1.6 * Math.log10(1 + traffic / 1000));
  return (
    <>
      <path class={`wire ${tone}`} d={path} stroke-width={width.toFixed(1)} />
      {traffic > 1000 && <path class="wire-motion" d={path} stroke-width={Math.max(1.5, width / 3).toFixed(1)} />}
    </>
  );
}

const paper = document.createElement("canvas").getContext("2d");

/** As much of it as there is room for. */
function fit(text: string, room: number, font: keyof typeof FONTS): string {
  if (paper === null) return text;
  paper.font = `${FONTS[font]} ${getComputedStyle(document.body).fontFamily}`;
  if (paper.measureText(text).width <= room) return text;
  let letters = text.length - 1;
  while (letters > 1 && paper.measureText(`${text.slice(0, letters)}…`).width > room) letters -= 1;
  return `${text.slice(0, letters)}…`;
}
