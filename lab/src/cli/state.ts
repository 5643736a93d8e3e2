// SPDX-License-Identifier: Apache-2.0
// How `make shell` finds what `make run` or `lab vm` started.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../errors.ts";
import { runStateDir } from "../paths.ts";
import { topologies } from "../topologies/index.ts";
import type { Topology } from "../topologies/types.ts";
import type { Bench } from "../vm/bench.ts";
import { onCleanUp } from "../vm/cleanup.ts";

export interface RunState {
  readonly pid: number;
  readonly dir: string;
  readonly vms: readonly string[];
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function stateFile(topology: string): string {
  return join(runStateDir, `${topology}.json`);
}

function read(topology: string): RunState | undefined {
  const file = stateFile(topology);
  if (!existsSync(file)) return undefined;
  const state = JSON.parse(readFileSync(file, "utf8")) as RunState;
  return alive(state.pid) ? state : undefined;
}

/** Fails when the topology runs already in this checkout. */
export function requireNotRunning(topology: Topology): void {
  const state = read(topology.name);
  if (state === undefined) return;
  throw new LabError(
    "usage",
    `The topology ${topology.name} of this checkout runs already (process ${state.pid}: ${state.vms.join(", ")}).`,
    "Use that, or stop it with Ctrl-C where it was started.",
  );
}

export function announce(bench: Bench): void {
  const state: RunState = { pid: process.pid, dir: bench.dir, vms: bench.vms.map((vm) => vm.name) };
  const file = stateFile(bench.topology.name);
  mkdirSync(runStateDir, { recursive: true });
  writeFileSync(file, `${JSON.stringify(state)}\n`);
  onCleanUp(() => rmSync(file, { force: true }));
}

/** The bench in which a VM of this name runs. */
export function running(vm: string | undefined): RunState {
  const states = Object.keys(topologies).flatMap((name) => read(name) ?? []);
  if (states.length === 0) {
    throw new LabError("usage", "No VM runs here.", "Start some: `make run`, or `lab/bin/lab vm loop`.");
  }
  const found = states.find((state) => vm !== undefined && state.vms.includes(vm));
  if (found === undefined) {
    const what = vm === undefined || vm === "" ? "Which VM?" : `No VM is named ${vm}.`;
    throw new LabError("usage", what, `There are: ${states.flatMap((state) => state.vms).join(", ")}.`);
  }
  return found;
}
