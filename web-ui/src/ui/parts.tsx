// SPDX-License-Identifier: Apache-2.0
/** Small pieces that all sections use. */
import type { Rates } from "@scsigate/appliance/api";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import * as format from "../core/format.ts";
import { HISTORY, history } from "../core/store.ts";
import { strings } from "../strings.ts";

export type Tone = "good" | "warn" | "bad" | "plain";

/** The heading of a page. It takes the focus as the page changes, before anybody can press a key: the keyboard goes on from there. */
export function PageTitle({ children }: { children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    if (visited) heading.current?.focus();
    visited = true;
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1} id="page-title">
      {children}
    </h1>
  );
}

/** The first page leaves the focus where the browser has it. */
let visited = false;

/** A state in a word; the tone is never the only carrier of the meaning. */
export function Pill({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`pill ${tone}`}>{children}</span>;
}

/** Name and value pairs. */
export function Facts({ stacked = false, children }: { stacked?: boolean; children: ComponentChildren }) {
  return <dl class={stacked ? "facts stacked" : "facts"}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function AddressList({ addresses }: { addresses: readonly string[] }) {
  if (addresses.length === 0) return <span class="muted">{strings.link.none}</span>;
  return (
    <>
      {addresses.map((address) => (
        <span key={address} class="mono block">
          {address}
        </span>
      ))}
    </>
  );
}

/** Two rates with a minute's chart beside each. */
export function Traffic({ trace, rates, names }: { trace: string; rates: Rates; names: [string, string] }) {
  const points = history.value.get(trace) ?? [];
  return (
    <div class="traffic">
      <Flow name={names[0]} value={rates.rx_bytes} series={points.map((point) => point?.rx)} tone="rx" />
      <Flow name={names[1]} value={rates.tx_bytes} series={points.map((point) => point?.tx)} tone="tx" />
    </div>
  );
}

interface FlowProps {
  name: string;
  value: number;
  /** Undefined: a gap. */
  series: readonly (number | undefined)[];
  tone: "rx" | "tx";
}

function Flow({ name, value, series, tone }: FlowProps) {
  return (
    <div class={`flow ${tone}`}>
      <span class="flow-name">{name}</span>
      <span class="flow-value">
        <strong>{format.rate(value)}</strong>
        <span class="small muted">{strings.link.peak(format.rate(Math.max(0, ...known(series))))}</span>
      </span>
      <Sparkline series={series} label={strings.link.chart(name)} />
    </div>
  );
}

const WIDTH = 120;
const HEIGHT = 28;
/** Below this peak the chart stays flat, bytes a second: noise should look like noise. */
const QUIET = 2000;

function Sparkline({ series, label }: { series: readonly (number | undefined)[]; label: string }) {
  const peak = Math.max(QUIET, ...known(series));
  const left = HISTORY - series.length;
  const x = (index: number) => (((left + index) / (HISTORY - 1)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - 1 - (value / peak) * (HEIGHT - 3)).toFixed(1);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {runs(series).map(({ start, values }) => {
        const points = values.map((value, at) => `${x(start + at)},${y(value)}`).join(" ");
        return (
          <g key={start}>
            <polygon points={`${x(start)},${HEIGHT} ${points} ${x(start + values.length - 1)},${HEIGHT}`} />
            <polyline points={points} />
          </g>
        );
      })}
    </svg>
  );
}

function known(series: readonly (number | undefined)[]): number[] {
  return series.filter((value) => value !== undefined);
}

/** What is between gaps; a single value makes no line. */
function runs(series: readonly (number | undefined)[]): { start: number; values: number[] }[] {
  const found: { start: number; values: number[] }[] = [];
  for (const [index, value] of series.entries()) {
    if (value === undefined) continue;
    const last = found.at(-1);
    if (last !== undefined && last.start + last.values.length === index) last.values.push(value);
    else found.push({ start: index, values: [value] });
  }
  return found.filter(({ values }) => values.length > 1);
}
