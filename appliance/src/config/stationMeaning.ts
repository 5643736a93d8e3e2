// SPDX-License-Identifier: Apache-2.0
/** What a JSON Schema cannot say about a segment's stations. */
import type { ConfigError } from "../api/status.ts";
import { formatIpv4, type Ipv4Interface, isHostAddress, overlaps, parseInterface, parseIpv4 } from "../shared/ipv4.ts";
import type { FabricConfig, SegmentConfig, StationConfig } from "./types.ts";
import { isWordOfDhcp } from "./words.ts";

/**
 * @param hostname the gateway's own name
 * @param path of the segment, as a JSON Pointer
 */
export function checkStations(segment: SegmentConfig, hostname: string, path: string, errors: ConfigError[]): void {
  const subnet = parseInterface(segment.ipv4.address); // undefined for auto
  segment.stations.forEach((station, index) => {
    const here = `${path}/stations/${index}`;
    const earlier = segment.stations.slice(0, index);
    const twice = (key: "address" | "initiator" | "name" | "ipv4", nextStep: string) => {
      const value = station[key]?.toLowerCase();
      if (value === undefined || !earlier.some((other) => other[key]?.toLowerCase() === value)) return;
      errors.push({ path: `${here}/${key}`, message: `${station[key]} is given to another station already`, nextStep });
    };
    twice("address", "Put all settings of a station into one entry.");
    twice("initiator", "Put all settings of a station into one entry.");
    checkKey(station, segment, here, errors);
    twice("name", "Give each station its own name.");
    twice("ipv4", "Give each station its own address.");
    if (station.name?.toLowerCase() === hostname.toLowerCase()) {
      const nextStep = "Give the station another name: this one leads to the gateway.";
      errors.push({ path: `${here}/name`, message: `${station.name} is the gateway's own name`, nextStep });
    }
    if (station.name !== undefined && isWordOfDhcp(station.name)) {
      errors.push({
        path: `${here}/name`,
        message: `${station.name} is no name to the DHCP server: it has a meaning of its own there`,
        nextStep: `Add a letter or a word, for example host-${station.name.toLowerCase()}.`,
      });
    }
    checkAddress(station, subnet, here, errors);
  });
}

/** An entry is for the station with an address, or for whoever an initiator is, where that is certain. */
function checkKey({ address, initiator }: StationConfig, segment: SegmentConfig, path: string, errors: ConfigError[]) {
  if (initiator === undefined) {
    if (address !== undefined) return;
    const nextStep = 'Add "address", or "initiator" where fabric.initiators has it.';
    errors.push({ path, message: "it does not say which station it is for", nextStep });
    return;
  }
  const here = `${path}/initiator`;
  if (address !== undefined) {
    const nextStep = "Remove one of them: where the initiator is known, that is the stronger one.";
    errors.push({
      path: here,
      message: "a station has settings by its address or by its initiator, not by both",
      nextStep,
    });
  }
  const wrong = whyNotBy(initiator, segment);
  if (wrong !== undefined) errors.push({ path: here, ...wrong });
}

/** Names that a fabric lets in; undefined where it does not tell hosts apart by name, or lets in everybody. */
export function admitted(fabric: FabricConfig): readonly string[] | undefined {
  switch (fabric.type) {
    case "iscsi":
    case "srpt":
      return fabric.initiators;
    case "qla2xxx":
      return fabric.open ? undefined : fabric.initiators;
    default:
      return undefined;
  }
}

/** @returns why settings cannot go by this initiator's name: nothing on this fabric proves it */
export function whyNotBy(
  initiator: string,
  { name, fabric }: Pick<SegmentConfig, "name" | "fabric">,
): { message: string; nextStep: string } | undefined {
  const names = admitted(fabric);
  if (names?.includes(initiator)) return undefined;
  const nextStep = "Use the station's address.";
  if (names !== undefined) {
    const message = `${initiator} is none of the initiators of ${name}`;
    return { message, nextStep: "Use one of fabric.initiators, as it is written there." };
  }
  if (fabric.type === "qla2xxx") {
    return {
      message: `${name} is open: it lets hosts in by any name`,
      nextStep: `Name its hosts in fabric.initiators, or: ${nextStep}`,
    };
  }
  return { message: `the fabric ${fabric.type} of ${name} does not tell hosts apart by name`, nextStep };
}

function checkAddress({ ipv4 }: StationConfig, subnet: Ipv4Interface | undefined, path: string, errors: ConfigError[]) {
  if (ipv4 === undefined) return;
  const wrong = whyNotIn(ipv4, subnet);
  if (wrong !== undefined) errors.push({ path: `${path}/ipv4`, ...wrong });
}

/**
 * @param subnet the gateway's address on the segment; undefined while it is not known
 * @returns why a station cannot have this address
 */
export function whyNotIn(
  text: string,
  subnet: Ipv4Interface | undefined,
): { message: string; nextStep: string } | undefined {
  const address = parseIpv4(text);
  if (address === undefined) {
    return { message: `${text} is not an IPv4 address`, nextStep: "Write it as 10.143.0.40." };
  }
  if (subnet === undefined) return undefined;
  const own = formatIpv4(subnet.address);
  if (!overlaps(subnet, { address, prefix: 32 }) || !isHostAddress({ address, prefix: subnet.prefix })) {
    const nextStep = `Use a free address of the subnet ${own}/${subnet.prefix}.`;
    return { message: `${text} is no host's address in the segment's subnet`, nextStep };
  }
  if (address === subnet.address) {
    return { message: `${text} is the gateway's own address`, nextStep: "Use another one." };
  }
  return undefined;
}
