// SPDX-License-Identifier: Apache-2.0
/** What /api/v1/stations and what is below it takes and gives. The web UI imports these types. */
import type { StationStatus } from "./status.ts";

export type StationAccess = "allow" | "block";

export interface StationLease {
  ip: string;
  /** Milliseconds since 1970 by the gateway's clock; null: for ever. */
  expires: number | null;
}

/** A station: what the driver says of it, and what the configuration does. */
export interface StationView {
  segment: string;
  /** Station address, six bytes written like a MAC address. */
  address: string;
  /** The configured name, else the one that it told. */
  name: string;
  /** Null where the configuration gives it none. */
  configuredName: string | null;
  access: StationAccess;
  /** The IPv4 address that is kept for it; null: any that is free. */
  reservedIp: string | null;
  /** Null without one, and where the gateway gives out no addresses. */
  lease: StationLease | null;
  /** All addresses that it was seen with, IPv4 first. */
  ips: string[];
  /** Null while it is not there. */
  live: StationStatus | null;
}

/** A change of a station's settings; what is absent stays, null takes the setting back. */
export interface StationChange {
  name?: string | null;
  reservedIp?: string | null;
  access?: StationAccess;
}

/** Values over time, for charts. */
export interface Series {
  /** Milliseconds since 1970 by the gateway's clock. */
  from: number;
  to: number;
  /** Between two values, seconds. */
  step: number;
  /** Beginnings of the slots, milliseconds since 1970. */
  times: number[];
  /**
   * By name, a value for each slot, null where nothing is known; series without any value are absent. rx_..., tx_... and the
   * driver's reasons: per second. send_p50 ... get_p99: milliseconds.
   */
  series: Record<string, (number | null)[]>;
}

export interface PingResult {
  ip: string;
  sent: number;
  received: number;
  /** Percent. */
  loss: number;
  /** Round trips, milliseconds; null when nothing came back. */
  min: number | null;
  avg: number | null;
  max: number | null;
}

export interface ThroughputResult {
  ip: string;
  seconds: number;
  /** Bits a second. */
  toStation: number;
  fromStation: number;
  /** TCP segments that were sent again, towards the station. */
  retransmits: number;
}

/** The one capture that there is: it runs, or can be fetched. */
export interface CaptureView {
  id: string;
  segment: string;
  address: string;
  state: "running" | "done" | "failed";
  /** Limits. */
  seconds: number;
  maxBytes: number;
  /** So far. */
  elapsedSeconds: number;
  bytes: number;
  packets: number;
  /** Why it ended: time, size, asked, or what went wrong; null while it runs. */
  reason: string | null;
}
