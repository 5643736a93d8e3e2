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

export type Request = ApplyRequest | ReadyRequest;

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

export type Reply = AppliedReply | RefusedReply;
