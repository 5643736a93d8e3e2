// SPDX-License-Identifier: Apache-2.0
/** Messages on the child-process channel. Requests go from service to executor, replies back. */
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

/** Restart the machine. */
export interface RebootRequest {
  type: "reboot";
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

export type Request =
  | ApplyRequest
  | ReadyRequest
  | LatencyRequest
  | MeshRequest
  | RebootRequest
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

/** The machine goes down in a moment. */
export interface RebootingReply {
  type: "rebooting";
  id: number;
}

export type Reply =
  | AppliedReply
  | RefusedReply
  | LatencyReply
  | MeshReply
  | RebootingReply
  | InspectedReply
  | PingReply
  | CaptureData
  | CapturedReply;
