// SPDX-License-Identifier: Apache-2.0
/** Charts of a station or a segment, over a time that can be chosen. */
import { signal, useSignal } from "@preact/signals";
import type { Series } from "@scsigate/appliance/api/stations";
import { useEffect, useMemo } from "preact/hooks";
import { problemOf, type ShownProblem } from "../../core/api.ts";
import * as format from "../../core/format.ts";
import { loadSeries } from "../../core/stations.ts";
import { status } from "../../core/store.ts";
import { strings } from "../../strings.ts";
import { ProblemNotice } from "../problem.tsx";
import { Chart, type ChartLine } from "./chart.tsx";

type Range = keyof typeof strings.charts.ranges;

const MINUTE = 60_000;
/** How far back, and how often it is read again, milliseconds. */
const RANGES: Record<Range, { back: number; again: number }> = {
  "15m": { back: 15 * MINUTE, again: 5000 },
  "1h": { back: 60 * MINUTE, again: 30_000 },
  "24h": { back: 24 * 60 * MINUTE, again: MINUTE },
  "7d": { back: 7 * 24 * 60 * MINUTE, again: 5 * MINUTE },
};
const NAMES = Object.keys(RANGES) as Range[];
/** The same on all pages. */
const range = signal<Range>("15m");

const LATENCIES = ["p50", "p90", "p99"] as const;

export function History({ segment, address }: { segment: string; address?: string }) {
  const series = useSignal<Series | undefined>(undefined);
  const problem = useSignal<ShownProblem | undefined>(undefined);
  const chosen = range.value;
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      const { back, again } = RANGES[chosen];
      try {
        const next = await loadSeries(segment, address, back, status.value?.time ?? Date.now());
        if (over) return;
        series.value = next;
        problem.value = undefined;
      } catch (error) {
        if (!over) problem.value = problemOf(error);
      }
      if (!over) timer = setTimeout(() => void read(), again);
    };
    void read();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [segment, address, chosen]);
  return (
    <section class="card" aria-labelledby="history-title" data-testid="history">
      <header>
        <h2 id="history-title">{strings.charts.title}</h2>
        <fieldset class="ranges">
          <legend class="visually-hidden">{strings.charts.range}</legend>
          {NAMES.map((name) => (
            <label key={name} class={name === chosen ? "current" : ""}>
              <input
                type="radio"
                name="range"
                class="visually-hidden"
                checked={name === chosen}
                onChange={() => {
                  range.value = name;
                }}
              />
              {strings.charts.ranges[name]}
            </label>
          ))}
        </fieldset>
      </header>
      <ProblemNotice problem={problem.value} />
      <Charts series={series.value} range={chosen} />
    </section>
  );
}

function Charts({ series, range: chosen }: { series: Series | undefined; range: Range }) {
  const lines = useMemo(() => linesOf(series), [series]);
  const moment = chosen === "7d" ? format.dayAndMinute : format.minuteOfDay;
  const common = { range: strings.charts.ranges[chosen], times: series?.times ?? [], moment };
  const empty = series === undefined ? strings.charts.loading : strings.charts.none;
  const milliseconds = (value: number) => strings.charts.milliseconds(format.figure(value));
  return (
    <div class="charts">
      <Chart {...common} title={strings.charts.rate} lines={lines.rate} format={format.rate} empty={empty} />
      <Chart {...common} title={strings.charts.packets} lines={lines.packets} format={perSecond} empty={empty} />
      <Chart {...common} title={strings.charts.latency} lines={lines.send} format={milliseconds} empty={empty} />
      {lines.get.length > 0 && (
        <Chart {...common} title={strings.charts.latencyGet} lines={lines.get} format={milliseconds} empty={empty} />
      )}
      <Chart
        {...common}
        title={strings.charts.errors}
        lines={lines.errors}
        format={perMinute}
        empty={series === undefined ? strings.charts.loading : strings.charts.noErrors}
      />
    </div>
  );
}

interface Lines {
  rate: ChartLine[];
  packets: ChartLine[];
  send: ChartLine[];
  get: ChartLine[];
  errors: ChartLine[];
}

function linesOf(series: Series | undefined): Lines {
  const line = (key: string, name: string): ChartLine[] => {
    const values = series?.series[key];
    return values === undefined ? [] : [{ name, values }];
  };
  const both = (what: string) => [
    ...line(`rx_${what}`, strings.charts.received),
    ...line(`tx_${what}`, strings.charts.sent),
  ];
  const latency = (kind: string) => LATENCIES.flatMap((p) => line(`${kind}_${p}`, strings.charts[p]));
  const errors = Object.keys(strings.reasons)
    .flatMap((key) => line(key, strings.reasons[key] ?? key))
    .filter(({ values }) => values.some((value) => value !== null && value > 0));
  return { rate: both("bytes"), packets: both("packets"), send: latency("send"), get: latency("get"), errors };
}

function perSecond(value: number): string {
  return strings.charts.perSecond(format.figure(value));
}

function perMinute(value: number): string {
  return strings.charts.perMinute(format.figure(value * 60));
}
