// SPDX-License-Identifier: Apache-2.0
/** A segment with its stations. */
import type { SegmentStatus, StationStatus } from "@scsigate/appliance/api";
import type { ComponentChildren } from "preact";
import * as format from "../core/format.ts";
import { stationHref } from "../core/router.ts";
import { strings } from "../strings.ts";
import { Bus } from "./bus.tsx";
import { AddressList, Fact, Facts, Pill, type Tone, Traffic } from "./parts.tsx";
import { stateOf, stateTone } from "./stations/state.ts";
import { Heads, TableFrame } from "./table.tsx";

export function Segment({ segment }: { segment: SegmentStatus }) {
  const id = `segment-${segment.name}`;
  const up = segment.stations.filter((station) => station.state === "up" && station.answers !== false).length;
  return (
    <section class="card segment" aria-labelledby={id} data-testid={id}>
      <header>
        <h2 id={id}>{strings.segment.title(segment.name)}</h2>
        <Carrier segment={segment} />
      </header>
      <div class="segment-top">
        <Facts>
          <Fact name={strings.segment.stationsLabel}>{strings.segment.stations(up, segment.stations.length)}</Fact>
          <Fact name={strings.segment.address}>
            <AddressList addresses={segment.ips} />
          </Fact>
          {segment.address !== null && (
            <Fact name={strings.segment.stationAddress}>
              <span class="mono">{segment.address}</span>
            </Fact>
          )}
          <Fact name={strings.segment.fabric}>{strings.fabrics[segment.fabric] ?? segment.fabric}</Fact>
          {segment.mtu > 0 && <Fact name={strings.segment.mtu}>{format.count(segment.mtu)}</Fact>}
        </Facts>
        <Traffic
          trace={`segment ${segment.name}`}
          rates={segment.rates}
          names={[strings.segment.fromStations, strings.segment.toStations]}
        />
      </div>
      {segment.bus !== null && <Bus segment={segment.name} bus={segment.bus} />}
      {segment.stations.length === 0 ? <p class="empty">{strings.segment.empty}</p> : <Stations segment={segment} />}
    </section>
  );
}

function Carrier({ segment }: { segment: SegmentStatus }) {
  const [tone, word] = carrierOf(segment);
  return <Pill tone={tone}>{word}</Pill>;
}

/** The driver takes the carrier away when no station is up: nothing is wrong as long as none has come. */
export function carrierOf({ present, carrier, stations }: SegmentStatus): [Tone, string] {
  if (!present) return ["bad", strings.segment.absent];
  if (carrier) return ["good", strings.segment.up];
  return stations.length > 0 ? ["bad", strings.segment.allDown] : ["plain", strings.segment.down];
}

function Stations({ segment }: { segment: SegmentStatus }) {
  const columns = [
    strings.stations.name,
    strings.stations.ip,
    strings.stations.state,
    strings.stations.path,
    strings.stations.from,
    strings.stations.to,
    strings.stations.lost,
  ];
  return (
    <TableFrame caption={strings.stations.caption(segment.name)} head={<Heads columns={columns} />}>
      {segment.stations.map((station) => (
        <Station key={station.address} segment={segment.name} station={station} />
      ))}
    </TableFrame>
  );
}

function Station({ segment, station }: { segment: string; station: StationStatus }) {
  const { counters, rates } = station;
  const shown = { blocked: station.blocked, live: station };
  return (
    // biome-ignore lint/a11y/noRedundantRoles: the narrow layout takes the implicit ones away
    <tr role="row" data-testid={`station-${station.address}`}>
      {/* biome-ignore lint/a11y/noRedundantRoles: as above */}
      <th scope="row" role="rowheader" class="station-name">
        <a class="name" href={stationHref(segment, station.address)}>
          {station.name || strings.stations.unnamed}
        </a>
        <span class="mono small muted">{station.address}</span>
      </th>
      <Cell label={strings.stations.ip}>
        {station.ip === null ? (
          <span class="muted">{strings.stations.noIp}</span>
        ) : (
          <span class="mono">{station.ip}</span>
        )}
      </Cell>
      <Cell label={strings.stations.state}>
        <Pill tone={stateTone(shown)}>{strings.states[stateOf(shown)] ?? stateOf(shown)}</Pill>
      </Cell>
      <Cell label={strings.stations.path}>
        <span title={strings.stations.queue(station.inFlight, station.queued)}>
          {strings.paths[station.mode] ?? station.mode}
        </span>
        <span class="small muted">{strings.roles[station.role] ?? station.role}</span>
      </Cell>
      <Cell label={strings.stations.from}>
        <Amount packets={counters.rx_packets} bytes={counters.rx_bytes} rate={rates.rx_bytes} />
      </Cell>
      <Cell label={strings.stations.to}>
        <Amount packets={counters.tx_packets} bytes={counters.tx_bytes} rate={rates.tx_bytes} />
      </Cell>
      <Cell label={strings.stations.lost}>
        <Lost station={station} />
      </Cell>
    </tr>
  );
}

function Cell({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: as above
    <td role="cell" data-label={label}>
      <div class="cell">{children}</div>
    </td>
  );
}

function Amount({ packets, bytes, rate }: { packets: number; bytes: number; rate: number }) {
  return (
    <>
      <span class="rate">{format.rate(rate)}</span>
      <span class="small muted">
        {format.bytes(bytes)}, {strings.stations.packets(format.count(packets))}
      </span>
    </>
  );
}

function Lost({ station: { counters } }: { station: StationStatus }) {
  const dropped = counters.rx_dropped + counters.tx_dropped;
  const errors = counters.rx_errors + counters.tx_errors;
  if (dropped + errors === 0) return <span>{strings.stations.nothingLost}</span>;
  return (
    <>
      {dropped > 0 && <span>{strings.stations.dropped(format.count(dropped))}</span>}
      {errors > 0 && <span>{strings.stations.errors(format.count(errors))}</span>}
    </>
  );
}
