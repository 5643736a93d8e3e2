// SPDX-License-Identifier: Apache-2.0
// Traces of the modelled buses: pictures of them, and what differs (kernel/testing/README.md).
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { difference, parse, type Trace, TraceError } from "../../../firmware/sim/src/trace.ts";
import { LabError } from "../errors.ts";
import { timing } from "../timing.ts";

const HOW = "Usage: lab trace draw FILE [FIRST-LAST], or lab trace compare ONE OTHER.";

function read(file: string | undefined): Trace {
  if (file === undefined || !existsSync(file))
    throw new LabError("usage", file === undefined ? "A file is missing." : `There is no file ${file}.`, HOW);
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    throw new LabError("usage", `${file}, ${error.message}.`, "kernel/testing/README.md describes the format.");
  }
}

/** @param range of its connections, from 1: "3-4" */
export function part(trace: Trace, range: string): Trace {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  const begins = trace.flatMap(({ kind }, at) => (kind === "arbitration" ? [at] : []));
  const [from, to] = [begins[Number(first) - 1], begins[Number(last)]];
  if (from === undefined || Number(last) < Number(first))
    throw new LabError("usage", `"${range}" are no connections of ${begins.length}.`, HOW);
  return trace.slice(from, to);
}

export function runTrace([command, one, other]: readonly string[]): number {
  const trace = read(one);
  switch (command) {
    case "draw": {
      const shown = other === undefined ? trace : part(trace, other);
      const name = basename(one ?? "");
      process.stdout.write(timing(shown, `Trace ${name}`, `lab trace draw ${[name, other ?? ""].join(" ").trim()}`));
      return 0;
    }
    case "compare": {
      const found = difference(trace, read(other));
      console.log(found ?? "They are the same in every phase and byte.");
      return found === undefined ? 0 : 1;
    }
    default:
      throw new LabError("usage", `There is no command "trace ${command ?? ""}".`, HOW);
  }
}
