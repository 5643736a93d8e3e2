// SPDX-License-Identifier: Apache-2.0
/** The document as the setup changes it, and the addresses that follow from the network as it is now. */
import type { SegmentStatus } from "@scsigate/appliance/api";
import { asObject, type JsonObject } from "@scsigate/appliance/json";
import { served } from "../../core/configuration.ts";
import { status } from "../../core/store.ts";
import { strings } from "../../strings.ts";

const words = strings.setup;
export const MODES = ["routed", "nat", "proxy", "bridge", "mesh"] as const;
export type Mode = (typeof MODES)[number];

export function modeOf(document: JsonObject): Mode {
  const mode = document["mode"];
  return MODES.find((name) => name === mode) ?? "routed";
}

export function segmentsOf(document: JsonObject): readonly JsonObject[] {
  const { segments } = document;
  return Array.isArray(segments) ? segments.map(asObject) : [{ name: "seg0" }];
}

export function partOf(document: JsonObject): string {
  return String(asObject(segmentsOf(document)[0]?.["ipv4"])["address"] ?? "auto");
}

/** Mode proxy needs a part of the LAN's subnet for the first segment; in the others the gateway chooses by itself. */
export function withMode(document: JsonObject, mode: Mode, part: string): JsonObject {
  const { segments: _segments, ...rest } = document;
  const before = partOf(document);
  if (mode !== "proxy" && !inLan(before)) return document;
  const [first, ...others] = segmentsOf(document);
  if (first === undefined) return document;
  if (mode === "proxy") return { ...rest, segments: [{ ...first, ipv4: { address: part } }, ...others] };
  const { ipv4: _ipv4, ...plain } = first;
  const alone = others.length === 0 && served.value?.document["segments"] === undefined;
  return alone ? rest : { ...rest, segments: [plain, ...others] };
}

function lanAddress(): string | undefined {
  return status.value?.lan.addresses.find((address) => address.includes("."));
}

function inLan(part: string): boolean {
  return (
    part === suggestedPart() || (part !== "auto" && part.split(".", 3).join() === lanAddress()?.split(".", 3).join())
  );
}

/** "10.143.0.1/24" -> "10.143.0.0/24" */
function subnetOf(cidr: string): string {
  const [address = "", prefix = "32"] = cidr.split("/");
  const value = numberOf(address);
  return `${addressOf(value - (value % 2 ** (32 - Number(prefix))))}/${prefix}`;
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function addressOf(value: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
}

/** The last sixteen addresses of the LAN's subnet below its broadcast address. */
export function suggestedPart(): string {
  const [address = "", prefix = "24"] = (lanAddress() ?? "").split("/");
  if (address === "" || Number(prefix) < 16 || Number(prefix) > 27) return "auto";
  const value = numberOf(address);
  const size = 2 ** (32 - Number(prefix));
  return `${addressOf(value - (value % size) + size - 16 + 1)}/28`;
}

/** The route that the LAN's router needs in mode routed. */
export function routeTo(segment: SegmentStatus | undefined): { subnet: string; via: string } {
  const live = segment?.ips.find((address) => address.includes("."));
  return {
    subnet: live === undefined ? words.unknownSegment : subnetOf(live),
    via: lanAddress()?.split("/")[0] ?? words.unknownLan,
  };
}

/** What addresses stations would have, from what the network is like now. */
export function addresses(mode: Mode, part: string): string {
  const lan = lanAddress();
  const { subnet: segment, via: own } = routeTo(status.value?.segments[0]);
  switch (mode) {
    case "routed":
    case "nat":
    case "mesh":
      return words.addresses[mode](segment, own);
    case "proxy":
      return words.addresses.proxy(part || suggestedPart(), lan === undefined ? words.unknownLan : subnetOf(lan));
    case "bridge":
      return words.addresses.bridge(lan === undefined ? words.unknownLan : subnetOf(lan));
  }
}
