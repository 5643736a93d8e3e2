// SPDX-License-Identifier: Apache-2.0
// What the adapter's firmware takes: the real program on an emulated RP2040 (firmware/sim), in lock step with a modelled bus and a
// scripted initiator. Time is the emulated chip's, the same on any machine, so one round is enough.
import { HELLO_LAYOUT, REQUESTS } from "../../../appliance/src/adapter/messages.ts";
import { Bench, GOOD, HELLO, STATION, TEST_UNIT_READY } from "../../../firmware/sim/src/bench.ts";
import { DESKEW_AND_SKEW } from "../../../firmware/sim/src/bus.ts";
import { message } from "../../../firmware/sim/src/initiator.ts";
import { makeNtb } from "../../../firmware/sim/src/ntb.ts";
import { adapterFirmware } from "../build/packages.ts";
import type { Comparison, Figure, FigureSpec } from "./stats.ts";

/** From each edge of REQ to the initiator's answer, ns. */
export const LATENCY = 100;
/** Bytes of the datagrams. */
const SMALL = 64;
const LARGE = 1500;
/** 19 packets of 64 bytes in each millisecond (USB 2.0 5.8.4), bytes a second; both directions share it. */
const USB_FULL_SPEED = 19 * 64 * 1000;
/** Of RAM, and the largest program in flash. */
const ROOM = 256 * 1024;
/** After that the USB host has fetched everything, µs. */
const SETTLE = 3000;
const IPV4 = 0x0000;
const CONTROL = 0x88b5;

export const firmwareSpecs = {
  command: { name: "firmware-command", title: "TEST UNIT READY / its initiator's part", unit: "µs" },
  send: { name: "firmware-send", title: "SEND / its initiator's part", unit: "µs" },
  get: { name: "firmware-get", title: "GET / its initiator's part", unit: "µs" },
  rate: {
    name: "firmware-rate",
    title: "1500 bytes at a time on the bus / USB at full speed",
    unit: "B/s",
    target: { limit: 1, better: "higher" },
  },
  flash: {
    name: "firmware-flash",
    title: "the program in flash / 256 KiB",
    unit: "B",
    target: { limit: 1, better: "lower" },
  },
  ram: { name: "firmware-ram", title: "its RAM / 256 KiB", unit: "B", target: { limit: 1, better: "lower" } },
} as const satisfies Record<string, FigureSpec>;

interface Command {
  readonly data: Uint8Array;
  /** From BSY of the target to bus free, and what the initiator alone takes of that. */
  readonly comparison: Comparison;
  /** From bus free to bus free: arbitration and selection, too. */
  readonly seconds: number;
}

/** Carries a command out on a board that has nothing else to do. */
function time(bench: Bench, label: string, cdb: readonly number[], out = new Uint8Array()): Command {
  bench.chip.runFor(SETTLE);
  const begin = bench.chip.ns;
  const { data, messages, status, us } = bench.command(cdb, { out });
  if (status !== GOOD) throw new Error(`status ${status} of a command that is measured`);
  const identify = 1;
  const told = identify + cdb.length + out.length;
  const heard = data.length + messages.length + 1;
  const initiator = (told * (2 * LATENCY + DESKEW_AND_SKEW) + heard * 2 * LATENCY) / 1000;
  return { data, comparison: { label, ours: [us], baseline: [initiator] }, seconds: (bench.chip.ns - begin) / 1e9 };
}

/** An IPv4 datagram, as far as the firmware looks. */
function datagram(length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(length, 0xa5);
  bytes[0] = 0x45;
  bytes.writeUInt16BE(length, 2);
  return bytes;
}

/** Seconds in all. @throws LabError when the firmware cannot be built; Error when a command fails, or brings something else than it must */
export async function measureFirmware(): Promise<Figure[]> {
  const sizes = /(\d+) bytes of flash .* (\d+) of \d+ bytes of RAM/.exec(await adapterFirmware());
  if (sizes === null) throw new Error("the firmware's build does not tell its size");
  const bench = Bench.up(LATENCY);
  if (bench.send(CONTROL, HELLO).status !== GOOD) throw new Error("the adapter refuses HELLO");
  bench.usb.stream(2, 4096, () => undefined);
  const { at, size } = HELLO_LAYOUT.stationAddress;
  const adapter = bench.manage(REQUESTS.HELLO).payload.subarray(at, at + size);
  const ready = time(bench, "", TEST_UNIT_READY);
  const both = [SMALL, LARGE].map((length) => {
    const packet = datagram(length);
    const send = time(bench, `${length} bytes`, message(true, IPV4, length), packet);
    if (!bench.usb.write(2, makeNtb([Uint8Array.from([...STATION, ...adapter, 8, 0, ...packet])]))) {
      throw new Error("the adapter takes nothing from USB");
    }
    const get = time(bench, `${length} bytes`, message(false, IPV4, length));
    if (!Buffer.from(get.data).equals(packet)) throw new Error("GET brings something else");
    return { send, get };
  });
  const rate = (label: string, command: Command | undefined): Comparison => ({
    label,
    ours: [LARGE / (command?.seconds ?? Number.NaN)],
    baseline: [USB_FULL_SPEED],
  });
  const room = (bytes: string | undefined): Comparison[] => [{ label: "", ours: [Number(bytes)], baseline: [ROOM] }];
  return [
    { ...firmwareSpecs.command, comparisons: [ready.comparison] },
    { ...firmwareSpecs.send, comparisons: both.map(({ send }) => send.comparison) },
    { ...firmwareSpecs.get, comparisons: both.map(({ get }) => get.comparison) },
    { ...firmwareSpecs.rate, comparisons: [rate("SEND", both[1]?.send), rate("GET", both[1]?.get)] },
    { ...firmwareSpecs.flash, comparisons: room(sizes[1]) },
    { ...firmwareSpecs.ram, comparisons: room(sizes[2]) },
  ];
}
