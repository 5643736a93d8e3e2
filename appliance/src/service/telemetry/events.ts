// SPDX-License-Identifier: Apache-2.0
/** What happened, as it goes to the topic "event". */
import type { Health, Status } from "../../api/status.ts";
import type { LinkEvent } from "../linkEvents.ts";
import type { StoredEvent } from "./eventStore.ts";
import { isoTime } from "./payloads.ts";

export interface HealthEvent {
  type: "health";
  status: Health["status"];
  /** Codes. */
  reasons: string[];
}

export interface CommandEvent {
  type: "command";
  command: string;
  accepted: boolean;
  /** Why not; empty when it was accepted. */
  message: string;
}

/** So many events did not fit while the broker was away. */
export interface LostEvent {
  type: "events-lost";
  count: number;
}

export interface StartEvent {
  type: "started";
  version: string;
}

/** What came of an update. */
export type UpdateEvent =
  | { type: "update-installed"; version: string; running: string }
  | { type: "update-confirmed"; version: string }
  | { type: "update-failed" | "update-fell-back"; version: string; running: string; message: string };

export type GatewayEvent = LinkEvent | HealthEvent | CommandEvent | LostEvent | StartEvent | UpdateEvent;

/** Names events, so that a receiver who gets one twice can tell. */
export class EventNames {
  readonly #run: string;
  #count = 0;

  constructor(random: (bytes: number) => Buffer) {
    this.#run = random(4).toString("hex");
  }

  /**
   * @param now milliseconds since 1970
   * @param delayed whether the broker was away when it happened
   */
  name(event: GatewayEvent, status: Status, now: number, delayed: boolean): StoredEvent {
    this.#count += 1;
    const { uptimeSeconds: uptime_seconds } = status;
    return { id: `${this.#run}-${this.#count}`, time: isoTime(now), uptime_seconds, delayed, ...event };
  }
}

/** Undefined when the health is as it was. The broker's absence is no news for those whom the broker tells. */
export function healthEvent(before: Health | undefined, now: Health): HealthEvent | undefined {
  if (before === undefined || now.status === "starting") return undefined;
  const codes = (health: Health) =>
    [...new Set(health.reasons.map((reason) => reason.code).filter((code) => code !== "broker-unreachable"))].sort();
  const reasons = codes(now);
  const known = before.status !== "starting" || reasons.length === 0;
  if (known && reasons.join() === codes(before).join()) return undefined;
  return { type: "health", status: reasons.length === 0 ? "ok" : "degraded", reasons };
}
