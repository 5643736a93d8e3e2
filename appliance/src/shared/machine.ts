// SPDX-License-Identifier: Apache-2.0
/**
 * Whose machine this is. An appliance has it alone. As a package on somebody's machine it is a guest: it touches what its
 * configuration names, and nothing else; the host's name, clock and other interfaces are the host's.
 */
import { posix } from "node:path";

export interface Machine {
  guest: boolean;
  /** What lives as long as the kernel's state does. */
  run: string;
  /** What persists: root's; of it, scsigate/ is the service's. */
  data: string;
}

/** @param environment SCSIGATE_GUEST=1 and the two paths, as the package's unit sets them */
export function machineOf(environment: Readonly<Record<string, string | undefined>>): Machine {
  return {
    guest: environment["SCSIGATE_GUEST"] === "1",
    run: environment["SCSIGATE_RUN"] ?? "/run",
    data: environment["SCSIGATE_DATA"] ?? "/data",
  };
}

/** What a child process needs to see the same. */
export function environmentOf({ guest, run, data }: Machine): Record<string, string> {
  return { SCSIGATE_GUEST: guest ? "1" : "0", SCSIGATE_RUN: run, SCSIGATE_DATA: data };
}

/** The command line's socket. */
export function controlSocket({ run }: Machine): string {
  return posix.join(run, "scsigate/service/control.sock");
}

export const machine: Machine = machineOf(process.env);
