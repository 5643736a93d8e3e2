// SPDX-License-Identifier: Apache-2.0
/** IPv4 addresses that an interface can have, and subnets that do not overlap. */
import type { ConfigError } from "../api/status.ts";
import {
  formatInterface,
  type Ipv4Interface,
  isHostAddress,
  isUnicast,
  overlaps,
  parseInterface,
  parseIpv4,
} from "../shared/ipv4.ts";
import type { Ipv4Method } from "./types.ts";

export interface Subnet {
  path: string;
  value: Ipv4Interface;
}

export function checkMethod(method: Ipv4Method, path: string, errors: ConfigError[], subnets: Subnet[]): void {
  if (method.method !== "static") return;
  const address = checkInterface(method.address, `${path}/address`, errors);
  if (address) subnets.push({ path: `${path}/address`, value: address });
  if (method.gateway !== undefined) {
    const gateway = parseIpv4(method.gateway);
    if (gateway === undefined) errors.push(notAnAddress(`${path}/gateway`, method.gateway));
    else if (address && (gateway === address.address || !isHostAddress({ ...address, address: gateway }))) {
      errors.push({
        path: `${path}/gateway`,
        message: `${method.gateway} is ${gateway === address.address ? "this gateway itself" : "no host's address"}, and no router`,
        nextStep: "Give the router's address, or leave it out where there is none.",
      });
    } else if (address && !overlaps(address, { address: gateway, prefix: 32 })) {
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

export function checkInterface(text: string, path: string, errors: ConfigError[]): Ipv4Interface | undefined {
  const value = parseInterface(text);
  if (value === undefined || value.prefix < 8) {
    errors.push({
      path,
      message: `${text} is not an IPv4 address with a prefix length of 8 to 32`,
      nextStep: "Write it as 10.143.0.1/24.",
    });
    return undefined;
  }
  if (!isUnicast(value.address)) {
    errors.push({
      path,
      message: `${text} is of a range that no machine has an address of on a network`,
      nextStep: "Use a private address, for example 10.143.0.1/24.",
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

export function notAnAddress(path: string, text: string): ConfigError {
  return { path, message: `${text} is not an IPv4 address`, nextStep: "Write it as 192.168.1.1." };
}

/** Reported at the later of the two, which is the one that was probably added last. */
export function checkOverlaps(subnets: Subnet[], errors: ConfigError[]): void {
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
