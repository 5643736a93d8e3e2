// SPDX-License-Identifier: Apache-2.0
/**
 * Who this gateway is: its id in MQTT topics, and what its station addresses are derived from. Taken from the LAN
 * interface's address, so that it is the same on a box that lost its data, and kept, so that it is the same on one that
 * got another adapter.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { readKeptJson, writeDurably } from "./durable.ts";

export interface Identity {
  /** Twelve small hexadecimal digits. */
  id: string;
  /** What station addresses are derived from; 64 hexadecimal digits. */
  seed: string;
}

const ID = /^[0-9a-f]{12}$/;
const SEED = /^[0-9a-f]{64}$/;

function identityFile(data: string): string {
  return join(data, "identity.json");
}

/** @param data /data/scsigate. Undefined when there is none yet. @throws what the file system says, when it cannot be read */
export async function readIdentity(data: string): Promise<Identity | undefined> {
  const value = await readKeptJson(identityFile(data));
  if (typeof value !== "object" || value === null || !("id" in value) || !("seed" in value)) return undefined;
  const { id, seed } = value;
  if (typeof id !== "string" || typeof seed !== "string" || !ID.test(id) || !SEED.test(seed)) return undefined;
  return { id, seed };
}

/** @param mac link-layer address of the LAN interface, or undefined for a machine without one */
export function createIdentity(mac: string | undefined, random: (bytes: number) => Buffer): Identity {
  const id = mac === undefined ? random(6).toString("hex") : mac.replaceAll(":", "").toLowerCase();
  return { id, seed: createHash("sha256").update(`scsigate:${id}`).digest("hex") };
}

export async function writeIdentity(data: string, identity: Identity): Promise<void> {
  await writeDurably(identityFile(data), `${JSON.stringify(identity)}\n`);
}

/** By text. They are asked for every few seconds, and are few. */
const digests = new Map<string, Buffer>();

/** 256 bits of the identity's seed and a text. */
function derived({ seed }: Identity, text: string): Buffer {
  const input = `${seed}:${text}`;
  const digest = digests.get(input) ?? createHash("sha256").update(input).digest();
  digests.set(input, digest);
  return Buffer.from(digest); // callers change bits of theirs
}

/** A segment's station address: locally administered, unicast, the same at every boot. */
export function stationAddress(identity: Identity, segment: string): string {
  const bytes = derived(identity, segment).subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** What tells this gateway from others in the mesh, written like an IPv4 address; never 0.0.0.0. */
export function routerId(identity: Identity): string {
  const bytes = derived(identity, "router").subarray(0, 4);
  bytes[0] = (bytes[0] ?? 0) | 1;
  return [...bytes].join(".");
}

/** A link-local IPv6 "address/64" of this gateway, another one for each name. */
export function linkLocalAddress(identity: Identity, name: string): string {
  const digits = derived(identity, name).toString("hex").slice(0, 16);
  const groups = (digits.match(/.{4}/g) ?? []).map((group) => (Number.parseInt(group, 16) | 1).toString(16));
  return `fe80::${groups.join(":")}/64`;
}

/** 64 bits, the same at every boot, other than those of other gateways and names. */
export function chosenBits(identity: Identity, what: string): Buffer {
  return derived(identity, what).subarray(0, 8);
}

/** A number, the same at every boot, by which gateways choose differently. @param below more than 0 */
export function chosenNumber(identity: Identity, what: string, below: number): number {
  return derived(identity, what).readUInt32BE() % below;
}

/** World-wide name of a loop target or its initiator: NAA 3h, locally assigned. */
export function loopName(identity: Identity, segment: string, side: "target" | "initiator"): string {
  const digits = derived(identity, `${segment}:${side}`).toString("hex").slice(0, 15);
  return `naa.3${digits}`;
}

/**
 * The gateway's address on a segment in its own unique local prefix (RFC 4193): the same at every boot, other than
 * everybody else's.
 */
export function uniqueLocalAddress(identity: Identity, segment: string): string {
  const digest = (text: string) => derived(identity, text).toString("hex");
  const global = `fd${digest("unique-local").slice(0, 10)}`;
  const groups = [...(global.match(/.{4}/g) ?? []), digest(`${segment}:subnet`).slice(0, 4)];
  const short = groups.map((group) => Number.parseInt(group, 16).toString(16));
  return `${short.join(":")}::1/64`;
}
