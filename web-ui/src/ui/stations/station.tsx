// SPDX-License-Identifier: Apache-2.0
/** The page of a station: what it is, its addresses, charts, settings, and checks of the way to it. */
import { useSignal } from "@preact/signals";
import type { StationStatus } from "@scsigate/appliance/api";
import type { StationView } from "@scsigate/appliance/api/stations";
import { useEffect, useRef } from "preact/hooks";
import * as format from "../../core/format.ts";
import { href, pageArguments, segmentHref } from "../../core/router.ts";
import { may } from "../../core/session.ts";
import { loadStation } from "../../core/stations.ts";
import { status } from "../../core/store.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { AddressList, Fact, Facts, PageTitle, Pill } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";
import { Checks } from "./checks.tsx";
import { Counters } from "./counters.tsx";
import { History } from "./history.tsx";
import { Settings } from "./settings.tsx";
import { stateOf, stateTone } from "./state.ts";

const words = strings.station;
/** Leases and addresses come with a question of their own; between two, milliseconds. */
const AGAIN_MS = 10_000;

export function StationPage() {
  const [segment = "", address = ""] = pageArguments.value;
  const view = useSignal<StationView | undefined>(undefined);
  /** Counts changes made here: what was read before one would take it back on the screen. */
  const changes = useRef(0);
  const action = useAction();
  useEffect(() => {
    const read = () =>
      action.poll(async () => {
        const before = changes.current;
        const next = await loadStation(segment, address);
        if (before === changes.current) view.value = next;
      });
    void read();
    const timer = setInterval(() => void read(), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const live = status.value?.segments
    .find(({ name }) => name === segment)
    ?.stations.find((station) => station.address === address);
  const known = view.value;
  const name = known?.name || live?.name || address;
  const shown = { blocked: known?.access === "block", live: live ?? null };
  return (
    <>
      <div class="title-row">
        <PageTitle>{name}</PageTitle>
        {known !== undefined && (
          <span data-testid="station-state">
            <Pill tone={stateTone(shown)}>{strings.states[stateOf(shown)] ?? stateOf(shown)}</Pill>
          </span>
        )}
      </div>
      <p>
        <a href={href("stations")}>{words.back}</a>
      </p>
      <ProblemNotice problem={action.problem} />
      {known === undefined && action.problem === undefined && <p class="empty">{strings.loading}</p>}
      {known !== undefined && (
        <>
          <div class="cards">
            <Identity view={known} live={live} />
            <Addresses view={known} />
          </div>
          <History segment={segment} address={address} />
          {live !== undefined && <Counters counters={live.driver} />}
          {may("operate") ? (
            <>
              <Settings
                view={known}
                onChange={(next) => {
                  changes.current += 1;
                  view.value = next;
                }}
              />
              <Checks view={known} />
            </>
          ) : (
            <p class="muted">{words.onlyLook}</p>
          )}
        </>
      )}
    </>
  );
}

function Identity({ view, live }: { view: StationView; live: StationStatus | undefined }) {
  return (
    <section class="card" aria-labelledby="identity-title" data-testid="identity">
      <h2 id="identity-title">{words.identity}</h2>
      <Facts>
        <Fact name={words.address}>
          <span class="mono">{view.address}</span>
        </Fact>
        <Fact name={words.segment}>
          <a href={segmentHref(view.segment)}>{view.segment}</a>
        </Fact>
        {live !== undefined && <Live live={live} />}
      </Facts>
      {live !== undefined && (
        <Facts stacked>
          <Fact name={words.features}>
            {live.features.map((word) => strings.features[word] ?? word).join(", ") || words.noFeatures}
          </Fact>
          {live.nexus !== "" && (
            <Fact name={words.nexus}>
              <span class="mono">{live.nexus}</span>
            </Fact>
          )}
        </Facts>
      )}
    </section>
  );
}

function Live({ live }: { live: StationStatus }) {
  return (
    <>
      <Fact name={words.role}>{strings.roles[live.role] ?? live.role}</Fact>
      <Fact name={words.mode}>{strings.paths[live.mode] ?? live.mode}</Fact>
      {live.adapter !== "" && <Fact name={words.adapter}>{strings.fabrics[live.adapter] ?? live.adapter}</Fact>}
      {live.device !== "" && (
        <Fact name={words.device}>
          <span class="mono">{live.device}</span>
        </Fact>
      )}
      <Fact name={words.commands}>{format.count(live.counters.commands)}</Fact>
      <Fact name={words.queue}>{strings.stations.queue(live.inFlight, live.queued)}</Fact>
      {live.packetsPerCommand !== null && <Fact name={words.packing}>{format.count(live.packetsPerCommand)}</Fact>}
    </>
  );
}

function Addresses({ view: { ips, lease, reservedIp } }: { view: StationView }) {
  return (
    <section class="card" aria-labelledby="addresses-title" data-testid="addresses">
      <h2 id="addresses-title">{words.addresses}</h2>
      <Facts>
        <Fact name={words.ips}>
          <AddressList addresses={ips} />
        </Fact>
        <Fact name={words.lease}>
          {lease === null
            ? words.noLease
            : lease.expires === null
              ? words.leaseForEver(lease.ip)
              : words.leaseUntil(lease.ip, format.moment(lease.expires))}
        </Fact>
        <Fact name={words.reserved}>{reservedIp ?? words.notReserved}</Fact>
      </Facts>
    </section>
  );
}
