// SPDX-License-Identifier: Apache-2.0
/** Pure: from what was seen to a chain of checks, from the adapter to the LAN. The first red one is the one to mend. */
import type { Check, Diagnosis, DiagnosisCheck } from "../../api/diagnosis.ts";
import type { EncryptionStatus, SegmentStatus, StationStatus, Status } from "../../api/status.ts";
import type { Config, SegmentConfig } from "../../config/types.ts";
import type { ErrorCode, Problem } from "../../shared/errors.ts";
import { formatInterface, isWithin, parseInterface } from "../../shared/ipv4.ts";
import { silence } from "../encryption.ts";
import { brokerAdvice } from "../health.ts";
import { bad, good, off, unknown, type Verdict, warn } from "./verdict.ts";

/** Further from true time than this, and certificates and logs begin to suffer, seconds. */
const CLOCK_LIMIT_S = 2;
/** The software is younger than this: a clock that is before it is wrong. 2026-01-01 UTC, milliseconds since 1970. */
const OLDEST_TIME = 1_767_225_600_000;

/** What the target core shows of a segment. */
export interface ExportFacts {
  /** Whether a LUN leads to the segment, and its target is enabled. */
  lun: boolean;
  /** Initiators that are logged in; null where the fabric does not tell. */
  sessions: number | null;
}

/** Whether somebody on the LAN answers. arp: a hardware address and nothing more. */
export type Reach = { answer: "ping"; milliseconds: number | null } | { answer: "arp" | "silent" | "nobody" };

export interface NameFacts {
  servers: string[];
  /** The first one that answered; null: none did. */
  answered: string | null;
  /** What was asked for, and whether it is known; null: nothing that has to be. */
  wanted: { name: string; known: boolean } | null;
}

export interface ClockFacts {
  /** From true time, seconds; null: not synchronised. */
  offset: number | null;
  /** Whether something is there that sets the clock. */
  keeper: boolean;
}

export interface Facts {
  status: Status;
  config: Config;
  /** Kernel modules that are loaded. */
  modules: ReadonlySet<string>;
  /** By segment. */
  exports: ReadonlyMap<string, ExportFacts>;
  forwarding: boolean;
  firewallProblem: Problem | undefined;
  /** The LAN's router; undefined: there is no way to other networks. */
  router: string | undefined;
  reach: Reach | undefined;
  names: NameFacts;
  clock: ClockFacts;
  /** Ports of host adapters with target mode. */
  targetPorts: number;
}

const FABRIC_MODULES: Partial<Record<string, string>> = {
  iscsi: "iscsi_target_mod",
  loop: "tcm_loop",
  qla2xxx: "tcm_qla2xxx",
  srpt: "ib_srpt",
  sbp: "sbp_target",
};

/** Kernel modules without which a segment on this fabric cannot be. */
export function neededModules(fabric: string): string[] {
  if (fabric === "adapter") return ["cdc_acm", "cdc_ncm"];
  const own = FABRIC_MODULES[fabric];
  return ["ipscsi", ...(own === undefined ? [] : ["target_core_mod", "ipscsi_target", own])];
}

/** As what a broken link appears in the gateway's health. */
const CODES: Readonly<Partial<Record<string, ErrorCode>>> = {
  driver: "adapter-broken",
  segment: "segment-missing",
  export: "segment-not-exported",
  station: "stations-gone",
  "station-address": "stations-unreachable",
  "gateway-address": "segment-no-address",
  forwarding: "forwarding-off",
  "lan-link": "lan-no-carrier",
  "lan-address": "lan-no-address",
  "lan-router": "lan-router-gone",
  dns: "name-server-silent",
  clock: "clock-wrong",
};
/** What checks are about: of broker and mesh, health knows by itself. */
const OF_CHECKS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...Object.values(CODES).filter((code) => code !== undefined),
  "broker-unreachable",
  "encryption-silent",
  "mesh-down",
  "mesh-key-missing",
  "mesh-peer-unreached",
  "mesh-subnet-taken",
]);

export interface Finding {
  /** The same as long as the same link is broken, whatever is measured. */
  key: string;
  problem: Problem;
}

/** What is broken, in the words of health; others that say the same have the same code. */
export function findingsOf({ checks }: Diagnosis): Finding[] {
  return checks.flatMap(({ id, segment, title, state, measured, nextStep }) => {
    const code = CODES[id];
    if (state !== "bad" || code === undefined) return [];
    const where = segment === null ? "" : `segment ${segment}, `;
    const message = `${where}${title.charAt(0).toLowerCase()}${title.slice(1)}: ${measured}`;
    return [{ key: `${segment} ${id}`, problem: { code, message, nextStep: nextStep ?? "" } }];
  });
}

export function diagnose(facts: Facts): Diagnosis {
  const checks = [
    ...facts.config.segments.flatMap((segment) => segmentChecks(segment, facts)),
    ...gatewayChecks(facts),
  ];
  const worst = (["bad", "warn"] as const).find((state) => checks.some((check) => check.state === state));
  return { time: facts.status.time, state: worst ?? "good", checks };
}

function segmentChecks(segment: SegmentConfig, facts: Facts): DiagnosisCheck[] {
  const { name } = segment;
  const live = facts.status.segments.find((one) => one.name === name);
  const chain = new Chain(name);
  const driver = chain.add("driver", "Adapter and driver", () => driverVerdict(segment, live, facts));
  const up = chain.add("segment", "Segment", () => segmentVerdict(live), driver);
  const lun = chain.add("export", "Export to hosts", () => exportVerdict(segment, live, facts), up);
  const seen = chain.add("station", "Stations", () => stationVerdict(segment, live, facts), up, lun);
  chain.add("station-address", "Station addresses", () => stationAddressVerdict(segment, live, facts), seen);
  chain.add("gateway-address", "Gateway's address on the segment", () => gatewayAddressVerdict(live, facts), up);
  return chain.checks;
}

function gatewayChecks(facts: Facts): DiagnosisCheck[] {
  const chain = new Chain(null);
  chain.add("forwarding", "Forwarding and firewall", () => forwardingVerdict(facts));
  if (facts.config.mode === "mesh") chain.add("mesh", "Other gateways", () => meshVerdict(facts.status));
  const { encryption } = facts.status;
  if (encryption !== null && encryption.peers.length > 0) {
    chain.add("encryption", "Encryption between gateways", () => encryptionVerdict(encryption));
  }
  const link = chain.add("lan-link", "LAN link", () => lanLinkVerdict(facts.status));
  const address = chain.add("lan-address", "LAN address", () => lanAddressVerdict(facts), link);
  chain.add("local-name", "Name on the LAN (mDNS)", () => localNameVerdict(facts), address);
  chain.add("lan-router", "LAN router", () => routerVerdict(facts), address);
  chain.add("dns", "Names (DNS)", () => namesVerdict(facts), address);
  chain.add("clock", "Clock", () => clockVerdict(facts));
  chain.add("broker", "MQTT broker", () => brokerVerdict(facts.status));
  chain.add("machine", "Machine and service", () => machineVerdict(facts));
  return chain.checks;
}

/** Checks that build on each other: behind a red one, the next are not guessed at. */
class Chain {
  readonly checks: DiagnosisCheck[] = [];
  readonly #segment: string | null;
  readonly #broken = new Map<Check, string>();

  constructor(segment: string | null) {
    this.#segment = segment;
  }

  add(id: string, title: string, verdict: () => Verdict, ...after: Check[]): Check {
    const cause = after.map((one) => this.#broken.get(one)).find((one) => one !== undefined);
    const result = cause === undefined ? verdict() : unknown(`not looked at before this is mended: ${cause}`);
    const check = { segment: this.#segment, id, title, ...result };
    if (cause !== undefined) this.#broken.set(check, cause);
    else if (result.state === "bad") this.#broken.set(check, title);
    this.checks.push(check);
    return check;
  }
}

function driverVerdict(segment: SegmentConfig, live: SegmentStatus | undefined, facts: Facts): Verdict {
  const needed = neededModules(segment.fabric.type);
  const missing = needed.filter((name) => !facts.modules.has(name));
  if (missing.length > 0) {
    return bad(
      `not loaded: ${missing.join(", ")}`,
      `Run "modprobe ${missing[0]}" on the console; it says what the kernel lacks.`,
    );
  }
  const { storage } = facts.status;
  if (segment.fabric.type === "iscsi" && storage !== null) {
    const { interface: name, carrier, addresses } = storage;
    const configured = facts.config.storage?.interface ?? "";
    if (name === null) return bad(`${configured} was not found`, "Check the adapter, or correct storage.interface.");
    if (!carrier) return bad(`no link on ${name}`, "Check the cable of the storage network.");
    if (addresses.length === 0) return bad(`${name} has no address`, "Give it one in storage.ipv4.");
    return good(`${needed.join(", ")} loaded; ${name} has ${addresses.join(", ")}`);
  }
  if (segment.fabric.type === "adapter") return adapterVerdict(live, needed);
  const adapters = [...new Set((live?.stations ?? []).map(({ adapter }) => adapter).filter((one) => one !== ""))];
  return good(`${needed.join(", ")} loaded${adapters.length > 0 ? `; adapter ${adapters.join(", ")}` : ""}`);
}

function adapterVerdict(live: SegmentStatus | undefined, needed: readonly string[]): Verdict {
  const bus = live?.bus ?? null;
  if (bus === null || bus.state === "starting") return unknown("the adapter was not asked yet");
  if (bus.problem !== null) return bad(bus.problem.message, bus.problem.nextStep);
  return good(`${needed.join(", ")} loaded; adapter ${bus.serial}, firmware ${bus.firmware ?? "unknown"}`);
}

function segmentVerdict(live: SegmentStatus | undefined): Verdict {
  if (live === undefined || !live.present) {
    return bad("its interface does not exist", "It is made within ten seconds; if not, the log says what failed.");
  }
  return good(`${live.name} is there as ${live.address ?? "?"}, MTU ${live.mtu}`);
}

function exportVerdict(segment: SegmentConfig, live: SegmentStatus | undefined, facts: Facts): Verdict {
  const { fabric } = segment;
  if (fabric.type === "none") {
    if ((live?.stations.length ?? 0) > 0) return off("not exported: the gateway's own adapter finds the stations");
    if (facts.targetPorts === 0) {
      return warn(
        "nothing exports the segment, and no SCSI adapter that can be a target was found",
        "Check that it is seated and supported (scsigate adapters), or export over iSCSI.",
      );
    }
    return warn(
      "nothing exports the segment",
      "Choose under Network, in the segment's fabric, what hosts reach it by.",
    );
  }
  if (fabric.type === "adapter") {
    const id = live?.bus?.scsiId ?? null;
    return good(
      id === null ? "the adapter is a station of the bus" : `the adapter is a station of the bus, SCSI ID ${id}`,
    );
  }
  const exported = facts.exports.get(segment.name);
  if (exported?.lun !== true) {
    return bad("the target core shows no enabled LUN of it", "Look at the log for what the target core refused.");
  }
  if (fabric.type === "loop") return good("LUN 0 of a loop target on this machine");
  const who = exported.sessions === null ? "" : `; ${plural(exported.sessions, "host")} logged in`;
  if (fabric.type !== "iscsi") return good(`LUN 0 at ${fabric.type} port ${fabric.port}${who}`);
  return good(`LUN 0 of ${fabric.target} at ${fabric.portals.join(", ")}${who}`);
}

function stationVerdict(segment: SegmentConfig, live: SegmentStatus | undefined, facts: Facts): Verdict {
  const stations = live?.stations ?? [];
  const up = stations.filter(({ state }) => state === "up");
  const lost = stations.filter(({ state }) => state !== "up").map(({ name, address }) => name || address);
  if (up.length > 0 && lost.length > 0) {
    return warn(
      `${up.length} of ${stations.length} up; not: ${lost.join(", ")}`,
      "Check power and cable of those hosts, and that ipscsi is loaded there.",
    );
  }
  if (up.length > 0) return good(`${plural(up.length, "station")} up`);
  if (stations.length > 0) {
    return bad(`none of ${stations.length} answers`, "Check cable and termination, then load ipscsi anew on a host.");
  }
  if (segment.fabric.type === "none") return unknown("none can come while nothing exports the segment");
  if (segment.fabric.type === "iscsi" && facts.exports.get(segment.name)?.sessions === 0) {
    return warn(
      "no host has logged in",
      `On a host, log in to ${segment.fabric.target}, as one of the named initiators.`,
    );
  }
  return warn(
    "no station has attached",
    'On a host of the segment, run "modprobe ipscsi"; its log says what it found.',
  );
}

function stationAddressVerdict(segment: SegmentConfig, live: SegmentStatus | undefined, facts: Facts): Verdict {
  const up = (live?.stations ?? []).filter(({ state }) => state === "up");
  if (up.length === 0) return unknown("no station is up");
  const called = ({ name, address, ip }: StationStatus) => `${name || address}${ip === null ? "" : ` ${ip}`}`;
  const said = (what: string, of: StationStatus[]) => `${what}: ${of.map(called).join(", ")}`;
  const judge = (of: StationStatus[], measured: string, nextStep: string) =>
    (of.length === up.length ? bad : warn)(measured, nextStep);
  const own = (live?.ips ?? []).filter((cidr) => !cidr.includes(":"));
  const isElsewhere = (ip: string) => !ip.includes(":") && !own.some((cidr) => isWithin(ip, cidr));
  const elsewhere = own.length === 0 ? [] : up.filter(({ ip }) => ip !== null && isElsewhere(ip));
  if (facts.config.mode !== "bridge" && elsewhere.length > 0) {
    const subnet = subnetOf(ipv4(live?.ips ?? [])) ?? "";
    return bad(
      said(`not in the segment's subnet ${subnet}`, elsewhere),
      "Have those hosts ask for an address anew (a link that goes down and up is enough), or correct it by hand.",
    );
  }
  const silent = up.filter(({ answers }) => answers === false);
  if (silent.length > 0) {
    return judge(
      silent,
      said("no answer from", silent),
      "See on those hosts that their interface on the segment is up, and has this address.",
    );
  }
  const without = up.filter(({ ip }) => ip === null);
  if (without.length === 0) return good(up.map(called).join(", "));
  if (facts.config.mode === "bridge") return off("the LAN gives them, and the gateway does not need to know them");
  if (segment.extend !== undefined) {
    return off("other gateways of the segment may give them, and this one does not need to know them");
  }
  const measured = said("no address known", without);
  if (segment.dhcp.enabled) {
    const client = `Start a DHCP client on the host, for example "dhclient ${segment.name}"; this gateway answers it.`;
    return judge(without, measured, client);
  }
  // Nobody has told them here, and a host that talks to its own kind only is not heard.
  return warn(measured, "Switch the segment's DHCP on, or give those hosts addresses of its subnet by hand.");
}

function gatewayAddressVerdict(live: SegmentStatus | undefined, { config }: Facts): Verdict {
  if (config.mode === "bridge") return off("none is needed: segment and LAN are one network");
  const ips = live?.ips ?? [];
  if (ips.length > 0) return good(ips.join(", "));
  return bad("none", "It is set within ten seconds; if not, set the segment's ipv4.address by hand.");
}

function forwardingVerdict({ forwarding, firewallProblem, config, status }: Facts): Verdict {
  if (firewallProblem !== undefined) return bad(firewallProblem.message, firewallProblem.nextStep);
  if (config.mode === "bridge") return good("segment and LAN are bridged; rules are loaded");
  if (!forwarding)
    return bad("the kernel does not forward IPv4", "It is switched on within ten seconds; else see the log.");
  if (config.mode !== "routed") return good("IPv4 is forwarded; rules are loaded");
  const via = ipv4(status.lan.addresses)?.split("/")[0];
  const subnets = status.segments.flatMap(({ ips }) => subnetOf(ipv4(ips)) ?? []);
  if (via === undefined || subnets.length === 0) return good("IPv4 is forwarded; rules are loaded");
  return good(
    `IPv4 is forwarded; rules are loaded. The LAN's router needs a route to ${subnets.join(", ")} via ${via}`,
  );
}

function meshVerdict({ mesh }: Status): Verdict {
  if (mesh === null) return bad("mode mesh has no key", "Set mesh.key, the same on all gateways.");
  if (!mesh.running) return bad("BIRD does not answer", "It is started within ten seconds; if not, the log says why.");
  const [clash] = mesh.clashes;
  if (clash !== undefined) {
    return bad(
      `${clash.destination} of ${clash.segment} is announced by ${clash.via} as well`,
      "Give the segment another subnet on one of the two gateways.",
    );
  }
  const silent = mesh.peers.filter(({ reached }) => !reached).map(({ address }) => address);
  if (silent.length > 0) return warn(`no answer from ${silent.join(", ")}`, "Check mesh.peers, and that those are on.");
  if (mesh.neighbours.length === 0) {
    return warn("none was found", "Check that the others are on, in mode mesh, and have the same mesh.key.");
  }
  return good(`${plural(mesh.neighbours.length, "neighbour")}, ${plural(mesh.routes.length, "route")}`);
}

function encryptionVerdict({ peers }: EncryptionStatus): Verdict {
  const [wrong] = peers.flatMap((peer) => silence(peer) ?? []);
  if (wrong !== undefined) return warn(wrong.message, wrong.nextStep);
  const waiting = peers.filter(({ state }) => state === "waiting");
  if (waiting.length > 0) return unknown(`waiting for ${waiting.map(({ address }) => address).join(", ")}`);
  return good(`${plural(peers.length, "gateway")}, all with a handshake`);
}

function lanLinkVerdict({ lan }: Status): Verdict {
  if (lan.interface === null)
    return bad("no Ethernet interface", "Check the network adapter, or correct lan.interface.");
  if (!lan.carrier) return bad(`no link on ${lan.interface}`, "Check the network cable and the switch port.");
  return good(`link on ${lan.interface}`);
}

function lanAddressVerdict({ status: { lan }, config }: Facts): Verdict {
  if (lan.addresses.length > 0) return good(lan.addresses.join(", "));
  if (config.lan.ipv4.method === "none") return off("none is wanted");
  return bad("none", "Check the LAN's DHCP server, or give a static address in lan.ipv4.");
}

function routerVerdict({ router, reach }: Facts): Verdict {
  if (router === undefined) {
    return warn(
      "no default route",
      "Without one, only the LAN itself is reached: set lan.ipv4.gateway, or have DHCP tell it.",
    );
  }
  switch (reach?.answer) {
    case "ping":
      return good(`${router} answers${reach.milliseconds === null ? "" : ` in ${reach.milliseconds} ms`}`);
    case "arp":
      return good(`${router} answers ARP, but no ping`);
    case "silent":
      return warn(`${router} does not answer ping`, "Check that the router is on; some are set up not to answer.");
    case "nobody":
      return bad(`nobody has the address ${router}`, "Check the router, the cable between, and lan.ipv4.gateway.");
    case undefined:
      return unknown(`${router} was not asked`);
  }
}

function namesVerdict({ names: { servers, answered, wanted } }: Facts): Verdict {
  if (servers.length === 0)
    return warn("no name server is known", "Set names.nameServers, or have the DHCP server tell one.");
  if (answered === null) {
    return bad(
      `no answer from ${servers.join(", ")}`,
      "Check that this name server runs, or set another in names.nameServers.",
    );
  }
  if (wanted !== null && !wanted.known) {
    return bad(
      `${answered} does not know ${wanted.name}`,
      "Correct the broker's name in mqtt.url, or use its address.",
    );
  }
  return good(`${answered} answers${wanted === null ? "" : `, and knows ${wanted.name}`}`);
}

/** Where nothing answers for the name, the gateway is found by its address: no fault. */
function localNameVerdict({ status: { localUrl }, config: { mdns, hostname } }: Facts): Verdict {
  if (!mdns.enabled) return off("switched off");
  if (localUrl === null) return unknown("nothing answers for a name here, or its start is some seconds ago");
  // After a conflict, avahi-daemon counts on at the end, where need be of a name cut short. A host may have quite another.
  const found = new URL(localUrl).hostname.replace(/\.local$/, "");
  const own = hostname.toLowerCase();
  const stem = (name: string) => name.replace(/-[0-9]+$/, "");
  if (found === own || !stem(own).startsWith(stem(found))) return good(localUrl);
  return warn(`${localUrl}: another machine has the name ${hostname}.local`, "Give one of the two another hostname.");
}

function clockVerdict({ clock, status }: Facts): Verdict {
  const now = new Date(status.time).toISOString().replace("T", " ").replace(/\..*/, " UTC");
  if (status.time < OLDEST_TIME) return bad(now, "Let the gateway reach a time server (NTP, UDP port 123).");
  if (!clock.keeper) return unknown(`${now}; nothing here compares it with a time server`);
  if (clock.offset === null) {
    return warn(
      `${now}, not synchronised`,
      "Let the gateway reach a time server (NTP, UDP port 123), or set time.servers.",
    );
  }
  const said = `${now}, within ${(clock.offset * 1000).toFixed(1)} ms`;
  return clock.offset > CLOCK_LIMIT_S ? warn(said, "It is being corrected; look again in some minutes.") : good(said);
}

function brokerVerdict({ mqtt, id }: Status): Verdict {
  if (!mqtt.enabled) return off("telemetry is off");
  if (mqtt.connected) return good(`connected to ${mqtt.url}, topics scsigate/${id}/#`);
  const error = mqtt.error ?? "not connected yet";
  return bad(`${mqtt.url}: ${error}`, brokerAdvice(error));
}

/** All else that is wrong with the gateway: what the other checks are about is theirs to tell. */
function machineVerdict({ status: { health }, firewallProblem }: Facts): Verdict {
  const others = health.reasons.filter(({ code }) => !OF_CHECKS.has(code) && code !== firewallProblem?.code);
  const [first] = others;
  if (first === undefined) return good(health.status === "starting" ? "still being set up" : "nothing else is wrong");
  return bad(others.map(({ message }) => message).join("; "), first.nextStep);
}

function ipv4(addresses: readonly string[]): string | undefined {
  return addresses.find((address) => !address.includes(":"));
}

/** "10.143.0.1/24" -> "10.143.0.0/24" */
function subnetOf(cidr: string | undefined): string | undefined {
  const own = parseInterface(cidr ?? "");
  if (own === undefined) return undefined;
  return formatInterface({ ...own, address: own.address - (own.address % 2 ** (32 - own.prefix)) });
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
