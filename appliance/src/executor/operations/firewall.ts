// SPDX-License-Identifier: Apache-2.0
/** The nftables table "scsigate", replaced as a whole in one transaction. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BridgeFilter, type FirewallOperation, type FirewallRule, WIREGUARD } from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { formatInterface, networkOf, parseInterface } from "../../shared/ipv4.ts";
import { prefixOf } from "../../shared/ipv6.ts";
import { VXLAN_PORT } from "../../shared/ports.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { writeIfChanged } from "../files.ts";

/** ICMP and ICMPv6 by number: an image without /etc/protocols has no names for them. */
const ICMP = "meta l4proto { 1, 58 }";
/** Where all questions and answers of mDNS go. */
const MDNS_GROUPS = ["ip daddr 224.0.0.251", "ip6 daddr ff02::fb"];
/** Addresses whose rate, or number of connections, is remembered. */
const MAX_RATED = 65_535;
/**
 * Both ends of a TCP connection keep below the MTU of the way to the other one, whatever their own links take: what is longer than the
 * gateway's port takes vanishes without a word. "rt mtu" is the smaller one of both directions; a size is never made larger.
 */
const CLAMP = "tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu";
/** On packets to the gateway itself that a rule of the bridge's lets pass: the next table does not see from which port they came. */
const LET_PASS = "0x5c5160";
/** Of one station, questions a second: a host that starts asks some five. */
const DHCP_PER_SECOND = 20;
/** Who asks, as the driver has verified it, and for whom it says that it asks (chaddr): leases go by the latter. */
const DHCP_CLIENT = "ether saddr . @th,288,48";
/** Kind and length of that address: Ethernet's. What is longer could differ behind what is looked at. */
const DHCP_HARDWARE = "@th,72,16";
/** A station asks for itself, and for a few more that it may have had or been before: for no more than these, and one a week. */
const CLIENTS_PER_STATION = 8;
/** Through the gateway, at a time, where it remembers connections: an eighth of all (plan/system.ts). */
const CONNECTIONS_PER_STATION = 8192;
/**
 * What may make a lease of IPv6, where those are given out: Solicit, Request, Rebind. A host says two of them when it starts, and renews
 * with others. Whom it asks for stands nowhere in particular, so these are what is bounded: as many at once, and so many an hour.
 */
const DHCP6_LEASING = "@th,64,8 { 1, 3, 6 }";
const DHCP6_AT_ONCE = 16;
const DHCP6_PER_HOUR = 4;
/** What relays send: within is what others have said. No station is one. */
const DHCP6_RELAYED = "@th,64,8 { 12, 13 }";
/** Longer than any lease. */
const CLIENT_DAYS = 31;
const TRACKED = `  set tracked { type ether_addr; size ${MAX_RATED}; flags dynamic; }`;
/** Echo requests and neighbour discovery of all stations together stay far below. */
const ICMP_PER_SECOND = 1000;

export function renderFirewall(operation: FirewallOperation): string {
  // Replies are told from new connections only where that is needed: what is merely routed costs no connection
  // tracking.
  const { only } = operation;
  // On a host, what passes between its other interfaces may need connection tracking.
  const stateful = only !== undefined || operation.nat || operation.rules.some((rule) => rule.to !== undefined);
  const body = [
    `  set rated { type ipv4_addr; size ${MAX_RATED}; flags dynamic,timeout; timeout 1m; }`,
    `  set rated6 { type ipv6_addr; size ${MAX_RATED}; flags dynamic,timeout; timeout 1m; }`,
    `  set clients { typeof ${DHCP_CLIENT}; size ${MAX_RATED}; flags dynamic,timeout; timeout ${CLIENT_DAYS}d; }`,
    `  set newcomers { type ether_addr; size ${MAX_RATED}; flags dynamic,timeout; timeout ${CLIENT_DAYS}d; }`,
    `  set newcomers6 { type ether_addr; size ${MAX_RATED}; flags dynamic,timeout; timeout ${CLIENT_DAYS}d; }`,
    `  set asking { type ether_addr; size ${MAX_RATED}; flags dynamic,timeout; timeout 1m; }`,
    TRACKED,
    `  set counted { type ipv4_addr; size ${MAX_RATED}; flags dynamic; }`,
    `  set counted6 { type ipv6_addr; size ${MAX_RATED}; flags dynamic; }`,
    ...chain("raw", "type filter hook prerouting priority raw; policy accept;", [
      ...antiSpoofing(operation),
      ...(stateful ? [] : ["fib daddr type != local notrack"]),
    ]),
    ...chain("input", "type filter hook input priority filter; policy drop;", input(operation)),
    ...chain("forward", "type filter hook forward priority filter; policy accept;", forward(operation, stateful)),
    ...output(operation),
    ...(operation.nat ? nat(operation) : []),
  ];
  const bridge =
    operation.bridge === undefined ? [] : replaced("bridge", [TRACKED, ...bridgeChains(operation, operation.bridge)]);
  return [...replaced("inet", body), ...bridge, ""].join("\n");
}

/** A table in the place of the one that is there: made first, so that it can be deleted in any case. */
function replaced(family: "inet" | "bridge", body: readonly string[]): string[] {
  const table = `table ${family} scsigate`;
  return [...removed(family), `${table} {`, ...body, "}"];
}

/** Where the page, SSH and SNMP are. */
function managed({ ports, udpPorts }: FirewallOperation["management"]): string[] {
  return [
    `tcp dport { ${ports.join(", ")} }`,
    ...(udpPorts.length === 0 ? [] : [`udp dport { ${udpPorts.join(", ")} }`]),
  ];
}

function removed(family: "inet" | "bridge"): string[] {
  return [`table ${family} scsigate`, `delete table ${family} scsigate`];
}

/**
 * Between the bridge's ports, and from them to the gateway itself. From segments, the gateway can be reached for what they are given
 * elsewhere: ICMP, answers, the page where it is theirs, and what rules let pass.
 */
function bridgeChains({ management, isolateSegments, mdns }: FirewallOperation, bridge: BridgeFilter): string[] {
  const { lan, segments, rules } = bridge;
  const reply = "ct state established,related accept";
  const page = (ports: readonly string[], action: "accept" | "drop"): string[] =>
    ports.length === 0 || management.ports.length === 0
      ? []
      : [
          ...managed(management).map((to) => `iifname ${names(ports)} ${to} counter ${action}`),
          ...(mdns.length === 0 ? [] : [`iifname ${names(ports)} udp dport 5353 counter ${action}`]),
        ];
  const verdict = ({ action, to }: FirewallRule): string => {
    if (action !== "accept") return "drop";
    return to === undefined ? `meta mark set ${LET_PASS} accept` : "accept";
  };
  const userRules = (toGateway: boolean): string[] =>
    rules.filter(({ to }) => (to === undefined) === toGateway).flatMap((rule) => userRule(rule, verdict(rule)));
  const stateful = rules.some(({ to }) => to !== undefined);
  return [
    // What passes from port to port is remembered for rules that tell answers from new connections, and else not.
    ...chain(
      "prerouting",
      "type filter hook prerouting priority -300; policy accept;",
      stateful ? [] : ["meta pkttype other notrack"],
    ),
    ...chain("input", "type filter hook input priority filter; policy accept;", [
      reply,
      ...remembered(segments),
      ...userRules(true),
      ...(bridge.management.lan ? [] : page(lan, "drop")),
      ...(bridge.management.segments ? page(segments, "accept") : []),
      ...(segments.length === 0
        ? []
        : [
            `iifname ${names(segments)} ${ICMP} accept`,
            `iifname ${names(segments)} udp sport 67 udp dport 68 accept`,
            `iifname ${names(segments)} ether type { ip, ip6 } counter drop`,
          ]),
    ]),
    ...chain("forward", "type filter hook forward priority filter; policy accept;", [
      ...(stateful ? [reply, ...remembered(segments)] : []),
      ...userRules(false),
      ...(isolateSegments ? isolated(segments) : []),
    ]),
  ];
}

/** Connections of one station that are remembered; whatever addresses it sends from, the driver has verified this one. */
function remembered(segments: readonly string[]): string[] {
  if (segments.length === 0) return [];
  const most = `ct count over ${CONNECTIONS_PER_STATION}`;
  return [`iifname ${names(segments)} ct state new add @tracked { ether saddr ${most} } counter drop`];
}

/** Segments reach the LAN, and not each other. */
function isolated(segments: readonly string[]): string[] {
  if (segments.length < 2) return [];
  return segments.map((name) => {
    const others = segments.filter((other) => other !== name);
    return `iifname ${quote(name)} oifname ${names(others)} counter drop`;
  });
}

function chain(name: string, hook: string, rules: readonly string[]): string[] {
  return [`  chain ${name} {`, `    ${hook}`, ...rules.map((rule) => `    ${rule}`), "  }"];
}

function antiSpoofing(operation: FirewallOperation): string[] {
  if (!operation.antiSpoofing) return [];
  const segments = subnets(operation);
  const rules = segments.map(
    // 0.0.0.0: a host that asks for an address.
    ({ name, subnet, routed }) =>
      `iifname ${quote(name)} ip saddr != { ${[subnet, ...routed, "0.0.0.0"].join(", ")} } counter drop`,
  );
  const others = [...operation.lan, ...operation.storage, ...operation.mesh.tunnels];
  if (segments.length > 0 && others.length > 0) {
    const list = segments.map(({ subnet }) => subnet).join(", ");
    rules.push(`iifname ${names(others)} ip saddr { ${list} } counter drop`);
  }
  const prefixes = prefixes6(operation);
  for (const { name, prefix, routed } of prefixes) {
    // Link-local, and none while a host makes sure that its own is free.
    rules.push(
      `iifname ${quote(name)} ip6 saddr != { ${[prefix, ...routed, "fe80::/10", "::"].join(", ")} } counter drop`,
    );
  }
  if (prefixes.length > 0 && others.length > 0) {
    const list = prefixes.map(({ prefix }) => prefix).join(", ");
    rules.push(`iifname ${names(others)} ip6 saddr { ${list} } counter drop`);
  }
  return rules;
}

function input(operation: FirewallOperation): string[] {
  const segments = operation.segments.map(({ name }) => name);
  const { management, mdns, fabric, newConnectionsPerSecond: most } = operation;
  const others = operation.only === undefined ? [] : [`iifname != ${names(operation.only)} accept`];
  const rate = `limit rate over ${most}/second burst ${most} packets`;
  const { connectionsPerAddress: atATime } = operation;
  const count = `ct count over ${atATime}`;
  return [
    'iifname "lo" accept',
    ...others,
    // Before what is established: that says nothing of how it came.
    ...carried(operation, "saddr").map((match) => `iifname != "${WIREGUARD}" ${match} counter drop`),
    // Before what is established: a station's questions may all be of one connection.
    ...(segments.length === 0 ? [] : dhcp(names(segments))),
    "ct state established,related accept",
    "ct state invalid drop",
    ...remembered(segments),
    ...operation.rules.filter((rule) => rule.to === undefined).flatMap((rule) => userRule(rule)),
    ...(operation.bridge === undefined ? [] : [`meta mark ${LET_PASS} accept`]),
    `${ICMP} limit rate ${ICMP_PER_SECOND}/second accept`,
    "udp sport 67 udp dport 68 accept",
    ...fromGateways(operation),
    `ct state new add @rated { ip saddr ${rate} } counter drop`,
    `ct state new add @rated6 { ip6 saddr ${rate} } counter drop`,
    `meta l4proto tcp ct state new add @counted { ip saddr ${count} } counter drop`,
    `meta l4proto tcp ct state new add @counted6 { ip6 saddr ${count} } counter drop`,
    ...(segments.length === 0
      ? []
      : [
          `iifname ${names(segments)} udp dport { 53, 67, ${operation.timeServer ? "123, " : ""}547 } accept`,
          `iifname ${names(segments)} tcp dport 53 accept`,
        ]),
    ...(management.interfaces.length === 0
      ? []
      : addresses(management.sources, []).flatMap((from) =>
          managed(management).map((to) => words(`iifname ${names(management.interfaces)}`, from, `${to} accept`)),
        )),
    ...(mdns.length === 0 ? [] : MDNS_GROUPS.map((group) => `iifname ${names(mdns)} ${group} udp dport 5353 accept`)),
    ...(fabric.interfaces.length === 0 || fabric.ports.length === 0
      ? []
      : [`iifname ${names(fabric.interfaces)} tcp dport { ${fabric.ports.join(", ")} } accept`]),
    "counter",
  ];
}

/** What one station can ask of the DHCP server, and how many leases it can have. */
function dhcp(segments: string): string[] {
  const asks = `iifname ${segments} udp dport`;
  return [
    `${asks} { 67, 547 } add @asking { ether saddr limit rate over ${DHCP_PER_SECOND}/second burst ${2 * DHCP_PER_SECOND} packets } counter drop`,
    `${asks} 547 ${DHCP6_RELAYED} counter drop`,
    `${asks} 547 ${DHCP6_LEASING} add @newcomers6 { ether saddr limit rate over ${DHCP6_PER_HOUR}/hour burst ${DHCP6_AT_ONCE} packets } counter drop`,
    `${asks} 67 ${DHCP_HARDWARE} != 0x0106 counter drop`,
    `${asks} 67 ${DHCP_CLIENT} != @clients add @newcomers { ether saddr limit rate over 1/week burst ${CLIENTS_PER_STATION} packets } counter drop`,
    `${asks} 67 update @clients { ${DHCP_CLIENT} }`,
  ];
}

/** What GRE and VXLAN carry, of gateways that must encrypt it. @param side which end the other gateway is */
function carried({ encrypted }: FirewallOperation, side: "saddr" | "daddr"): string[] {
  if (encrypted === undefined) return [];
  const peer = `ip ${side} { ${encrypted.peers.join(", ")} }`;
  return [`${peer} meta l4proto 47`, `${peer} udp dport ${VXLAN_PORT}`];
}

/** Whatever becomes of the way through WireGuard: nothing takes another one. */
function output(operation: FirewallOperation): string[] {
  if (operation.encrypted === undefined) return [];
  return chain(
    "output",
    "type filter hook output priority filter; policy accept;",
    carried(operation, "daddr").map((match) => `oifname != "${WIREGUARD}" ${match} counter drop`),
  );
}

/** Babel from neighbours of this LAN and in tunnels; what tunnels and VXLANs carry, from their other ends only. */
function fromGateways(operation: FirewallOperation): string[] {
  const { lan, encrypted } = operation;
  const inClear = (peers: readonly string[]) => peers.filter((peer) => !encrypted?.peers.includes(peer));
  const mesh = { ...operation.mesh, peers: inClear(operation.mesh.peers) };
  const vxlanPeers = inClear(operation.vxlanPeers);
  const babel = [...mesh.lan, ...mesh.tunnels];
  return [
    ...(babel.length === 0 ? [] : [`iifname ${names(babel)} ip6 saddr fe80::/10 udp dport 6696 accept`]),
    ...(mesh.peers.length === 0 || lan.length === 0
      ? []
      : [`iifname ${names(lan)} ip saddr { ${mesh.peers.join(", ")} } meta l4proto 47 accept`]),
    ...(vxlanPeers.length === 0 || lan.length === 0
      ? []
      : [`iifname ${names(lan)} ip saddr { ${vxlanPeers.join(", ")} } udp dport ${VXLAN_PORT} accept`]),
    ...(encrypted === undefined || lan.length === 0
      ? []
      : [`iifname ${names(lan)} ip saddr { ${encrypted.peers.join(", ")} } udp dport ${encrypted.port} accept`]),
    ...carried(operation, "saddr").map((match) => `iifname "${WIREGUARD}" ${match} accept`),
    ...(encrypted === undefined ? [] : [`iifname "${WIREGUARD}" counter drop`]),
  ];
}

function forward(operation: FirewallOperation, stateful: boolean): string[] {
  const segments = operation.segments.map(({ name }) => name);
  const { lan, storage, only } = operation;
  return [
    // What tunnels carry ends here; nothing else comes that way.
    ...(operation.encrypted === undefined ? [] : [`iifname "${WIREGUARD}" counter drop`]),
    ...(only === undefined ? [] : [`iifname != ${names(only)} oifname != ${names(only)} accept`]),
    CLAMP,
    ...(stateful ? ["ct state established,related accept", "ct state invalid drop"] : []),
    ...(stateful ? remembered(segments) : []),
    ...operation.rules.filter((rule) => rule.to !== undefined).flatMap((rule) => userRule(rule)),
    ...(storage.length === 0
      ? []
      : [`iifname ${names(storage)} counter drop`, `oifname ${names(storage)} counter drop`]),
    ...(operation.isolateSegments ? isolated(segments) : []),
    ...(operation.nat && segments.length > 0 && lan.length > 0
      ? ["ct status dnat accept", `iifname ${names(lan)} oifname ${names(segments)} counter drop`]
      : []),
  ];
}

function nat(operation: FirewallOperation): string[] {
  const { lan } = operation;
  const list = subnets(operation).flatMap(({ subnet, routed }) => [subnet, ...routed]);
  const list6 = prefixes6(operation).flatMap(({ prefix, routed }) => [prefix, ...routed]);
  if (lan.length === 0) return [];
  return [
    ...chain(
      "prerouting",
      "type nat hook prerouting priority dstnat; policy accept;",
      operation.portForwards.map(
        ({ protocol, port, to, toPort }) =>
          `iifname ${names(lan)} fib daddr type local ${protocol} dport ${port} dnat ip to ${to}:${toPort}`,
      ),
    ),
    ...chain("postrouting", "type nat hook postrouting priority srcnat; policy accept;", [
      ...(list.length === 0 ? [] : [`oifname ${names(lan)} ip saddr { ${list.join(", ")} } masquerade`]),
      ...(list6.length === 0 ? [] : [`oifname ${names(lan)} ip6 saddr { ${list6.join(", ")} } masquerade`]),
    ]),
  ];
}

/** One line, or one for each version of IP where it names addresses. */
function userRule(rule: FirewallRule, verdict: string = rule.action): string[] {
  const { from, to, sources, destinations, protocol, ports, name } = rule;
  const links = words(
    from.length === 0 ? "" : `iifname ${names(from)}`,
    to === undefined || to.length === 0 ? "" : `oifname ${names(to)}`,
  );
  const what = () => {
    if (protocol === "any") return "";
    if (protocol === "icmp") return ICMP;
    return ports.length === 0 ? `meta l4proto ${protocol}` : `${protocol} dport { ${ports.join(", ")} }`;
  };
  return addresses(sources, destinations).map((match) =>
    words(links, match, what(), "counter", verdict, `comment ${quote(name)}`),
  );
}

/** Matches for addresses, one for each version of IP that a packet of this kind can have; empty lists: any address. */
function addresses(sources: readonly string[], destinations: readonly string[]): string[] {
  if (sources.length === 0 && destinations.length === 0) return [""];
  return ["ip", "ip6"].flatMap((family) => {
    const list = (texts: readonly string[]) => texts.filter((text) => text.includes(":") === (family === "ip6"));
    const [from, to] = [list(sources), list(destinations)];
    if ((sources.length > 0 && from.length === 0) || (destinations.length > 0 && to.length === 0)) return [];
    const match = (key: string, texts: readonly string[]) =>
      texts.length === 0 ? "" : `${family} ${key} { ${texts.join(", ")} }`;
    return [words(match("saddr", from), match("daddr", to))];
  });
}

function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}

/** Segments that have a subnet, with its first address in the place of the gateway's. */
function subnets(operation: FirewallOperation): { name: string; subnet: string; routed: string[] }[] {
  return operation.segments.flatMap(({ name, subnet, routed }) => {
    const value = subnet === undefined ? undefined : parseInterface(subnet);
    if (value === undefined) return [];
    const behind = routed.filter((network) => !network.includes(":"));
    return [{ name, subnet: formatInterface({ ...value, address: networkOf(value) }), routed: behind }];
  });
}

function prefixes6(operation: FirewallOperation): { name: string; prefix: string; routed: string[] }[] {
  return operation.segments.flatMap(({ name, prefix6, routed }) =>
    prefix6 === undefined || prefixOf(prefix6) === undefined
      ? []
      : [{ name, prefix: prefix6, routed: routed.filter((network) => network.includes(":")) }],
  );
}

function names(list: readonly string[]): string {
  return `{ ${list.map(quote).join(", ")} }`;
}

/** The request's schema lets no quote through. */
function quote(text: string): string {
  return `"${text}"`;
}

export async function removeFirewall(context: ExecutorContext): Promise<boolean> {
  const loaded = join(context.paths.run, "scsigate/firewall.nft");
  const before = await readFile(loaded, "utf8").catch(() => "");
  if (before === "") return false;
  await context.run("nft", [[...removed("inet"), ...(hasBridge(before) ? removed("bridge") : [])].join("; ")]);
  await rm(loaded);
  return true;
}

/** Our tables with what their rules have counted, without the addresses that are rated. */
export async function listFirewall({ run }: Pick<ExecutorContext, "run">): Promise<string> {
  const list = (family: string) => run("nft", ["-t", "list", "table", family, "scsigate"]).catch(() => "");
  return `${await list("inet")}\n${await list("bridge")}`;
}

/** Told apart, as a kernel without bridges takes no table of theirs, not even to delete it. */
function hasBridge(rules: string): boolean {
  return rules.includes("table bridge scsigate {");
}

export const setFirewall: Handler<FirewallOperation> = async (operation, context) => {
  const rules = renderFirewall(operation);
  // /run lives as long as the kernel's tables do: what was loaded since boot is loaded still.
  const loaded = join(context.paths.run, "scsigate/firewall.nft");
  const before = await readFile(loaded, "utf8").catch(() => "");
  if (before === rules) return false;
  const pending = `${loaded}.pending`;
  await writeIfChanged(pending, rules);
  await context.run("nft", ["-f", pending]).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    const now = before === "" ? "nothing is forwarded, and segments do not come up" : "those from before hold on";
    const nextStep = "Take back what was changed last under firewall; `scsigate support` has what to report.";
    throw new ScsigateError("firewall-failed", `the firewall's rules cannot be loaded: ${reason}; ${now}`, nextStep, {
      cause: error,
    });
  });
  if (hasBridge(before) && !hasBridge(rules)) await context.run("nft", [removed("bridge").join("; ")]);
  await writeIfChanged(loaded, rules);
  await rm(pending);
  return true;
};
