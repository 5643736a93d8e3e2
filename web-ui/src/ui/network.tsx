// SPDX-License-Identifier: Apache-2.0
/** The page Network: the network as it is now, and its settings. */
import { useSignal } from "@preact/signals";
import type { LeaseView, NetworkView, RouteView } from "@scsigate/appliance/api/network";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { call } from "../core/api.ts";
import * as format from "../core/format.ts";
import { href } from "../core/router.ts";
import { status } from "../core/store.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { AddressList, Fact, Facts, PageTitle } from "./parts.tsx";
import { ProblemNotice } from "./problem.tsx";
import { Table } from "./table.tsx";

const words = strings.network;
const REFRESH_MS = 5000;

export function Network() {
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      <Live />
      <p>
        <a href={href("settings/general")}>{words.settings}</a>
      </p>
    </>
  );
}

function Live() {
  const view = useSignal<NetworkView | undefined>(undefined);
  const action = useAction();
  useEffect(() => {
    const read = () =>
      void action.poll(async () => {
        view.value = (await call<NetworkView>("GET", "/api/v1/network")).value;
      });
    read();
    const timer = setInterval(read, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const { value } = view;
  return (
    <>
      <ProblemNotice problem={action.problem} />
      <div class="columns">
        <Now view={value} />
        {value && <Routes routes={value.routes} />}
      </div>
      <Mesh />
      <Encryption />
      {value && <Leases leases={value.leases} />}
    </>
  );
}

function Now({ view }: { view: NetworkView | undefined }) {
  const current = status.value;
  if (current === undefined) return null;
  const { lan, segments, mode } = current;
  return (
    <Card id="now" title={words.now}>
      <Facts>
        <Fact name={strings.system.mode}>{strings.modes[mode] ?? mode}</Fact>
        <Fact name={lan.interface === null ? strings.lan.title : `${strings.lan.title}, ${lan.interface}`}>
          <AddressList addresses={lan.addresses} />
        </Fact>
        {segments.map(({ name, ips }) => (
          <Fact key={name} name={strings.segment.title(name)}>
            <AddressList addresses={ips} />
          </Fact>
        ))}
        {view && (
          <Fact name={words.nameServers}>
            <AddressList addresses={view.nameServers} />
          </Fact>
        )}
      </Facts>
    </Card>
  );
}

function Routes({ routes }: { routes: readonly RouteView[] }) {
  return (
    <Card id="routes" title={words.routes}>
      <Table
        caption={words.routes}
        columns={[words.destination, words.via, strings.link.interface]}
        empty={words.noRoutes}
        rows={routes.map(({ destination, gateway, interface: name }) => [
          destination === "default" ? words.everywhere : destination,
          gateway ?? words.direct,
          name,
        ])}
      />
    </Card>
  );
}

/** Gateways that this one exchanges routes with. */
function Mesh() {
  const mesh = status.value?.mesh ?? null;
  if (mesh === null) return null;
  return (
    <Card id="mesh" title={words.mesh}>
      {!mesh.running && <p class="notice bad">{words.meshDown}</p>}
      {mesh.clashes.map(({ destination, via }) => (
        <p key={destination} class="notice warn">
          {words.clash(destination, via)}
        </p>
      ))}
      {mesh.peers
        .filter(({ reached }) => !reached)
        .map(({ address }) => (
          <p key={address} class="notice warn">
            {words.unreached(address)}
          </p>
        ))}
      <Table
        caption={words.mesh}
        columns={[words.neighbour, strings.link.interface, words.metric, words.routesTold]}
        empty={words.noNeighbour}
        rows={mesh.neighbours.map(({ address, peer, interface: name, metric, routes }) => [
          peer ?? address,
          name,
          format.count(metric),
          format.count(routes),
        ])}
      />
      {mesh.routes.length > 0 && (
        <Table
          caption={words.routes}
          columns={[words.destination, words.via, strings.link.interface]}
          empty={words.noRoutes}
          rows={mesh.routes.map(({ destination, via, interface: name }) => [destination, via, name])}
        />
      )}
    </Card>
  );
}

/** What the owner of another gateway needs, and whether it works. */
function Encryption() {
  const encryption = status.value?.encryption ?? null;
  if (encryption === null) return null;
  const { publicKey, peers } = encryption;
  return (
    <Card id="encryption" title={words.encryption}>
      <Facts>
        <Fact name={words.publicKey}>
          <code>{publicKey ?? "–"}</code>
        </Fact>
      </Facts>
      {peers.length > 0 && (
        <Table
          caption={words.encryption}
          columns={[words.neighbour, words.handshake]}
          empty=""
          rows={peers.map(({ address, lastHandshake }) => [
            address,
            lastHandshake === null ? "–" : format.moment(lastHandshake),
          ])}
        />
      )}
    </Card>
  );
}

function Leases({ leases }: { leases: readonly LeaseView[] }) {
  return (
    <Card id="leases" title={words.leases}>
      <Table
        caption={words.leases}
        columns={[strings.stations.name, strings.stations.ip, words.stationAddress, words.segment, words.until]}
        empty={words.noLeases}
        rows={leases.map(({ name, ip, address, segment, expires }) => [
          name || strings.stations.unnamed,
          ip,
          address,
          segment,
          expires === null ? words.forever : format.moment(expires * 1000),
        ])}
      />
    </Card>
  );
}

function Card({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-labelledby={`${id}-title`} data-testid={id}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}
