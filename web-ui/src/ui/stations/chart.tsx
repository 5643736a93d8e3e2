// SPDX-License-Identifier: Apache-2.0
/** A chart with its title; what it shows is told in words to those who cannot see it. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { problemOf, type ShownProblem } from "../../core/api.ts";
import { strings } from "../../strings.ts";
import { ProblemNotice } from "../problem.tsx";
import type { Plot } from "./plot.ts";

const HEIGHT = 190;
const COLORS = ["--rx", "--tx", "--bad-text", "--good-text", "--muted", "--text"];

const dark = matchMedia("(prefers-color-scheme: dark)");

export interface ChartLine {
  name: string;
  values: readonly (number | null)[];
}

interface ChartProps {
  title: string;
  /** In words. */
  range: string;
  times: readonly number[];
  lines: readonly ChartLine[];
  format: (value: number) => string;
  moment: (milliseconds: number) => string;
  /** Said when there is no line. */
  empty: string;
}

export function Chart({ title, range, times, lines, format, moment, empty }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const scheme = useSignal(dark.matches);
  const problem = useSignal<ShownProblem | undefined>(undefined);
  const names = lines.map(({ name }) => name);
  const latest = useRef({ times, lines, format, moment });
  latest.current = { times, lines, format, moment };
  useEffect(() => {
    const follow = () => {
      scheme.value = dark.matches;
    };
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  // Made anew when its lines, its colours or its time scale differ; else only its values change.
  useEffect(() => {
    let over = false;
    const make = async () => {
      const { makePlot } = await import("./plot.ts");
      const element = place.current;
      if (over || element === null) return;
      const { format, moment } = latest.current;
      plot.current = makePlot(element, {
        names,
        colors: COLORS,
        format,
        moment,
        timeName: strings.charts.time,
        height: HEIGHT,
      });
      plot.current.show(latest.current.times, valuesOf(latest.current.lines));
    };
    if (names.length > 0) {
      make().catch((error: unknown) => {
        problem.value = problemOf(error);
      });
    }
    return () => {
      over = true;
      plot.current?.dispose();
      plot.current = undefined;
    };
  }, [names.join("|"), range, scheme.value]);
  useEffect(() => plot.current?.show(times, valuesOf(lines)), [times, lines]);
  const parts = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    const last = known.at(-1);
    return strings.charts.part(name, last === undefined ? "–" : format(last), format(Math.max(0, ...known)));
  });
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <ProblemNotice problem={problem.value} />
      {lines.length === 0 ? (
        <p class="chart-empty muted">{empty}</p>
      ) : (
        <div ref={place} class="plot" role="img" aria-label={strings.charts.label(title, range, parts.join("; "))} />
      )}
    </figure>
  );
}

function valuesOf(lines: readonly ChartLine[]): (readonly (number | null)[])[] {
  return lines.map(({ values }) => values);
}
