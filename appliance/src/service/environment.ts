// SPDX-License-Identifier: Apache-2.0
/** All that the service touches of the world, so that tests can give it a temporary tree and free ports. */
import type { CaptureEnd, CaptureRequest, DeviceLatency, InspectedFile, MeshAnswers } from "../protocol/messages.ts";
import type { GroupResult, Plan } from "../protocol/operations.ts";
import type { Clock } from "../shared/clock.ts";
import type { CommandRunner } from "../shared/commands.ts";
import type { LineProgram } from "../shared/lines.ts";
import type { Logger } from "../shared/log.ts";
import type { LogBuffer } from "../shared/logBuffer.ts";

export interface ServicePaths {
  /** /sys */
  sys: string;
  /** /proc */
  proc: string;
  /** /lib/modules */
  modules: string;
  /** /data/scsigate: configuration, identity, TLS key; ours to write */
  data: string;
  /** /run/scsigate/leases: dnsmasq's leases, or links to where they last; read only */
  leases: string;
  /** The built web UI. */
  web: string;
  /** version.json */
  version: string;
  /** The command line's socket. */
  control: string;
}

export type CaptureOrder = Omit<CaptureRequest, "type" | "id">;

/** The other process. */
export interface ExecutorLink {
  /**
   * Has a plan carried out.
   * @throws ScsigateError executor-refused or executor-gone
   */
  apply(plan: Plan): Promise<GroupResult[]>;
  /**
   * The driver's latency classes, which only root can read.
   * @throws ScsigateError executor-gone
   */
  readLatency(): Promise<DeviceLatency[]>;
  /**
   * What BIRD knows of other gateways; null when it does not answer.
   * @throws ScsigateError executor-gone
   */
  readMesh(): Promise<MeshAnswers | null>;
  /**
   * Restarts the machine.
   * @throws ScsigateError executor-refused or executor-gone
   */
  reboot(): Promise<void>;
  /**
   * What the machine is like, as root sees it; no file has a password in it.
   * @throws ScsigateError executor-gone
   */
  inspect(): Promise<InspectedFile[]>;
  /**
   * Sends echo requests, five a second.
   * @param ip IPv4 or IPv6
   * @param count 1 to 20
   * @returns what ping printed
   * @throws ScsigateError executor-refused or executor-gone
   */
  ping(ip: string, count: number): Promise<string>;
  /**
   * Records a station's packets; one recording at a time.
   * @returns what ends it early
   */
  capture(order: CaptureOrder, onData: (data: Buffer) => void, onEnd: (end: CaptureEnd) => void): () => void;
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
  /** Starts a program that is read line by line. */
  lines: LineProgram;
  executor: ExecutorLink;
  /** Says something on the console that must be nowhere else. */
  announce: (text: string) => void;
  /** What the log said last. */
  logs: LogBuffer;
  /** Ends the service; the executor starts it again. */
  restart: () => void;
  log: Logger;
}
