// SPDX-License-Identifier: Apache-2.0
/** The page Stations: all of them in a table that can be sorted. */
import { signal, useSignal } from "@preact/signals";
import type { StationStatus } from "@scsigate/appliance/api";
import type { StationView } from "@scsigate/appliance/api/stations";
import { useEffect } from "preact/hooks";
import * as format from "../../core/format.ts";
import { stationHref } from "../../core/router.ts";
import { listStations } from "../../core/stations.ts";
import { status } from "../../core/store.ts";
import { language, strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { SelectField } from "../fields.tsx";
import { PageTitle, Pill } from "../parts.tsx";
import { ProblemNotice } from "../problem.tsx";
import { TableFrame } from "../table.tsx";
import { stateOf, stateTone } from "./state.ts";

/** Live, or known by its settings only. */
interface Row {
  segment: string;
  address: string;
  name: string;
  blocked: boolean;
  ip: string | null;
  live: StationStatus | null;
}

interface Column {
  title: string;
  /** What is sorted by. */
  value: (row: Row) => string | number;
  cell: (row: Row) => preact.ComponentChildren;
}

const words = strings.stationList;
const collator = new Intl.Collator(language, { numeric: true });

const COLUMNS: Record<string, Column> = {
  name: { title: strings.stations.name, value: nameOf, cell: (row) => row.name || strings.stations.unnamed },
  address: { title: words.address, value: ({ address }) => address, cell: ({ address }) => <Mono>{address}</Mono> },
  segment: { title: words.segment, value: ({ segment }) => segment, cell: ({ segment }) => segment },
  ip: {
    title: strings.stations.ip,
    value: ({ ip }) => ip ?? "",
    cell: ({ ip }) => (ip === null ? <span class="muted">{strings.stations.noIp}</span> : <Mono>{ip}</Mono>),
  },
  mode: {
    title: words.mode,
    value: ({ live }) => live?.mode ?? "",
    cell: ({ live }) => (live === null ? words.unknown : (strings.paths[live.mode] ?? live.mode)),
  },
  rate: {
    title: words.rate,
    value: ({ live }) => (live === null ? -1 : live.rates.rx_bytes + live.rates.tx_bytes),
    cell: ({ live }) => (live === null ? words.unknown : format.rate(live.rates.rx_bytes + live.rates.tx_bytes)),
  },
  packets: {
    title: words.packets,
    value: ({ live }) => (live === null ? -1 : live.rates.rx_packets + live.rates.tx_packets),
    cell: ({ live }) =>
      live === null ? words.unknown : words.perSecond(format.count(live.rates.rx_packets + live.rates.tx_packets)),
  },
  latency: {
    title: words.latency,
    value: ({ live }) => live?.latency?.send?.p50 ?? -1,
    cell: ({ live }) => {
      const p50 = live?.latency?.send?.p50;
      return (
        <span title={words.latencyHint}>
          {p50 === undefined ? words.unknown : words.milliseconds(format.figure(p50))}
        </span>
      );
    },
  },
  errors: {
    title: words.errors,
    value: ({ live }) => (live === null ? -1 : lost(live)),
    cell: ({ live }) => (live === null ? words.unknown : format.count(lost(live))),
  },
  state: {
    title: strings.stations.state,
    value: (row) => stateOf(row),
    cell: (row) => <Pill tone={stateTone(row)}>{strings.states[stateOf(row)] ?? stateOf(row)}</Pill>,
  },
};

/** The order outlives a look at a station. */
const sorting = signal({ column: "", descending: false });

export function StationsPage() {
  const known = useSignal<readonly StationView[]>([]);
  const action = useAction();
  // Those that are not there are in no state that is sent; they change with the configuration only.
  useEffect(() => {
    void action.run(async () => {
      known.value = await listStations();
    });
  }, []);
  const live = (status.value?.segments ?? []).flatMap(({ name: segment, stations }) =>
    stations.map((station): Row => ({ segment, ...pick(station), live: station })),
  );
  const absent = known.value.filter(
    ({ segment, address }) => !live.some((row) => row.segment === segment && row.address === address),
  );
  const rows = [
    ...live,
    ...absent.map((view): Row => {
      const ip = view.reservedIp ?? view.lease?.ip ?? null;
      return {
        segment: view.segment,
        address: view.address,
        name: view.name,
        blocked: view.access === "block",
        ip,
        live: null,
      };
    }),
  ];
  return (
    <>
      <PageTitle>{words.title}</PageTitle>
      <ProblemNotice problem={action.problem} />
      <section class="card" aria-labelledby="page-title" data-testid="stations">
        {status.value === undefined ? (
          <p class="empty">{strings.loading}</p>
        ) : rows.length === 0 ? (
          <p class="empty">{words.empty}</p>
        ) : (
          <>
            <SortChoice />
            <Table rows={sorted(rows)} />
          </>
        )}
      </section>
    </>
  );
}

function pick({ address, name, blocked, ip }: StationStatus): Pick<Row, "address" | "name" | "blocked" | "ip"> {
  return { address, name, blocked, ip };
}

function nameOf({ name, address }: Row): string {
  return name || address;
}

function lost({ counters }: StationStatus): number {
  return counters.rx_dropped + counters.tx_dropped + counters.rx_errors + counters.tx_errors;
}

/** As they are on the bus, unless a column was chosen. */
function sorted(rows: readonly Row[]): readonly Row[] {
  const { column, descending } = sorting.value;
  const value = COLUMNS[column]?.value;
  if (value === undefined) return rows;
  const compare = (one: Row, other: Row) => {
    const [a, b] = [value(one), value(other)];
    return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
  };
  return [...rows].sort((one, other) => compare(one, other) * (descending ? -1 : 1));
}

function sortBy(column: string): void {
  const { column: before, descending } = sorting.value;
  sorting.value = { column, descending: column === before ? !descending : false };
}

/** Where the table has no header: on narrow screens. */
function SortChoice() {
  const { column, descending } = sorting.value;
  return (
    <div class="sort-choice buttons">
      <SelectField
        label={words.sortBy}
        value={column}
        options={[
          ["", words.onBus] as const,
          ...Object.entries(COLUMNS).map(([key, { title }]) => [key, title] as const),
        ]}
        onInput={(next) => {
          sorting.value = { column: next, descending: false };
        }}
      />
      <button type="button" onClick={() => sortBy(column)}>
        {descending ? words.descending : words.ascending}
      </button>
    </div>
  );
}

function Table({ rows }: { rows: readonly Row[] }) {
  const { column, descending } = sorting.value;
  const head = Object.entries(COLUMNS).map(([key, { title }]) => (
    <th
      key={key}
      scope="col"
      // biome-ignore lint/a11y/noRedundantRoles: as in table.tsx
      role="columnheader"
      aria-sort={key !== column ? undefined : descending ? "descending" : "ascending"}
    >
      <button type="button" class="sort" onClick={() => sortBy(key)}>
        {title}
      </button>
    </th>
  ));
  return (
    <TableFrame kind="all" caption={words.caption} head={head}>
      {rows.map((row) => (
        // biome-ignore lint/a11y/noRedundantRoles: as in table.tsx
        <tr key={`${row.segment} ${row.address}`} role="row" data-testid={`row-${row.address}`}>
          {Object.entries(COLUMNS).map(([key, { title, cell }]) =>
            key === "name" ? (
              // biome-ignore lint/a11y/noRedundantRoles: as in table.tsx
              <th key={key} scope="row" role="rowheader" class="station-name">
                <a class="name" href={stationHref(row.segment, row.address)}>
                  {cell(row)}
                </a>
              </th>
            ) : (
              // biome-ignore lint/a11y/noRedundantRoles: as in table.tsx
              <td key={key} role="cell" data-label={title}>
                <div class="cell">{cell(row)}</div>
              </td>
            ),
          )}
        </tr>
      ))}
    </TableFrame>
  );
}

function Mono({ children }: { children: string }) {
  return <span class="mono">{children}</span>;
}
