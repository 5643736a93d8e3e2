// SPDX-License-Identifier: Apache-2.0
/** Name servers and names: addresses are ones, and no name is somebody else's already. */
import { isIP } from "node:net";
import type { ConfigError } from "../api/status.ts";
import type { Config } from "./types.ts";

const LOOPBACK = /^(127\.|::1$)/;

export function checkNames({ names, hostname, segments }: Config, errors: ConfigError[]): void {
  const isAddress = (text: string, path: string): boolean => {
    if (isIP(text) !== 0) return true;
    const nextStep = "Write it as 192.168.1.1 or 2001:db8::1.";
    errors.push({ path, message: `${text} is neither an IPv4 nor an IPv6 address`, nextStep });
    return false;
  };
  names.nameServers.forEach((server, index) => {
    const path = `/names/nameServers/${index}`;
    if (!isAddress(server, path) || !LOOPBACK.test(server)) return;
    const nextStep = "Give the address of a name server on the LAN or beyond.";
    errors.push({ path, message: `${server} is this gateway itself, which would ask itself`, nextStep });
  });
  const stations = segments.flatMap((segment) => segment.stations.flatMap(({ name }) => name?.toLowerCase() ?? []));
  names.records.forEach(({ name, address }, index) => {
    const path = `/names/records/${index}`;
    isAddress(address, `${path}/address`);
    const owner = name.toLowerCase() === hostname.toLowerCase() ? "this gateway's" : "a station's";
    if (owner === "a station's" && !stations.includes(name.toLowerCase())) return;
    errors.push({ path: `${path}/name`, message: `${name} is ${owner} name already`, nextStep: "Use another name." });
  });
}
