// SPDX-License-Identifier: Apache-2.0
/**
 * Messages on the child-process channel. Requests go from service to executor, replies back. Requests are what
 * requestSchema.ts lets through.
 */
import type { Request } from "../../generated/request.d.ts";
import type { Problem } from "../shared/errors.ts";
import type { GroupResult } from "./operations.ts";

export type { Request };

/** How often the service says that its event loop turns (alive), milliseconds. */
export const ALIVE_INTERVAL_MS = 10_000;

export type RequestOf<Type extends Request["type"]> = Extract<Request, { type: Type }>;

/** What there is to tell on the boot partition, or to tidy up. */
export type BootChange = NonNullable<RequestOf<"boot">["change"]>;

/** The two slots of the image: a kernel and a root each, written and chosen together. */
export const SLOTS = ["A", "B"] as const;
export type SlotName = (typeof SLOTS)[number];

export interface AppliedReply {
  type: "applied";
  id: number;
  groups: GroupResult[];
}

/** The executor did not accept the request; nothing was done. */
export interface RefusedReply {
  type: "refused";
  /** -1 when the request did not even have one. */
  id: number;
  problem: Problem;
}

/** A device's file `latency` as it is. */
export interface DeviceLatency {
  /** h:c:t:l */
  device: string;
  text: string;
}

export interface LatencyReply {
  type: "latency";
  id: number;
  devices: DeviceLatency[];
}

/** What BIRD answered, as it is. */
export interface MeshAnswers {
  neighbours: string;
  routes: string;
  /** Routes that we do not take. */
  refused: string;
}

export interface MeshReply {
  type: "mesh";
  id: number;
  /** Null: BIRD does not answer. */
  answers: MeshAnswers | null;
}

/** What WireGuard knows. */
export interface WireguardAnswers {
  /** Base64; null while there is none. */
  publicKey: string | null;
  /** As `wg show <interface> latest-handshakes` prints it; empty where there is no interface. */
  handshakes: string;
}

export interface WireguardReply {
  type: "wireguard";
  id: number;
  answers: WireguardAnswers;
}

export interface FirewallCountersReply {
  type: "firewallCounters";
  id: number;
  /** Our tables as nft lists them; empty where there are none. */
  text: string;
}

/** A line's number in /sys/class/gpio, and that the service may use it; or why not. */
export type GivenLine = { number: number } | { problem: Problem };

export interface GpioReply {
  type: "gpio";
  id: number;
  /** In the order of the request. */
  lines: GivenLine[];
}

/** A line of the executor's log or of the kernel's: the service sends logs to other machines and shows them. */
export interface LogNote {
  type: "log";
  line: string;
  /** An earlier service has had it: it is shown, and not sent anywhere again. */
  again?: true;
}

/** Output of a program, or what a folder of the kernel has. */
export interface InspectedFile {
  name: string;
  content: string;
}

export interface InspectedReply {
  type: "inspected";
  id: number;
  files: InspectedFile[];
}

/** What ping printed. */
export interface PingReply {
  type: "ping";
  id: number;
  text: string;
}

/** A part of the recording, pcap in base64. More follows. */
export interface CaptureData {
  type: "captureData";
  id: number;
  data: string;
}

/** Time is over, the recording is full, it was asked to stop, or the program failed. */
export type CaptureEnd = { reason: "time" | "size" | "asked" } | { reason: "failed"; message: string };

export interface CapturedReply {
  type: "captured";
  id: number;
  end: CaptureEnd;
}

export interface SlotState {
  /** Of the image in it; null while unknown, or nothing whole is in it. */
  version: string | null;
  /** Whether the boot loader may start it. */
  mayStart: boolean;
  /** Whether it has run well since it was written. */
  confirmed: boolean;
  /** Starts since then. */
  tries: number;
}

/** What runs, and what the boot loader does next. */
export interface ImageState {
  board: string;
  /** A bundle must have the same word. */
  compatible: string;
  version: string;
  /** The slot that runs. */
  slot: SlotName;
  /** The slot that is tried first. */
  first: SlotName;
  slots: Record<SlotName, SlotState>;
}

export interface ImageReply {
  type: "image";
  id: number;
  /** Null: this machine was not started from an image. */
  image: ImageState | null;
}

/** What a bundle says of itself; its signature is good. */
export interface BundleInfo {
  compatible: string;
  version: string;
  description: string;
  build: string;
}

export interface BundleReply {
  type: "bundle";
  id: number;
  bundle: BundleInfo;
}

/** More follows. */
export interface InstallProgress {
  type: "installProgress";
  id: number;
  percent: number;
  /** What is done, in RAUC's words. */
  step: string;
}

export interface InstalledReply {
  type: "installed";
  id: number;
  /** Where it was written to; it is started next. */
  slot: SlotName;
}

export interface DoneReply {
  type: "done";
  id: number;
}

/** The machine goes down in a moment. */
export interface RebootingReply {
  type: "rebooting";
  id: number;
}

export interface BootFacts {
  /** scsigate.json as it is, in base64; null: there is none. */
  prepared: string | null;
  /** Why it cannot be read. */
  problem: Problem | null;
  /** Whether the users are to be forgotten. */
  recover: boolean;
}

export interface BootReply {
  type: "boot";
  id: number;
  facts: BootFacts;
}

export interface ForgottenReply {
  type: "forgotten";
  id: number;
}

export type Reply =
  | AppliedReply
  | RefusedReply
  | LatencyReply
  | MeshReply
  | WireguardReply
  | FirewallCountersReply
  | GpioReply
  | RebootingReply
  | BootReply
  | ForgottenReply
  | InspectedReply
  | PingReply
  | CaptureData
  | CapturedReply
  | ImageReply
  | BundleReply
  | InstallProgress
  | InstalledReply
  | DoneReply;
