// SPDX-License-Identifier: Apache-2.0
/** All that the service touches of the world, so that tests can give it a temporary tree and free ports. */
import type { OpenPort } from "../adapter/port.ts";
import type {
  BootChange,
  BootFacts,
  BundleInfo,
  CaptureEnd,
  DeviceLatency,
  GivenLine,
  ImageState,
  InspectedFile,
  MeshAnswers,
  RequestOf,
  SlotName,
  WireguardAnswers,
} from "../protocol/messages.ts";
import type { GroupResult, Plan } from "../protocol/operations.ts";
import type { Clock } from "../shared/clock.ts";
import type { CommandRunner } from "../shared/commands.ts";
import type { LineProgram } from "../shared/lines.ts";
import type { Logger } from "../shared/log.ts";
import type { LogBuffer } from "../shared/logBuffer.ts";
import type { OpenLine } from "./panel/line.ts";

export interface ServicePaths {
  /** /sys */
  sys: string;
  /** /dev */
  dev: string;
  /** /proc */
  proc: string;
  /** /lib/modules */
  modules: string;
  /** /data/scsigate: configuration, identity, TLS key; ours to write */
  data: string;
  /** /run/scsigate/leases: dnsmasq's leases, or links to where they last; read only */
  leases: string;
  /** /run/avahi-daemon/pid: the image's or the host's; read only */
  avahi: string;
  /** The built web UI. */
  web: string;
  /** version.json */
  version: string;
  /** adapter.update, the firmware for adapters that came with us */
  adapterImage: string;
  /** /run/scsigate/service: ours to write, and lives as long as the machine runs */
  run: string;
  /** The command line's socket. */
  control: string;
}

export type CaptureOrder = Omit<RequestOf<"capture">, "type" | "id">;

export type LineName = RequestOf<"gpio">["lines"][number];

/** What an update needs of the other process. All of it throws ScsigateError update-..., executor-refused or executor-gone. */
export interface ImageLink {
  /** What runs, and what the boot loader does next; null on a machine that was not started from an image. */
  read(): Promise<ImageState | null>;
  /**
   * Takes a received bundle over and checks its signature.
   * @param name of a file in our folder update/
   */
  take(name: string): Promise<BundleInfo>;
  /** Writes it to the slot that does not run, which is started next then. */
  install(onProgress: (percent: number, step: string) => void): Promise<SlotName>;
  /** Removes the bundle that was taken over. */
  drop(): Promise<void>;
  /** The slot that runs does its job. */
  confirm(): Promise<void>;
  /** This slot is started from now on. */
  select(slot: SlotName): Promise<void>;
}

/** The other process. */
export interface ExecutorLink {
  image: ImageLink;
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
   * Our public key, and when other gateways were last heard by WireGuard.
   * @throws ScsigateError executor-gone
   */
  readWireguard(): Promise<WireguardAnswers>;
  /**
   * The firewall's tables as nft lists them, with counters; empty where there are none.
   * @throws ScsigateError executor-gone
   */
  readFirewall(): Promise<string>;
  /**
   * Lines of GPIO chips that we may use from now on; those of before that are not among them go back.
   * @throws ScsigateError executor-refused or executor-gone
   */
  giveLines(lines: readonly LineName[]): Promise<GivenLine[]>;
  /**
   * Restarts the machine.
   * @throws ScsigateError executor-refused or executor-gone
   */
  reboot(): Promise<void>;
  /**
   * What people have put on the boot partition, after a change of it.
   * @throws ScsigateError executor-refused or executor-gone
   */
  boot(change?: BootChange): Promise<BootFacts>;
  /**
   * Removes what the owner has left outside of our folder.
   * @throws ScsigateError executor-refused or executor-gone
   */
  forget(): Promise<void>;
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
  /** Whether the machine is somebody's, who has us as a package. */
  guest?: boolean;
  /** Address to listen on; "::" takes IPv4 and IPv6. */
  host: string;
  /** Ports that replace the configuration's, for tests; 0 lets the kernel choose. */
  ports?: { http: number; https: number };
  clock: Clock;
  random: (bytes: number) => Buffer;
  run: CommandRunner;
  /** Opens the management port of an adapter. */
  openPort: OpenPort;
  /** Opens a line that the executor has given us. */
  openLine: OpenLine;
  /** Starts a program that is read line by line. */
  lines: LineProgram;
  executor: ExecutorLink;
  /** What the log said last. */
  logs: LogBuffer;
  /** Ends the service; the executor starts it again. */
  restart: () => void;
  log: Logger;
}

/**
 * A part of it: what one module needs, so that its type says so and a test need not make more.
 * @template Members beside paths and executor
 */
export type Part<
  Members extends Exclude<keyof ServiceEnvironment, "paths" | "executor">,
  Paths extends keyof ServicePaths = never,
  Questions extends keyof ExecutorLink = never,
> = Pick<ServiceEnvironment, Members> &
  ([Paths] extends [never] ? unknown : { paths: Pick<ServicePaths, Paths> }) &
  ([Questions] extends [never] ? unknown : { executor: Pick<ExecutorLink, Questions> });
