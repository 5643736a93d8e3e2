// SPDX-License-Identifier: Apache-2.0
/** What a JSON Schema cannot say about a configuration: addresses that exist, names that differ, subnets that do not overlap. */
import type { ConfigError } from "../api/status.ts";
import {
  formatInterface,
  type Ipv4Interface,
  isHostAddress,
  overlaps,
  parseInterface,
  parseIpv4,
} from "../shared/ipv4.ts";
import type { Config, Ipv4Method, SegmentConfig } from "./types.ts";

interface Subnet {
  path: string;
  value: Ipv4Interface;
}

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
    if (config.storage.interface === config.lan.interface) {
      errors.push({
        path: "/storage/interface",
        message: `${config.lan.interface} is the LAN interface already`,
        nextStep: "Use another interface for storage, or remove the storage section.",
      });
    }
  }
  config.segments.forEach((segment, index) => {
    checkSegment(segment, index, config, errors, subnets);
  });
  checkOverlaps(subnets, errors);
  if (config.http.port === config.http.httpsPort) {
    errors.push({
      path: "/http/httpsPort",
      message: `port ${config.http.port} is the plain HTTP port already`,
      nextStep: "Use two different ports, for example 80 and 443.",
    });
  }
  return errors;
}

function checkMethod(method: Ipv4Method, path: string, errors: ConfigError[], subnets: Subnet[]): void {
  if (method.method !== "static") return;
  const address = checkInterface(method.address, `${path}/address`, errors);
  if (address) subnets.push({ path: `${path}/address`, value: address });
  if (method.gateway !== undefined) {
    const gateway = parseIpv4(method.gateway);
    if (gateway === undefined) errors.push(notAnAddress(`${path}/gateway`, method.gateway));
    else if (address && !overlaps(address, { address: gateway, prefix: 32 })) {
      errors.push({
        path: `${path}/gateway`,
        message: `${method.gateway} is not in the subnet of ${method.address}`,
        nextStep: "Give the router's address in this subnet, or correct the prefix length.",
      });
    }
  }
  method.dns.forEach((server, index) => {
    if (parseIpv4(server) === undefined) errors.push(notAnAddress(`${path}/dns/${index}`, server));
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
  if ([config.lan.interface, config.storage?.interface].includes(segment.name)) {
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
  if (segment.fabric.type === "iscsi") checkIscsi(segment.fabric, path, earlier, errors);
}

function checkIscsi(
  fabric: { target: string; portals: string[] },
  path: string,
  earlier: SegmentConfig[],
  errors: ConfigError[],
): void {
  if (earlier.some((other) => other.fabric.type === "iscsi" && other.fabric.target === fabric.target)) {
    errors.push({
      path: `${path}/fabric/target`,
      message: `another segment uses ${fabric.target}`,
      nextStep: "Give each segment its own target name.",
    });
  }
  fabric.portals.forEach((portal, index) => {
    const [host = "", port = ""] = portal.split(":");
    if (parseIpv4(host) === undefined || Number(port) < 1 || Number(port) > 65535) {
      errors.push({
        path: `${path}/fabric/portals/${index}`,
        message: `${portal} is not an IPv4 address and a port`,
        nextStep: "Write it as 10.0.2.15:3260, or 0.0.0.0:3260 for all addresses.",
      });
    }
  });
}

function checkInterface(text: string, path: string, errors: ConfigError[]): Ipv4Interface | undefined {
  const value = parseInterface(text);
  if (value === undefined || value.prefix < 8) {
    errors.push({
      path,
      message: `${text} is not an IPv4 address with a prefix length of 8 to 32`,
      nextStep: "Write it as 10.143.0.1/24.",
    });
    return undefined;
  }
  if (!isHostAddress(value)) {
    errors.push({
      path,
      message: `${text} is the first or last address of its subnet, which no machine can have`,
      nextStep: `Use another one, for example ${formatInterface({ ...value, address: value.address ^ 1 })}.`,
    });
    return undefined;
  }
  return value;
}

function notAnAddress(path: string, text: string): ConfigError {
  return { path, message: `${text} is not an IPv4 address`, nextStep: "Write it as 192.168.1.1." };
}

/** Reported at the later of the two, which is the one that was probably added last. */
function checkOverlaps(subnets: Subnet[], errors: ConfigError[]): void {
  subnets.forEach((subnet, index) => {
    const clash = subnets.slice(0, index).find((other) => overlaps(other.value, subnet.value));
    if (!clash) return;
    errors.push({
      path: subnet.path,
      message: `${formatInterface(subnet.value)} overlaps ${formatInterface(clash.value)} at ${clash.path}`,
      nextStep: "Use a subnet of its own for each interface, or auto for the segment.",
    });
  });
}
