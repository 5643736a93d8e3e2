// SPDX-License-Identifier: Apache-2.0
/**
 * What a JSON Schema cannot say about a configuration: addresses that exist, names that differ, subnets that do not
 * overlap.
 */
import type { ConfigError } from "../api/status.ts";
import { isGlobal6, prefixOf } from "../shared/ipv6.ts";
import { checkInterface, checkMethod, checkOverlaps, type Subnet } from "./addressMeaning.ts";
import { checkDhcp } from "./dhcpMeaning.ts";
import { checkFabric } from "./fabricMeaning.ts";
import { checkFirewall } from "./firewallMeaning.ts";
import { checkFleet } from "./fleetMeaning.ts";
import { checkEncryption, checkExtend, checkMesh } from "./meshMeaning.ts";
import { checkMqtt } from "./mqttMeaning.ts";
import { checkNames } from "./namesMeaning.ts";
import { checkPorts } from "./portMeaning.ts";
import { checkRoutes } from "./routesMeaning.ts";
import { checkSsh } from "./sshMeaning.ts";
import { checkStations } from "./stationMeaning.ts";
import { checkZone } from "./timeMeaning.ts";
import type { Config, SegmentConfig } from "./types.ts";
import { isTakenAsSegment } from "./words.ts";

export function checkMeaning(config: Config): ConfigError[] {
  const errors: ConfigError[] = [];
  const subnets: Subnet[] = [];
  checkMethod(config.lan.ipv4, "/lan/ipv4", errors, subnets);
  if (config.storage) {
    checkMethod(config.storage.ipv4, "/storage/ipv4", errors, subnets);
    if (config.storage.interface === "auto") {
      errors.push({
        path: "/storage/interface",
        message: "the storage interface cannot be auto",
        nextStep: "Name the interface, for example eth1; `ip link` on the console lists them.",
      });
    }
    // With a VLAN, both may come by one cable.
    if (config.storage.interface === config.lan.interface && config.lan.vlan === undefined) {
      errors.push({
        path: "/storage/interface",
        message: `${config.lan.interface} is the LAN interface already`,
        nextStep:
          "Use another interface for storage, set lan.vlan if both are on one cable, or remove the storage section.",
      });
    }
  }
  config.segments.forEach((segment, index) => {
    checkSegment(segment, index, config, errors, subnets);
  });
  checkOverlaps(config.mode === "proxy" ? subnets.filter(({ path }) => !path.startsWith("/lan")) : subnets, errors);
  checkMode(config, errors);
  checkFirewall(config, errors);
  checkMesh(config, errors);
  checkEncryption(config, errors);
  checkMqtt(config.mqtt, errors);
  checkFleet(config.update.fleet, errors);
  checkZone(config.time.zone, errors);
  checkNames(config, errors);
  checkRoutes(
    config.routes,
    config.mode === "bridge" ? subnets.filter(({ path }) => !path.startsWith("/seg")) : subnets,
    errors,
  );
  checkSsh(config, errors);
  if (config.snmp.enabled && config.snmp.community === undefined) {
    errors.push({
      path: "/snmp/community",
      message: "SNMP needs a community: whoever knows it may ask",
      nextStep: "Set one that nobody guesses, and tell it to whatever is to ask; or leave snmp.enabled off.",
    });
  }
  if (config.chap.password !== undefined && config.chap.password === config.chap.gatewayPassword) {
    errors.push({
      path: "/chap/gatewayPassword",
      message: "it is the hosts' password, too: a host could give the gateway's answer back as its own",
      nextStep: "Use another one (RFC 7143, section 9.2.1).",
    });
  }
  checkPorts(config, errors);
  return errors;
}

/** Segments of these modes have what the others choose by themselves. */
function checkMode(config: Config, errors: ConfigError[]): void {
  if (config.mode !== "proxy") return;
  config.segments.forEach((segment, index) => {
    if (segment.ipv6.enabled && segment.ipv6.address !== "auto") {
      errors.push({
        path: `/segments/${index}/ipv6/address`,
        message: "mode proxy takes a part of the LAN's own prefix, and no address beside it",
        nextStep: "Set it to auto.",
      });
    }
    if (segment.ipv4.address !== "auto") return;
    errors.push({
      path: `/segments/${index}/ipv4/address`,
      message: "mode proxy cannot choose a segment's address: only you know what is free on the LAN",
      nextStep:
        "Set it to a part of the LAN's subnet that its DHCP server does not give out, for example 192.168.1.225/28.",
    });
  });
}

function checkSegment(
  segment: SegmentConfig,
  index: number,
  config: Config,
  errors: ConfigError[],
  subnets: Subnet[],
): void {
  const path = `/segments/${index}`;
  const earlier = config.segments.slice(0, index);
  if (earlier.some((other) => other.name === segment.name)) {
    errors.push({
      path: `${path}/name`,
      message: `there are two segments named ${segment.name}`,
      nextStep: "Give each segment its own name, for example seg0 and seg1.",
    });
  }
  if (isTakenAsSegment(segment.name)) {
    errors.push({
      path: `${path}/name`,
      message: `${segment.name} means something else in the settings or to the kernel`,
      nextStep: "Give the segment another name, for example seg0.",
    });
  } else if ([config.lan.interface, config.storage?.interface].includes(segment.name)) {
    errors.push({
      path: `${path}/name`,
      message: `${segment.name} is the name of an Ethernet interface of this configuration`,
      nextStep: "Give the segment another name, for example seg0.",
    });
  }
  if (segment.ipv4.address !== "auto") {
    const address = checkInterface(segment.ipv4.address, `${path}/ipv4/address`, errors);
    if (address) subnets.push({ path: `${path}/ipv4/address`, value: address });
    if (address && segment.dhcp.enabled && address.prefix > 30) {
      errors.push({
        path: `${path}/ipv4/address`,
        message: `a /${address.prefix} leaves no address to give out`,
        nextStep: "Use a prefix length of 30 or less, or turn dhcp off.",
      });
    }
  }
  checkStations(segment, config.hostname, path, errors);
  checkDhcp(segment, path, errors);
  checkExtend(segment, path, config, earlier, errors);
  checkIpv6(segment, path, earlier, errors);
  checkFabric(segment, path, earlier, config.chap, errors);
}

function checkIpv6(segment: SegmentConfig, path: string, earlier: SegmentConfig[], errors: ConfigError[]): void {
  const { address } = segment.ipv6;
  if (address === "auto") return;
  if (prefixOf(address) === undefined) {
    const nextStep = "Write it as 2001:db8:0:1::1/64, without leading zeros where they can be left out.";
    errors.push({ path: `${path}/ipv6/address`, message: `${address} is not an IPv6 address`, nextStep });
  } else if (!isGlobal6(address)) {
    const message = `${address} is of a range that hosts do not give themselves addresses of`;
    const nextStep = "Use a prefix of your own: 2001:db8:0:1::1/64, or fd6e:0:0:1::1/64.";
    errors.push({ path: `${path}/ipv6/address`, message, nextStep });
  } else if (earlier.some((other) => prefixOf(other.ipv6.address) === prefixOf(address))) {
    const nextStep = "Use a prefix of its own for each segment, or auto.";
    errors.push({ path: `${path}/ipv6/address`, message: "another segment has this prefix", nextStep });
  }
}
