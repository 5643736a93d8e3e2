// SPDX-License-Identifier: Apache-2.0
// Traces that are kept, in kernel/testing/traces: recorded at one of the two modelled buses, and played at the other one.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { difference, parse, print, type Trace } from "./trace.ts";

const FOLDER = fileURLToPath(new URL("../../../kernel/testing/traces/", import.meta.url));

export function kept(name: string): Trace {
  return parse(readFileSync(`${FOLDER}${name}.trace`, "utf8"));
}

/** What differs between a trace that was recorded anew and the kept one; with TRACES=1, it is kept instead. */
export function differsFromKept(name: string, recorded: Trace): string | undefined {
  if (process.env["TRACES"] === "1") {
    const head = "# SPDX-License-Identifier: GPL-2.0-only\n# Recorded by the tests, with TRACES=1: see ../README.md\n";
    writeFileSync(`${FOLDER}${name}.trace`, head + print(recorded));
  }
  return difference(kept(name), recorded);
}
