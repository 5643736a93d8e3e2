// SPDX-License-Identifier: Apache-2.0
// The figures: what each is called and must reach, and how those of one boot are measured.

import type { Vm } from "../vm/vm.ts";
import { flood, inTurn, ping, raw, type Stream, tcp, testUnitReady } from "./measure.ts";
import { BenchRig, type Hub, type Station } from "./rig.ts";
import { type Comparison, type Figure, type FigureSpec, median, type Target } from "./stats.ts";

const atLeast = (limit: number): Target => ({ limit, better: "higher" });
const atMost = (limit: number): Target => ({ limit, better: "lower" });

export const specs = {
  tcpDefault: {
    name: "tcp-default",
    title: "TCP, default settings / veth",
    unit: "bit/s",
    target: atLeast(0.9),
  },
  tcpBase: {
    name: "tcp-base",
    title: "TCP, RFC 2143 alone, MTU 65280 / veth",
    unit: "bit/s",
    target: atLeast(0.8),
  },
  packetsBase: {
    name: "packets-base",
    title: "packets of 1500 bytes, RFC 2143 alone / SENDs",
    unit: "/s",
    target: atLeast(0.9),
  },
  packetsContainer: {
    name: "packets-container",
    title: "64-byte UDP in containers / SENDs",
    unit: "/s",
    target: atLeast(5),
  },
  ping: {
    name: "ping",
    title: "ping / two TEST UNIT READY",
    unit: "µs",
    target: atMost(2),
  },
  daemon: {
    name: "daemon",
    title: "TCP, ipscsi / user-space daemon",
    unit: "bit/s",
    target: atLeast(5),
  },
  cable: {
    name: "cable",
    title: "TCP / SENDs, between VMs on a slow cable",
    unit: "B/s",
    target: atLeast(0.9),
  },
  parallel: {
    name: "parallel",
    title: "TCP payload / what a parallel bus carries, between two Adaptec 1522s",
    unit: "B/s",
    target: atLeast(0.85),
  },
  peers: {
    name: "peers",
    title: "CPU time of a packet, 63 peers / 1",
    unit: "µs",
    target: atMost(1.2),
  },
  cpu: {
    name: "cpu",
    title: "CPU time a gigabyte / veth",
    unit: "s/GB",
  },
} as const satisfies Record<string, FigureSpec>;

/** SENDs that the driver keeps in flight at a tcm_loop device, and as many as one file of sg takes. */
const DEPTH = 16;
const MTU = 65_280;
const IP_UDP_HEADERS = 28;
/** Payload of the small packets, bytes. */
const SMALL = 64;
const PEERS = 63;

const TO_HUB = "station to hub";
const TO_STATION = "hub to station";

interface Setting {
  readonly vm: Vm;
  readonly rig: BenchRig;
  readonly hub: Hub;
  /** With all features. */
  readonly station: Station;
  /** With GET alone. */
  readonly base: Station;
  /** A device of its own for raw commands and the daemon. */
  readonly sg: string;
  readonly rounds: number;
}

const rates = (streams: readonly Stream[]): number[] => streams.map(({ bitsPerSecond }) => bitsPerSecond);
const costs = (streams: readonly Stream[]): number[] =>
  streams.map(({ cpuSecondsPerGigabyte }) => cpuSecondsPerGigabyte);

async function measureStreams({ vm, rig, hub, station, base, sg, rounds }: Setting): Promise<Figure[]> {
  const veth = await rig.veth(station);
  const daemon = await rig.daemon(hub, { sg, device: "" });
  const first = await inTurn(rounds, {
    ours: () => tcp(vm, station.namespace, hub.address, false),
    veth: () => tcp(vm, station.namespace, veth, false),
    daemon: () => tcp(vm, daemon.namespace, hub.address, false),
    oursBack: () => tcp(vm, station.namespace, hub.address, true),
    vethBack: () => tcp(vm, station.namespace, veth, true),
    daemonBack: () => tcp(vm, daemon.namespace, hub.address, true),
  });
  await daemon.stop();
  await vm.ok(`ip link set ve0 mtu ${MTU}; ip -n ${station.namespace} link set ve1 mtu ${MTU}`);
  const second = await inTurn(rounds, {
    base: () => tcp(vm, base.namespace, hub.address, false),
    veth: () => tcp(vm, station.namespace, veth, false),
    baseBack: () => tcp(vm, base.namespace, hub.address, true),
    vethBack: () => tcp(vm, station.namespace, veth, true),
  });
  const both = (
    of: (streams: readonly Stream[]) => number[],
    there: readonly [readonly Stream[], readonly Stream[]],
    back: readonly [readonly Stream[], readonly Stream[]],
  ): Comparison[] => [
    { label: TO_HUB, ours: of(there[0]), baseline: of(there[1]) },
    { label: TO_STATION, ours: of(back[0]), baseline: of(back[1]) },
  ];
  const default_ = [first.ours, first.veth] as const;
  const defaultBack = [first.oursBack, first.vethBack] as const;
  return [
    { ...specs.tcpDefault, comparisons: both(rates, default_, defaultBack) },
    {
      ...specs.tcpBase,
      comparisons: both(rates, [second.base, second.veth], [second.baseBack, second.vethBack]),
    },
    {
      ...specs.daemon,
      comparisons: both(rates, [first.ours, first.daemon], [first.oursBack, first.daemonBack]),
    },
    { ...specs.cpu, comparisons: both(costs, default_, defaultBack) },
  ];
}

async function measurePackets({ vm, hub, station, base, sg, rounds }: Setting): Promise<Figure[]> {
  const send = (from: Station, payload: number) => async (): Promise<number> =>
    (await flood(vm, { namespace: from.namespace, to: hub.address, payload, counter: [hub.name, "rx_packets"] }))
      .packetsPerSecond;
  const command = (bytes: number) => async (): Promise<number> =>
    (await raw(vm, { sg, from: `${hub.net}.251`, to: hub.address, bytes, depth: DEPTH })).commandsPerSecond;
  const samples = await inTurn(rounds, {
    large: send(base, 1500 - IP_UDP_HEADERS),
    largeRaw: command(1500),
    small: send(station, SMALL),
    smallRaw: command(SMALL + IP_UDP_HEADERS),
  });
  return [
    { ...specs.packetsBase, comparisons: [{ label: "", ours: samples.large, baseline: samples.largeRaw }] },
    { ...specs.packetsContainer, comparisons: [{ label: "", ours: samples.small, baseline: samples.smallRaw }] },
  ];
}

async function measureLatency({ vm, station, sg, rounds }: Setting): Promise<Figure[]> {
  const samples = await inTurn(rounds, {
    ours: async () => median(await ping(vm, station)),
    baseline: async () => 2 * (await testUnitReady(vm, sg)),
  });
  return [{ ...specs.ping, comparisons: [{ label: "", ...samples }] }];
}

/** Two hubs side by side, one with a single station, so that nothing but the number of peers differs. */
async function measurePeers({ vm, rig, rounds }: Setting): Promise<Figure[]> {
  const many = await rig.hub();
  const one = await rig.hub();
  const ofMany = await rig.attach(many);
  const ofOne = await rig.attach(one);
  await rig.attachIdle(many, PEERS - 1);
  const cost = (to: Station) => async (): Promise<number> =>
    (await flood(vm, { to: to.address, payload: SMALL, counter: [to.hub.name, "tx_packets"] }))
      .cpuMicrosecondsPerPacket;
  const samples = await inTurn(rounds, { ours: cost(ofMany), baseline: cost(ofOne) });
  return [{ ...specs.peers, comparisons: [{ label: "", ...samples }] }];
}

export const groups: Readonly<Record<string, (setting: Setting) => Promise<Figure[]>>> = {
  latency: measureLatency,
  packets: measurePackets,
  streams: measureStreams,
  peers: measurePeers,
};

/** Which figures a group is for, to tell of them when it fails. */
export const specsOf: Readonly<Record<string, readonly FigureSpec[]>> = {
  latency: [specs.ping],
  packets: [specs.packetsBase, specs.packetsContainer],
  streams: [specs.tcpDefault, specs.tcpBase, specs.daemon, specs.cpu],
  peers: [specs.peers],
};

export async function setting(vm: Vm, rounds: number): Promise<Setting> {
  const rig = new BenchRig(vm);
  await rig.setUp();
  const hub = await rig.hub();
  const station = await rig.attach(hub);
  const base = await rig.attach(hub, { features: "get" });
  const [spare] = await rig.plug(hub);
  return { vm, rig, hub, station, base, sg: spare?.sg ?? "", rounds };
}
