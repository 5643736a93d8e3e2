// SPDX-License-Identifier: Apache-2.0
/** Messages on the child-process channel. Requests go from service to executor, replies back. */
import type { ConfigError } from "../api/status.ts";
import type { Problem } from "../shared/errors.ts";
import type { GroupResult, Plan } from "./operations.ts";

/** Carry out a plan. */
export interface ApplyRequest {
  type: "apply";
  /** Chosen by the service; the reply carries it. */
  id: number;
  plan: Plan;
}

/** The service answers HTTP: its restart back-off starts anew. */
export interface ReadyRequest {
  type: "ready";
}

/** The service's event loop turns; said every ALIVE_INTERVAL_MS. */
export interface AliveRequest {
  type: "alive";
}

/** Milliseconds. */
export const ALIVE_INTERVAL_MS = 10_000;

/** Read the driver's latency classes. */
export interface LatencyRequest {
  type: "latency";
  id: number;
}

/** Ask BIRD what it knows. */
export interface MeshRequest {
  type: "mesh";
  id: number;
}

/** Say what the firewall's rules have counted. */
export interface FirewallCountersRequest {
  type: "firewallCounters";
  id: number;
}

/** Restart the machine. */
export interface RebootRequest {
  type: "reboot";
  id: number;
}

/** Say what people have put on the boot partition, after a change of it where one is given. */
export interface BootRequest {
  type: "boot";
  id: number;
  change?: BootChange;
}

/** What there is to tell there, or to tidy up. */
export type BootChange =
  /** The setup token, or that there is none any more. */
  | { kind: "token"; token: string | null }
  /** scsigate.json was taken over: it goes. What of it, in words. */
  | { kind: "taken"; what: string[] }
  /** scsigate.json was not taken over. */
  | { kind: "refused"; errors: ConfigError[] }
  /** The users were forgotten, as it was asked for at the start. */
  | { kind: "recovered" };

/** Remove what the owner has left outside of the service's folder. */
export interface ForgetRequest {
  type: "forget";
  id: number;
}

/** Say what the machine is like, for whoever helps. */
export interface InspectRequest {
  type: "inspect";
  id: number;
}

/** Send echo requests. */
export interface PingRequest {
  type: "ping";
  id: number;
  /** IPv4 or IPv6. */
  ip: string;
  /** 1 to 20. */
  count: number;
}

/** Record a station's packets. One capture at a time; data comes as it is recorded. */
export interface CaptureRequest {
  type: "capture";
  id: number;
  segment: string;
  /** Station address. */
  address: string;
  /** 1 to 60. */
  seconds: number;
  /** Longest recording, bytes; 1 KiB to 8 MiB. */
  maxBytes: number;
}

/** End the capture that runs. */
export interface StopCaptureRequest {
  type: "stopCapture";
}

/** The two slots of the image: a kernel and a root each, written and chosen together. */
export const SLOTS = ["A", "B"] as const;
export type SlotName = (typeof SLOTS)[number];

/** Say which slot runs, and what the boot loader does next. */
export interface ImageRequest {
  type: "image";
  id: number;
}

/** Take over an update bundle that the service has received, and say what it is. */
export interface TakeBundleRequest {
  type: "takeBundle";
  id: number;
  /** Of a file in the service's folder. */
  name: string;
}

/** Write the bundle that was taken over to the slot that does not run. */
export interface InstallBundleRequest {
  type: "installBundle";
  id: number;
}

/** Remove the bundle that was taken over. */
export interface DropBundleRequest {
  type: "dropBundle";
  id: number;
}

/** The slot that runs does its job. */
export interface ConfirmSlotRequest {
  type: "confirmSlot";
  id: number;
}

/** Start this slot from now on. */
export interface SelectSlotRequest {
  type: "selectSlot";
  id: number;
  slot: SlotName;
}

export type Request =
  | ImageRequest
  | TakeBundleRequest
  | InstallBundleRequest
  | DropBundleRequest
  | ConfirmSlotRequest
  | SelectSlotRequest
  | ApplyRequest
  | ReadyRequest
  | AliveRequest
  | LatencyRequest
  | MeshRequest
  | FirewallCountersRequest
  | RebootRequest
  | BootRequest
  | ForgetRequest
  | InspectRequest
  | PingRequest
  | CaptureRequest
  | StopCaptureRequest;

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

export interface FirewallCountersReply {
  type: "firewallCounters";
  id: number;
  /** Our tables as nft lists them; empty where there are none. */
  text: string;
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
  | FirewallCountersReply
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
