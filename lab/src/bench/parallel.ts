// SPDX-License-Identifier: Apache-2.0
// How much of a parallel bus a TCP stream gets: two Adaptec 1522s on the modelled bus (kernel/testing), each target of the other, in RFC 2143's
// symmetric mode. On that bus each byte takes a time, in all phases; what is no payload is what the stream does not get.
import { ModelledBus } from "../rigs/aha152x.ts";
import { BusStations } from "../rigs/busStations.ts";
import { iperfClient, iperfRate } from "../rigs/iperf.ts";
import type { Vm } from "../vm/vm.ts";
import type { Measured } from "./stats.ts";

/** Of what the emulated adapters' registers let through without that time; the bus must be the slowest part. */
const SHARE = 0.25;
/** That bus is many times slower than a real one, and what waits for it waits so much longer: with the default MTU, for longer than TCP waits. */
const MTU = 8192;
/** Of a measurement, and what goes before it: TCP's slow start. */
const SECONDS = 10;
const OMIT = 2;
const STATIONS = [0, 1];

/** Payload in bytes a second, against the bytes a second that the bus can carry. */
export async function measureParallel(vm: Vm, rounds: number, say: (line: string) => void): Promise<Measured> {
  const bus = await ModelledBus.create(vm, { patched: true, adapters: STATIONS.length, disk: false });
  const rig = await BusStations.create(bus, { stations: STATIONS.length, targets: STATIONS, mtu: MTU });
  await rig.reachAll();
  const server = vm.start(`ip netns exec ${rig.namespace(1)} iperf3 -s`);
  try {
    const stream = async (): Promise<number> => {
      const client = iperfClient(rig.address(1), SECONDS, `-O ${OMIT}`);
      return iperfRate(await vm.ok(`ip netns exec ${rig.namespace(0)} ${client}`, { timeout: 60_000 })) / 8;
    };
    const unpaced = await stream();
    const byteNs = Math.ceil(1e9 / (unpaced * SHARE));
    await bus.set("byte_ns", byteNs);
    const raw = 1e9 / byteNs;
    const note = `a byte takes ${(byteNs / 1000).toFixed(1)} µs, so the bus carries ${(raw / 1000).toFixed(0)} kB/s; the emulated adapters move ${(unpaced / 1000).toFixed(0)} kB/s without.`;
    say(note);
    const ours: number[] = [];
    for (let round = 0; round < rounds; round++) ours.push(await stream());
    return { comparisons: [{ label: "", ours, baseline: ours.map(() => raw) }], note };
  } finally {
    server.kill("SIGKILL");
  }
}
