// SPDX-License-Identifier: Apache-2.0
/** Mode proxy: who answers for addresses that are reached through another interface. */
import type { Config } from "../config/types.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import type { Operation } from "../protocol/operations.ts";
import { hasIpv6 } from "./ipv6.ts";

/** Whether an interface answers for addresses that are reached through another one. */
export function proxyArp(name: string, on: boolean): Operation {
  return { kind: "interfaceSysctl", interface: name, name: "proxy_arp", value: on ? 1 : 0 };
}

function proxyNdp(name: string, on: boolean): Operation {
  return { kind: "interfaceSysctl", interface: name, name: "proxy_ndp", value: on ? 1 : 0 };
}

export function proxying(config: Config, { name }: EthernetInterface, lan: EthernetInterface | undefined): Operation[] {
  return [
    proxyArp(name, config.mode === "proxy" && name === lan?.name),
    proxyNdp(name, proxying6(config) && name === lan?.name),
  ];
}

export function proxying6({ mode, segments }: Config): boolean {
  return mode === "proxy" && segments.some((segment) => hasIpv6(segment, mode));
}
