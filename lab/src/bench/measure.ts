// SPDX-License-Identifier: Apache-2.0
// Single measurements in a VM, and taking them in turn.
import { LabError } from "../errors.ts";
import type { Vm } from "../vm/vm.ts";
import type { Station } from "./rig.ts";

/** Seconds that one stream or flood lasts. */
const SECONDS = 2;
const PINGS = 300;
const TEST_UNIT_READYS = 300;
/** USER_HZ: ticks a second in /proc/stat. */
const TICKS = 100;

export interface Stream {
  readonly bitsPerSecond: number;
  /** All processors together, both ends and all between. */
  readonly cpuSecondsPerGigabyte: number;
}

interface IperfReport {
  readonly end: { readonly sum_received: { readonly bytes: number; readonly bits_per_second: number } };
}

/** Busy ticks in the first line of /proc/stat: user, nice, system, -, -, irq, softirq. */
export function busyTicks(line: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return user + nice + system + irq + softirq;
}

/** Runs a command that prints JSON, between two readings of /proc/stat. */
async function withCpu<T>(vm: Vm, command: string): Promise<{ value: T; cpuSeconds: number }> {
  const out = await vm.ok(`head -n 1 /proc/stat; ${command} || exit; head -n 1 /proc/stat`, { timeout: 30_000 });
  const lines = out.split("\n");
  const json = lines.slice(1, -1).join("\n");
  const cpuSeconds = (busyTicks(lines.at(-1) ?? "") - busyTicks(lines[0] ?? "")) / TICKS;
  return { value: JSON.parse(json) as T, cpuSeconds };
}

/** TCP from a namespace to an address, or back. */
export async function tcp(vm: Vm, namespace: string, to: string, back: boolean, seconds = SECONDS): Promise<Stream> {
  const command = `ip netns exec ${namespace} iperf3 -J -t ${seconds} ${back ? "-R " : ""}-c ${to}`;
  const { value, cpuSeconds } = await withCpu<IperfReport>(vm, command);
  const { bytes, bits_per_second } = value.end.sum_received;
  return { bitsPerSecond: bits_per_second, cpuSecondsPerGigabyte: cpuSeconds / (bytes / 1e9) };
}

interface UdpReport {
  readonly received: number;
  readonly seconds: number;
}

export interface Flood {
  readonly packetsPerSecond: number;
  readonly cpuMicrosecondsPerPacket: number;
}

export interface FloodOptions {
  /** Namespace of the sender; the root's by default. */
  readonly namespace?: string;
  readonly to: string;
  readonly payload: number;
  /** Interface of the root namespace and the counter there that shows what arrived. */
  readonly counter: readonly [name: string, counter: "rx_packets" | "tx_packets"];
}

/** UDP as fast as it goes. */
export async function flood(vm: Vm, options: FloodOptions): Promise<Flood> {
  const [name, counter] = options.counter;
  const namespace = options.namespace === undefined ? "" : `-N ${options.namespace} `;
  const file = `/sys/class/net/${name}/statistics/${counter}`;
  const command = `bench-tool udp -t ${SECONDS} -n ${options.payload} ${namespace}-c ${file} ${options.to}`;
  const { value, cpuSeconds } = await withCpu<UdpReport>(vm, command);
  if (value.received === 0) throw new LabError("vm-command-failed", "No packet arrived.", `Command: ${command}`);
  return {
    packetsPerSecond: value.received / value.seconds,
    cpuMicrosecondsPerPacket: (cpuSeconds * 1e6) / value.received,
  };
}

interface RawReport {
  readonly commands: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface RawOptions {
  readonly sg: string;
  readonly from: string;
  readonly to: string;
  /** Of the datagram in each SEND. */
  readonly bytes: number;
  readonly depth: number;
  readonly threads?: number;
  readonly direct?: boolean;
  readonly seconds?: number;
}

/** SEND MESSAGE(10) by itself, as fast as the adapter takes it. */
export async function raw(vm: Vm, options: RawOptions): Promise<{ commandsPerSecond: number; bytesPerSecond: number }> {
  const flags = `-d ${options.depth} -j ${options.threads ?? 1} -n ${options.bytes} ${options.direct === true ? "-D " : ""}`;
  const report = await vm.json<RawReport>(
    `bench-tool raw ${flags}-t ${options.seconds ?? SECONDS} -s ${options.from} -r ${options.to} ${options.sg}`,
    { timeout: 60_000 },
  );
  return { commandsPerSecond: report.commands / report.seconds, bytesPerSecond: report.bytes / report.seconds };
}

/** Microseconds of the median TEST UNIT READY, there and back. */
export async function testUnitReady(vm: Vm, sg: string): Promise<number> {
  return (await vm.json<{ median_us: number }>(`bench-tool tur -c ${TEST_UNIT_READYS} ${sg}`)).median_us;
}

/** Milliseconds of each answer in what ping prints. */
export function pingTimes(output: string): number[] {
  return [...output.matchAll(/ time=([0-9.]+) ms/g)].map((match) => Number(match[1]));
}

/** Microseconds of each echo, one after the other (-A: the next as soon as the last is answered). */
export async function ping(vm: Vm, station: Station): Promise<number[]> {
  const command = `ip netns exec ${station.namespace} ping -n -A -c ${PINGS} -W 2 ${station.hub.address}`;
  return pingTimes(await vm.ok(command, { timeout: 60_000 })).map((ms) => ms * 1000);
}

/** Takes measurements in turn, all of them once a round. */
export async function inTurn<K extends string, T>(
  rounds: number,
  probes: Readonly<Record<K, () => Promise<T>>>,
): Promise<Record<K, T[]>> {
  const names = Object.keys(probes) as K[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<K, T[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await probes[name]());
  }
  return results;
}
