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

export type Request = ApplyRequest | ReadyRequest | LatencyRequest;

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

/** A line of the executor's log: the service sends logs to other machines and shows them. */
export interface LogNote {
  type: "log";
  line: string;
}

export type Reply = AppliedReply | RefusedReply | LatencyReply;
