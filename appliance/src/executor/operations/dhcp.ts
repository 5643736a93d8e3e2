// SPDX-License-Identifier: Apache-2.0
/** DHCP and DNS: udhcpc towards the LAN, dnsmasq towards a segment. Both outlive this process and are found again. */
import { access, constants, mkdir, readFile, readlink, rm, stat, symlink, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeptReadings, names } from "../../observe/files.ts";
import type { DhcpClientOperation, DhcpOption, DnsmasqOperation } from "../../protocol/operations.ts";
import { formatIpv4, type Ipv4Interface, netmaskOf, networkOf, parseInterface, sizeOf } from "../../shared/ipv4.ts";
import { hostsOf } from "../../shared/ipv6.ts";
import type { ExecutorContext, ExecutorPaths, Handler } from "../context.ts";
import { exists, writeIfChanged } from "../files.ts";
import { Ours } from "../ours.ts";
import { clearAddresses, GUEST_METRIC } from "./network.ts";

export const UDHCPC_SCRIPT = "/usr/share/udhcpc/default.script";

export const setDhcpClient: Handler<DhcpClientOperation> = async (operation, context) => {
  const { interface: name, hostname, defaultRoute } = operation;
  if (!operation.running) return stopDhcpClient(name, context);
  const pidFile = clientPidFile(name, context);
  const pid = await context.processes.find(pidFile, name);
  const clients = new Ours(context.paths.run, "clients");
  const before = await clients.value(name);
  const link = await linkOf(name, context);
  // Without a carrier, the client asks in vain; what it asked last, and on which link, stays noted.
  const [toldBefore, linkBefore] = (before ?? "").split(" on ");
  const told = `${hostname} ${defaultRoute ? "with" : "without"} default route`;
  const now = `${told} on ${link ?? linkBefore ?? ""}`;
  if (pid !== undefined) {
    const moved = link !== undefined && linkBefore !== undefined && linkBefore !== "" && link !== linkBefore;
    if (before === undefined || (toldBefore === told && !moved)) {
      if (before !== now) await clients.note(name, now);
      return false;
    }
    // It takes no change while it runs, and a cable that was out may be in another network now: it asks anew.
    await context.processes.stop(pid);
  }
  // An address of an earlier configuration; one that the client had itself stays, and is asked for again.
  const fixed = await new Ours(context.paths.run, "addresses").value(name);
  if (fixed !== undefined) await clearAddresses(name, context);
  await mkdir(join(context.paths.run, "scsigate"), { recursive: true });
  const args = [
    ...["-f", "-i", name, "-p", pidFile, "-s", context.host?.dhcpScript ?? UDHCPC_SCRIPT],
    // Ask at once, every 3 s at first, and never give up: a LAN may come up after the gateway.
    ...["-t", "5", "-T", "3", "-A", "10"],
    ...["-x", `hostname:${hostname}`, "-O", "staticroutes", "-O", "ntpsrv", "-O", "mtu"],
  ];
  await context.processes.startDetached("udhcpc", args, {
    DEFAULT_ROUTE: defaultRoute ? "yes" : "no",
    ...(context.host === undefined ? {} : { RUN: context.paths.run, METRIC: GUEST_METRIC }),
  });
  await clients.note(name, now);
  return true;
};

/** Another text after each time that the carrier was away; undefined while it is. */
async function linkOf(name: string, { paths }: ExecutorContext): Promise<string | undefined> {
  const read = (file: string) => readFile(join(paths.sys, "class/net", name, file), "utf8").catch(() => "");
  if ((await read("carrier")).trim() !== "1") return undefined;
  return (await read("carrier_changes")).trim();
}

function clientPidFile(name: string, context: ExecutorContext): string {
  return join(context.paths.run, "scsigate", `udhcpc-${name}.pid`);
}

/** The address that it got stays until something else takes its place. */
export async function stopDhcpClient(name: string, context: ExecutorContext): Promise<boolean> {
  const pidFile = clientPidFile(name, context);
  const pid = await context.processes.find(pidFile, name);
  if (pid !== undefined) await context.processes.stop(pid);
  await rm(pidFile, { force: true });
  await new Ours(context.paths.run, "clients").forget(name);
  return pid !== undefined;
}

/** Bytes; it is looked at in every round of ten seconds. */
const MAX_LOG = 256 * 1024;
/** Domain of the segments' hosts: "internal" is reserved for private use. */
const DOMAIN = "internal";

/** @param etc of a host: the newer one of its resolv.conf and ours is used */
export function renderDnsmasq(operation: DnsmasqOperation, paths: ExecutorPaths, etc?: string): string {
  const { servers = [], records = [] } = operation.dns ?? {};
  // Upstream servers are those of the LAN, unless others are set; the file may come and go.
  const resolvers =
    servers.length > 0
      ? ["no-resolv", ...servers.map((server) => `server=${server}`)]
      : [paths.run, ...(etc === undefined ? [] : [etc])].map((folder) => `resolv-file=${join(folder, "resolv.conf")}`);
  const address = parseInterface(operation.address);
  if (address === undefined) throw new Error(`not an address: ${operation.address}`); // the request's schema forbids it
  const [gateway = ""] = operation.address.split("/");
  const name = operation.segment;
  const face = operation.interface ?? name;
  const domain = `${name}.${DOMAIN}`;
  const lines = [
    "# Generated by the scsigate executor; changes are lost.",
    `interface=${face}`,
    "except-interface=lo",
    "bind-dynamic",
    "user=nobody",
    "group=nogroup",
    `pid-file=${dnsmasqPidFile(paths, name)}`,
    "no-hosts",
    ...resolvers,
    ...records.map(({ name: known, address: at }) =>
      known.includes(".") ? `host-record=${known},${at}` : `host-record=${known},${known}.${domain},${at}`,
    ),
    // Names and addresses of the segment are answered here; all others, the LAN's private ones too, its own servers know.
    ...reverseZones(address).map((zone) => `local=/${zone}/`),
    "cache-size=1000",
    `domain=${domain}`,
    `local=/${domain}/`,
    `interface-name=${operation.hostname}.${domain},${face}`,
    "expand-hosts",
    `dhcp-range=${operation.range[0]},${operation.range[1]},${netmaskOf(address)},${operation.leaseSeconds}`,
    `dhcp-option=option:router,${gateway}`,
    `dhcp-option=option:dns-server,${gateway}`,
    ...(operation.timeServer ? [`dhcp-option=option:ntp-server,${gateway}`] : []),
    ...bootLines(operation.boot),
    ...(operation.options ?? []).map((option) => `dhcp-option-force=${option.number},${optionText(option)}`),
    // Whether a host asks for it or not: what is longer does not get to hosts behind other gateways.
    ...(operation.mtu === undefined
      ? []
      : [`dhcp-option-force=option:mtu,${operation.mtu}`, `ra-param=${face},mtu:${operation.mtu},0`]),
    // Addresses of their own making (SLAAC), names as of their IPv4 leases, DNS server by advertisement and DHCPv6.
    ...(operation.prefix6 === undefined ? [] : ["enable-ra", `dhcp-range=${range6(operation.prefix6, operation)}`]),
    ...(operation.hosts ?? []).flatMap(hostLine),
    // Nobody gets the name of somebody else by asking for it: the gateway's, or one that is set for another station.
    ...[operation.hostname, "localhost", ...(operation.hosts ?? []).flatMap(({ name }) => name ?? [])].flatMap(
      (owned) => [`dhcp-name-match=set:owned,${owned}`, `dhcp-name-match=set:owned,${owned}.${domain}`],
    ),
    "dhcp-ignore-names=tag:owned",
    `dhcp-leasefile=${leaseFile(paths, name)}`,
    "dhcp-authoritative",
    // Hosts that were made from one disk say the same client identifier, and boot loader and system of one host different ones.
    "dhcp-ignore-clid",
    // Leases are on disk, so the three seconds of pinging before an offer buy nothing.
    "no-ping",
    "quiet-dhcp",
    `log-facility=${dnsmasqLog(paths, name)}`,
    "",
  ];
  return lines.join("\n");
}

/** An address that is kept for one that was never seen is nobody's; with a name, whoever says that name would get it. */
function hostLine({ address, ipv4, name }: NonNullable<DnsmasqOperation["hosts"]>[number]): string[] {
  const parts = address === undefined ? [ipv4] : [address, ipv4, name];
  const line = parts.filter((part) => part !== undefined).join(",");
  return line === "" ? [] : [`dhcp-host=${line}`];
}

/** Client system architectures of UEFI (RFC 4578, and IANA's list after it): IA-32, x86-64 twice, ARM of 32 and 64 bits. */
const UEFI = [6, 7, 9, 10, 11];

/** Between quotation marks nothing is a word of dnsmasq's. */
function bootLines(boot: DnsmasqOperation["boot"]): string[] {
  if (boot === undefined) return [];
  const { server, file, uefiFile } = boot;
  if (uefiFile === undefined) return [`dhcp-boot="${file}",,${server}`];
  return [
    ...UEFI.map((architecture) => `dhcp-match=set:uefi,option:client-arch,${architecture}`),
    `dhcp-boot=tag:!uefi,"${file}",,${server}`,
    `dhcp-boot=tag:uefi,"${uefiFile}",,${server}`,
  ];
}

/** Bytes in hexadecimal, where there are at least two: a single one would be taken for something else. */
function optionText(option: DhcpOption): string {
  if ("addresses" in option) return option.addresses.join(",");
  const { bytes } = option;
  if (bytes.length === 1) return `${bytes[0]}b`;
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Zones of reverse look-ups that have all of a subnet's addresses and no others. */
export function reverseZones(subnet: Ipv4Interface): string[] {
  const zone = (address: number, labels: number) =>
    [...formatIpv4(address).split(".").slice(0, labels).reverse(), "in-addr.arpa"].join(".");
  const labels = Math.ceil(subnet.prefix / 8);
  const step = 2 ** (32 - 8 * labels);
  const first = networkOf(subnet);
  return Array.from({ length: sizeOf(subnet) / step }, (_, index) => zone(first + index * step, labels));
}

/** Of DHCPv6, seconds: what one station can have at a time is what it may ask for meanwhile (operations/firewall.ts). */
const LONGEST_LEASE6 = 3600;

/** Of a part of a LAN's prefix, hosts get addresses by DHCPv6, so that it is known which ones there are. */
function range6(prefix: string, { leaseSeconds }: DnsmasqOperation): string {
  if (prefix.endsWith("/64")) return `${prefix.replace("/64", "")},ra-stateless,ra-names,64,${leaseSeconds}`;
  const hosts = hostsOf(prefix);
  return `${hosts[2]},${hosts.at(-1)},122,${Math.min(leaseSeconds, LONGEST_LEASE6)}`;
}

/** Where dnsmasq and the service find the leases: a link to the lasting file, or a file where /data cannot be written. */
export function leaseFile(paths: Pick<ExecutorPaths, "run">, segment: string): string {
  return join(paths.run, "scsigate/leases", `${segment}.leases`);
}

function lastingLeaseFile(paths: ExecutorPaths, segment: string): string {
  return join(paths.data, "dhcp", `${segment}.leases`);
}

/** dnsmasq does not start without a lease file that it can write. */
async function canLast(paths: ExecutorPaths): Promise<boolean> {
  const folder = join(paths.data, "dhcp");
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK); // says no on a read-only file system, to root as well
    return true;
  } catch {
    return false;
  }
}

async function areLasting(paths: ExecutorPaths, segment: string): Promise<boolean> {
  return readlink(leaseFile(paths, segment)).then(
    () => true,
    () => false,
  );
}

/** What was given out so far goes along. Only while dnsmasq does not run. */
async function placeLeases(paths: ExecutorPaths, segment: string, lasting: boolean): Promise<void> {
  const file = leaseFile(paths, segment);
  const lastingFile = lastingLeaseFile(paths, segment);
  const linked = await areLasting(paths, segment);
  await mkdir(dirname(file), { recursive: true });
  if (lasting && !linked) {
    const leases = await readFile(file, "utf8").catch(() => undefined);
    // With a full partition the older ones have to do.
    if (leases !== undefined) await writeIfChanged(lastingFile, leases).catch(() => {});
    await rm(file, { force: true });
    await symlink(lastingFile, file);
  }
  if (!lasting && (linked || !(await exists(file)))) {
    const leases = await readFile(lastingFile, "utf8").catch(() => "");
    await rm(file, { force: true });
    await writeIfChanged(file, leases);
  }
}

function dnsmasqPidFile(paths: ExecutorPaths, segment: string): string {
  return join(paths.run, "scsigate", `dnsmasq-${segment}.pid`);
}

function dnsmasqLog(paths: ExecutorPaths, segment: string): string {
  return join(paths.run, "scsigate", `dnsmasq-${segment}.log`);
}

/** What dnsmasq writes is what stations make it write, and /run is memory. It appends, so that the file can be cut. */
async function cutLog(paths: ExecutorPaths, segment: string): Promise<void> {
  const file = dnsmasqLog(paths, segment);
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size > MAX_LOG) await truncate(file);
}

function dnsmasqConfig(paths: ExecutorPaths, segment: string): { file: string; argument: string } {
  const file = join(paths.run, "scsigate", `dnsmasq-${segment}.conf`);
  return { file, argument: `--conf-file=${file}` };
}

export async function stopDnsmasq(segment: string, { paths, processes }: ExecutorContext): Promise<boolean> {
  const pidFile = dnsmasqPidFile(paths, segment);
  const pid = await processes.find(pidFile, dnsmasqConfig(paths, segment).argument);
  if (pid !== undefined) await processes.stop(pid);
  await rm(pidFile, { force: true });
  return pid !== undefined;
}

/** What dnsmasq has written down, by segment. */
export class LeaseTexts {
  readonly #paths: ExecutorPaths;
  readonly #files = new KeptReadings((text) => text);
  #texts: ReadonlyMap<string, string> = new Map();

  constructor(paths: ExecutorPaths) {
    this.#paths = paths;
  }

  /** Of the last look, with the ends of leases moved along since. */
  get texts(): ReadonlyMap<string, string> {
    return this.#texts;
  }

  /** The clock was set by so many seconds: what is known goes by the new one from now on. */
  move(seconds: number): void {
    this.#texts = new Map([...this.#texts].map(([segment, text]) => [segment, moved(text, seconds, () => true)]));
  }

  /** Once a second: nothing is read that has not changed. */
  look(): void {
    const segments = segmentsWithLeases(this.#paths);
    this.#texts = new Map(segments.map((segment) => [segment, this.#files.read(leaseFile(this.#paths, segment))]));
  }
}

function segmentsWithLeases({ run }: ExecutorPaths): string[] {
  return names(join(run, "scsigate/leases")).map((file) => file.replace(/\.leases$/, ""));
}

/** Ends of leases, but those that hold for ever (0), so many seconds later. @param which by the whole line */
function moved(leases: string, seconds: number, which: (line: string) => boolean): string {
  return leases.replaceAll(/^([1-9][0-9]*)( .*)$/gm, (line, end, rest) =>
    which(line) ? `${Math.max(1, Number(end) + seconds)}${rest}` : line,
  );
}

/** Leases of IPv4, the server's identifier and leases of IPv6, a line each. What is missing now is taken from before. */
function withLost(before: string, now: string): string {
  const parts = (text: string) => {
    const lines = text.split("\n").filter((line) => line !== "");
    const at = lines.findIndex((line) => line.startsWith("duid "));
    return at < 0 ? [lines, [], []] : [lines.slice(0, at), lines.slice(at, at + 1), lines.slice(at + 1)];
  };
  const address = (line: string) => line.split(" ")[2];
  const old = parts(before);
  const all = parts(now).flatMap((lines, index) => {
    const there = new Set(lines.map(address));
    const lost = (old[index] ?? []).filter((line) => !there.has(address(line)));
    return index === 1 && lines.length > 0 ? lines : [...lines, ...lost];
  });
  return all.map((line) => `${line}\n`).join("");
}

/**
 * dnsmasq writes down when a lease ends by the wall clock, and hosts count by their own: when the clock is set, the ends are
 * moved along, so that nobody's address is given to another host, or kept for years.
 * @param seconds by which the clock was set forward; less than 0: back
 * @param before what was there before it was set, by the clock of then: by now, dnsmasq may have ended some
 */
export async function shiftLeases(
  seconds: number,
  context: ExecutorContext,
  before: ReadonlyMap<string, string>,
): Promise<void> {
  const { paths, processes } = context;
  for (const segment of segmentsWithLeases(paths)) {
    const { argument } = dnsmasqConfig(paths, segment);
    const pid = await processes.find(dnsmasqPidFile(paths, segment), argument);
    // It has the leases in memory, and writes all of them down now and then.
    if (pid !== undefined) await processes.stop(pid);
    const place = leaseFile(paths, segment);
    const lasting = await readlink(place).catch(() => place);
    const known = before.get(segment) ?? "";
    const text = withLost(known, await readFile(lasting, "utf8").catch(() => ""));
    const old = new Set(known.split("\n"));
    // A lease that was given or renewed meanwhile goes by the new clock already.
    const isOld = (line: string) => old.has(line) || Number.parseInt(line, 10) * 1000 < context.clock.now();
    await writeIfChanged(lasting, moved(text, seconds, isOld)).catch((error: unknown) => {
      context.log.error({ error: String(error), segment }, "leases do not follow the clock");
    });
    if (pid !== undefined) await context.run("dnsmasq", [argument]);
  }
}

export const setDnsmasq: Handler<DnsmasqOperation> = async (operation, context) => {
  const { paths, processes } = context;
  if (!operation.running) return stopDnsmasq(operation.segment, context);
  await cutLog(paths, operation.segment);
  const { file, argument } = dnsmasqConfig(paths, operation.segment);
  const pid = await processes.find(dnsmasqPidFile(paths, operation.segment), argument);
  const lasting = await canLast(paths);
  const moves = lasting !== (await areLasting(paths, operation.segment));
  const rewritten = await writeIfChanged(file, renderDnsmasq(operation, paths, context.host?.etc));
  if (pid !== undefined && !rewritten && !moves) return false;
  if (pid !== undefined) await processes.stop(pid);
  await placeLeases(paths, operation.segment, lasting);
  await context.run("dnsmasq", [argument]); // goes into the background once its sockets are open, or exits with its reason
  return true;
};
