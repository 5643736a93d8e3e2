// SPDX-License-Identifier: Apache-2.0
/** What an adapter's answers say; messages.ts has their form. */
import {
  CAPABILITIES,
  COUNTERS_LIST,
  HELLO_LAYOUT,
  HELLO_SIZE,
  STATION_COUNTERS_LIST,
  STATION_LAYOUT,
  STATION_SIZE,
} from "./messages.ts";

export type BusCounter = (typeof COUNTERS_LIST)[number];
export type StationCounter = (typeof STATION_COUNTERS_LIST)[number];

export interface Hello {
  /** Of the messages. */
  version: number;
  capabilities: (keyof typeof CAPABILITIES)[];
  uptimeSeconds: number;
  /** Written like a MAC address. */
  stationAddress: string;
  scsiId: number;
  /** Whether the adapter sees its network up on USB. */
  linkUp: boolean;
  serial: string;
  firmware: string;
}

export interface StationAnswer {
  /** SCSI ID, or the number after the last one: no ID at selection. */
  initiator: number;
  known: boolean;
  /** Whether it has said HELLO: it speaks the extensions. */
  hello: boolean;
  up: boolean;
  address: string;
  /** Packets that wait for it. */
  waiting: number;
  name: string;
  /** Raw, 32 bits. */
  counters: Record<StationCounter, number>;
}

interface Field {
  at: number;
  size: number;
}

/** Undefined: not of the length that it has to have. */
export function parseHello(payload: Buffer): Hello | undefined {
  const layout = HELLO_LAYOUT;
  // A later version may say more; the version stands first in all of them.
  if (payload.length < HELLO_SIZE) return undefined;
  const bits = number(payload, layout.capabilities);
  const names = Object.entries(CAPABILITIES).filter(([, bit]) => ((bits >>> bit) & 1) === 1);
  return {
    version: number(payload, layout.version),
    capabilities: names.map(([name]) => name as keyof typeof CAPABILITIES),
    uptimeSeconds: number(payload, layout.uptimeSeconds),
    stationAddress: address(payload, layout.stationAddress),
    scsiId: number(payload, layout.scsiId),
    linkUp: number(payload, layout.linkUp) !== 0,
    serial: text(payload, layout.serial),
    firmware: text(payload, layout.firmware),
  };
}

export function parseCounters(payload: Buffer): Record<BusCounter, number> | undefined {
  return counters(payload, COUNTERS_LIST);
}

export function parseStation(payload: Buffer): StationAnswer | undefined {
  const layout = STATION_LAYOUT;
  const counted = counters(payload.subarray(STATION_SIZE), STATION_COUNTERS_LIST);
  if (counted === undefined) return undefined;
  return {
    initiator: number(payload, layout.initiator),
    known: number(payload, layout.known) !== 0,
    hello: number(payload, layout.hello) !== 0,
    up: number(payload, layout.up) !== 0,
    address: address(payload, layout.address),
    waiting: number(payload, layout.waiting),
    name: text(payload, layout.name),
    counters: counted,
  };
}

function counters<K extends string>(payload: Buffer, names: readonly K[]): Record<K, number> | undefined {
  if (payload.length !== 4 * names.length) return undefined;
  const entries = names.map((name, index) => [name, payload.readUInt32BE(4 * index)]);
  return Object.fromEntries(entries) as Record<K, number>;
}

function number(payload: Buffer, { at, size }: Field): number {
  return payload.readUIntBE(at, size);
}

function address(payload: Buffer, { at, size }: Field): string {
  return [...payload.subarray(at, at + size)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Up to the first zero; what a station told may be anything, and is shown to people. */
function text(payload: Buffer, { at, size }: Field): string {
  const [first = ""] = payload.toString("latin1", at, at + size).split("\0");
  return first.replace(/[^ -~]/g, "?");
}
