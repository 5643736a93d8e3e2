// SPDX-License-Identifier: Apache-2.0
/** What operations work with; all of it comes from outside, so that tests can put a temporary tree or a fake there. */
import type { Clock } from "../shared/clock.ts";
import type { CommandRunner } from "../shared/commands.ts";
import type { Logger } from "../shared/log.ts";
import type { StreamProgram } from "../shared/stream.ts";
import type { ConfigFs } from "./configFs.ts";
import type { Processes } from "./processes.ts";

export interface ExecutorPaths {
  /** /sys */
  sys: string;
  /** /dev */
  dev: string;
  /** /proc */
  proc: string;
  /** /run: resolv.conf, udhcpc's state, and our own folder scsigate/ */
  run: string;
  /** /usr/share/zoneinfo */
  zones: string;
  /** /data: root's own part of it. What is below /data/scsigate belongs to the service and is never followed from here. */
  data: string;
  /** /root */
  home: string;
  /** /boot: the boot partition, of an image */
  boot: string;
  /** /usr/lib/scsigate/image.json: only images have it */
  image: string;
}

export interface ServiceUser {
  uid: number;
  gid: number;
}

export interface ExecutorContext {
  paths: ExecutorPaths;
  run: CommandRunner;
  /** Starts a program whose output is read as it comes. */
  stream: StreamProgram;
  clock: Clock;
  processes: Processes;
  /** Who the service runs as; absent where there is none to serve. */
  serviceUser?: ServiceUser;
  /** On somebody's machine: its own configuration and run-time state, /etc and /run, and where our udhcpc script is. */
  host?: { etc: string; run: string; dhcpScript: string };
  /** The driver disk's image, as it was built. */
  driverDisk: string;
  /** The target core's folder of configfs. */
  targetFs: ConfigFs;
  log: Logger;
}

/**
 * Carries out one operation of its kind.
 * @returns whether anything had to be changed.
 * @throws ScsigateError with what the user can do.
 */
export type Handler<T> = (operation: T, context: ExecutorContext) => Promise<boolean>;
