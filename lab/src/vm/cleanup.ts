// SPDX-License-Identifier: Apache-2.0
// Whatever ends this process, its VMs and folders go with it. (QEMU is also started with a parent-death signal.)
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const pids = new Set<number>();
const dirs = new Set<string>();
const hooks = new Set<() => void>();
let installed = false;

function cleanUp(): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // gone already
    }
  }
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  for (const hook of hooks) hook();
  pids.clear();
  dirs.clear();
  hooks.clear();
}

function install(): void {
  if (installed) return;
  installed = true;
  process.on("exit", cleanUp);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // Somebody who stops in an orderly way has a listener of its own.
      if (process.listenerCount(signal) > 1) return;
      cleanUp();
      process.exit(signal === "SIGINT" ? 130 : 143);
    });
  }
  process.on("uncaughtException", (error) => {
    console.error(error);
    cleanUp();
    process.exit(1);
  });
}

export function ownPid(pid: number): void {
  install();
  pids.add(pid);
}

export function disownPid(pid: number): void {
  pids.delete(pid);
}

/** What the machine counts processor time in: USER_HZ of Linux, on every architecture. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/<pid>/stat from utime on: utime, stime, and the two of children that have ended; ticks. */
function processorTicks(pid: number | "self"): readonly number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15)
    .map(Number);
}

/** Processor time that programs of this process have taken so far, VMs most of all; seconds. */
export function processorSeconds(): number {
  const [, , user = 0, system = 0] = processorTicks("self");
  let ticks = user + system;
  for (const pid of pids) {
    try {
      const [running = 0, inKernel = 0] = processorTicks(pid);
      ticks += running + inKernel;
    } catch {
      // it has just ended, and is among the children's
    }
  }
  return ticks / TICKS_PER_SECOND;
}

const DIR_PREFIX = "scsigate-lab-";
const OWNER_FILE = "owner";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Folders whose process got no chance to remove them (SIGKILL, a power cut). */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(DIR_PREFIX)) continue;
    try {
      const owner = Number(readFileSync(join(tmpdir(), name, OWNER_FILE), "utf8"));
      if (!isAlive(owner)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // another process makes or removes it at this moment
    }
  }
}

/** A folder that goes with this process. */
export function makeOwnDir(): string {
  install();
  removeAbandoned();
  const dir = mkdtempSync(join(tmpdir(), DIR_PREFIX));
  dirs.add(dir);
  writeFileSync(join(dir, OWNER_FILE), String(process.pid));
  return dir;
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
  dirs.delete(dir);
}

/** Something else to undo at the end; must not take time. */
export function onCleanUp(hook: () => void): () => void {
  install();
  hooks.add(hook);
  return () => hooks.delete(hook);
}
