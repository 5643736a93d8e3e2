// SPDX-License-Identifier: Apache-2.0
/** Prometheus' text format, version 0.0.4. */

export type Labels = Record<string, string>;

interface Family {
  type: "counter" | "gauge" | "histogram";
  help: string;
  lines: string[];
}

export class Exposition {
  readonly #families = new Map<string, Family>();

  /** Something that only grows; its name ends in _total. */
  counter(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#family(name, "counter", help).push(`${name}${render(labels)} ${number(value)}`);
  }

  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#family(name, "gauge", help).push(`${name}${render(labels)} ${number(value)}`);
  }

  /** @param buckets [upper bound, how many are in this one alone], by bound. There is no sum: nobody measured one. */
  histogram(name: string, help: string, buckets: readonly (readonly [number, number])[], labels: Labels = {}): void {
    const lines = this.#family(name, "histogram", help);
    let sum = 0;
    for (const [bound, count] of buckets) {
      sum += count;
      lines.push(`${name}_bucket${render({ ...labels, le: number(bound) })} ${sum}`);
    }
    lines.push(`${name}_bucket${render({ ...labels, le: "+Inf" })} ${sum}`, `${name}_count${render(labels)} ${sum}`);
  }

  /** All of it; a family's lines stand together, as the format wants. */
  toString(): string {
    const parts = [...this.#families].map(([name, { type, help, lines }]) =>
      [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n"),
    );
    return parts.join("");
  }

  #family(name: string, type: Family["type"], help: string): string[] {
    const known = this.#families.get(name);
    if (known !== undefined) return known.lines;
    const family: Family = { type, help, lines: [] };
    this.#families.set(name, family);
    return family.lines;
  }
}

function render(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function number(value: number): string {
  return Number.isFinite(value) ? String(value) : "NaN";
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function escapeHelp(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
