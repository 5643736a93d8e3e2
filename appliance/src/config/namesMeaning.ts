// SPDX-License-Identifier: Apache-2.0
/** Name servers and names: addresses are ones, and no name is somebody else's already. */
import { isIP } from "node:net";
import type { ConfigError } from "../api/status.ts";
import type { Config } from "./types.ts";
import { isEncodedName } from "./words.ts";

/** The machine itself, whatever addresses it has. */
const SELF = /^(127\.|0\.|::1?$|::ffff:127\.)/;

/** Whether a server at this address would be the gateway, as far as the document tells. */
function isOwn(server: string, { lan, storage, segments }: Config): boolean {
  const fixed = [lan, storage].flatMap((side) => (side?.ipv4.method === "static" ? [side.ipv4.address] : []));
  const written = segments.flatMap(({ ipv4, ipv6 }) => [ipv4.address, ipv6.address]);
  return SELF.test(server) || [...fixed, ...written].some((address) => address.split("/")[0] === server);
}

export function checkNames(config: Config, errors: ConfigError[]): void {
  const { names, hostname, segments, lan } = config;
  // What a resolver gets from the LAN's settings, the segments' name server asks.
  const asked = [
    ...names.nameServers.map((server, index) => ({ server, path: `/names/nameServers/${index}` })),
    ...(lan.ipv4.method === "static" ? lan.ipv4.dns : []).map((server, index) => ({
      ...{ server, path: `/lan/ipv4/dns/${index}` },
    })),
  ];
  const isAddress = (text: string, path: string): boolean => {
    if (isIP(text) !== 0) return true;
    const nextStep = "Write it as 192.168.1.1 or 2001:db8::1.";
    errors.push({ path, message: `${text} is neither an IPv4 nor an IPv6 address`, nextStep });
    return false;
  };
  names.nameServers.forEach((server, index) => {
    isAddress(server, `/names/nameServers/${index}`);
  });
  for (const { server, path } of asked.filter(({ server }) => isOwn(server, config))) {
    const nextStep = "Give the address of a name server on the LAN or beyond.";
    errors.push({ path, message: `${server} is this gateway itself, which would ask itself`, nextStep });
  }
  const written = [
    { name: hostname, path: "/hostname" },
    ...segments.flatMap(({ stations: all }, at) =>
      all.map(({ name = "" }, index) => ({ name, path: `/segments/${at}/stations/${index}/name` })),
    ),
    ...names.records.map(({ name }, index) => ({ name, path: `/names/records/${index}/name` })),
  ];
  for (const { name, path } of written.filter((entry) => isEncodedName(entry.name))) {
    const nextStep = "Use a name without two hyphens in the third and fourth place.";
    errors.push({ path, message: `${name} has the form of an encoded name`, nextStep });
  }
  const inSegment = (name: string, segment: string) => [name, `${name}.${segment}.internal`];
  const stations = segments.flatMap(({ name: segment, stations: all }) =>
    all.flatMap(({ name }) => (name === undefined ? [] : inSegment(name.toLowerCase(), segment))),
  );
  const own = hostname.toLowerCase();
  const owned = ["localhost", own, `${own}.local`, ...segments.flatMap(({ name }) => inSegment(own, name))];
  names.records.forEach(({ name, address }, index) => {
    const path = `/names/records/${index}`;
    isAddress(address, `${path}/address`);
    const owner = owned.includes(name.toLowerCase()) ? "this gateway's" : "a station's";
    if (owner === "a station's" && !stations.includes(name.toLowerCase())) return;
    errors.push({ path: `${path}/name`, message: `${name} is ${owner} name already`, nextStep: "Use another name." });
  });
}
