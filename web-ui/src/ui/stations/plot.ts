// SPDX-License-Identifier: Apache-2.0
/** uPlot, in a file of its own that is loaded with the first chart. */
import uPlot from "uplot";

export interface PlotOptions {
  names: readonly string[];
  /** Custom properties of the style sheet. */
  colors: readonly string[];
  /** Values for people. */
  format: (value: number) => string;
  /** Moments below the chart. */
  moment: (milliseconds: number) => string;
  timeName: string;
  height: number;
}

export interface Plot {
  /** @param times milliseconds since 1970 @param values a list for each name */
  show(times: readonly number[], values: readonly (readonly (number | null)[])[]): void;
  dispose(): void;
}

/** A value between two gaps is no line: where such are, to be shown as points. */
export function alone(values: readonly (number | null | undefined)[]): number[] {
  const empty = (at: number) => (values[at] ?? null) === null;
  return values.flatMap((_value, at) => (!empty(at) && empty(at - 1) && empty(at + 1) ? [at] : []));
}

export function makePlot(element: HTMLElement, options: PlotOptions): Plot {
  const { names, colors, format, moment, timeName, height } = options;
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color("--muted"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { stroke: color("--line"), width: 1 },
    font: `12px ${style.fontFamily}`,
  };
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height,
      ms: 1,
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { live: true },
      scales: { y: { range: (_self, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        { ...axis, values: (_self, splits) => splits.map(moment), space: 90 },
        { ...axis, values: (_self, splits) => splits.map((value) => format(value)), size: 84 },
      ],
      series: [
        { label: timeName, value: (_self, value: number | null) => (value === null ? "–" : moment(value)) },
        ...names.map((label, index) => ({
          label,
          stroke: color(colors[index % colors.length] ?? "--text"),
          // Never colour alone: every second line is dashed.
          ...(index % 2 === 1 ? { dash: [6, 3] } : {}),
          width: 1.5,
          points: { show: true, size: 4, filter: (self: uPlot, at: number) => alone([...(self.data[at] ?? [])]) },
          value: (_self: uPlot, value: number | null) => (value === null ? "–" : format(value)),
        })),
      ],
    },
    [[], ...names.map(() => [])],
    element,
  );
  const watch = new ResizeObserver(() => {
    if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height });
  });
  watch.observe(element);
  return {
    show: (times, values) => plot.setData([[...times], ...values.map((list) => [...list])]),
    dispose() {
      watch.disconnect();
      plot.destroy();
    },
  };
}
