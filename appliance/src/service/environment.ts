// SPDX-License-Identifier: Apache-2.0
/** All that the service touches of the world, so that tests can give it a temporary tree and free ports. */
import type { GroupResult, Plan } from "../protocol/operations.ts";
import type { Clock } from "../shared/clock.ts";
import type { CommandRunner } from "../shared/commands.ts";
import type { Logger } from "../shared/log.ts";

export interface ServicePaths {
  /** /sys */
  sys: string;
  /** /proc */
  proc: string;
  /** /data/scsigate: configuration, identity, TLS key; ours to write */
  data: string;
  /** /data/dhcp: dnsmasq's leases; read only */
  leases: string;
  /** The built web UI. */
  web: string;
  /** version.json */
  version: string;
}

/** The other process. */
export interface ExecutorLink {
  /**
   * Has a plan carried out.
   * @throws ScsigateError executor-refused or executor-gone
   */
  apply(plan: Plan): Promise<GroupResult[]>;
  /** Says that the service works. */
  ready(): void;
}

export interface ServiceEnvironment {
  paths: ServicePaths;
  /** Address to listen on; "::" takes IPv4 and IPv6. */
  host: string;
  /** Ports that replace the configuration's, for tests; 0 lets the kernel choose. */
  ports?: { http: number; https: number };
  clock: Clock;
  random: (bytes: number) => Buffer;
  run: CommandRunner;
  executor: ExecutorLink;
  log: Logger;
}
