// SPDX-License-Identifier: Apache-2.0
// The Adaptec 1522's driver on the modelled parallel bus (kernel/testing): as the kernel has it, and with target mode.
import * as assert from "uvu/assert";
import { differsFromKept, kept } from "../../firmware/sim/src/fixtures.ts";
import { replay } from "../../firmware/sim/src/played.ts";
import { connections, difference } from "../../firmware/sim/src/trace.ts";
import {
  blockOf,
  DISK_ID,
  fileBackend,
  IDS,
  JOIN_NS,
  MODEL,
  ModelledBus,
  removeFileBackends,
} from "../src/rigs/aha152x.ts";
import { BusStations } from "../src/rigs/busStations.ts";
import { type Command, commandsOf, recordCommands, withoutDrivers } from "../src/rigs/busTraces.ts";
import { interleave, resetAnywhere, SEED } from "../src/rigs/interleavings.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { loop } from "../src/topologies/loop.ts";
import type { Vm } from "../src/vm/vm.ts";

/** How often the bus is reset under load. */
const RESETS = 12;

/** Rounds of random interleavings here; interleavings.test.ts has ten thousand. */
const ROUNDS = 100;

const tests = scenario("aha152x", loop, { independent: true });

/** Writes and reads back 512 KiB. */
async function copy(vm: Vm, disk: string): Promise<void> {
  await vm.ok(
    `set -e
    dd if=/dev/urandom of=/run/data bs=64k count=8 status=none
    dd if=/run/data of=/dev/${disk} bs=64k oflag=direct status=none
    dd if=/dev/${disk} of=/run/back bs=64k count=8 iflag=direct status=none
    cmp /run/data /run/back`,
    { timeout: 60_000 },
  );
}

/**
 * Writes and reads a block while one byte of that has bad parity: of the messages, of the command, of the data, of the
 * status. The initiator repeats the command. (There are 525 bytes, and two more where the target disconnects.)
 */
async function survivesBadParity(vm: Vm, disk: string): Promise<void> {
  await vm.ok(
    `set -e
    for n in $(seq 1 16) 300 $(seq 520 527); do
      dd if=/dev/urandom of=/run/data bs=512 count=1 status=none
      for files in 'if=/run/data of=/dev/${disk} oflag=direct' 'if=/dev/${disk} of=/run/back count=1 iflag=direct'; do
        echo $n >${MODEL}/parity_at
        dd $files status=none
        [ $n -gt 525 ] || [ $(cat ${MODEL}/parity_at) = 0 ]
      done
      cmp /run/data /run/back
    done
    echo 0 >${MODEL}/parity_at`,
    { timeout: 60_000 },
  );
}

/**
 * Reads behind the end of the disk, which ends with CHECK CONDITION, while one byte of that has bad parity: of the command (13 bytes,
 * the status is the 12th), or of the driver's REQUEST SENSE. It never ends well.
 */
async function failsInSpiteOfBadParity(vm: Vm, disk: string): Promise<void> {
  await vm.ok(
    `for n in $(seq 0 45); do
      echo $n >${MODEL}/parity_at
      ! sg_raw -r 512 /dev/${disk} 28 00 7f ff ff ff 00 00 01 00 2>/dev/null || { echo "byte $n" >&2; exit 1; }
      [ $n -gt 13 ] || [ $(cat ${MODEL}/parity_at) = 0 ] || exit 1
    done
    echo 0 >${MODEL}/parity_at`,
    { timeout: 60_000 },
  );
}

/** A small generator of its own, so that a seed is a run again: xorshift32. */
function* random(seed: number): Generator<number, never> {
  let x = seed >>> 0 || 1;
  for (;;) {
    x ^= (x << 13) >>> 0;
    x ^= x >>> 17;
    x = (x ^ (x << 5)) >>> 0;
    yield x / 2 ** 32;
  }
}

for (const patched of [false, true])
  tests.test(
    `${patched ? "with the patch, the driver" : "the kernel's driver"} finds the scripted disk, writes and reads it`,
    async (bench) => {
      const vm = bench.vm("loop");
      const bus = await ModelledBus.create(vm, { patched, adapters: 1, disk: true });
      const disk = await bus.disk();
      await copy(vm, disk);
      const commands = await bus.count("disk_commands");
      assert.ok((await bus.count("arbitrations")) > commands, "it disconnected, and reselected");
      await vm.ok(`echo N >${MODEL}/disk_disconnects; echo N >${MODEL}/disk_sync`);
      await copy(vm, disk);
      if (patched) {
        await vm.ok(`echo Y >${MODEL}/disk_disconnects`);
        console.log(`  ${await resetAnywhere(vm, disk)} accesses`);
      }
      await bus.tearDown();
    },
  );

tests.test("a target that reselects as soon as a selection has timed out is heard", async (bench) => {
  const vm = bench.vm("loop");
  const bus = await ModelledBus.create(vm, { patched: true, adapters: 2, disk: true });
  const disk = await bus.disk();
  // nobody but the driver sees to a command that is lost
  await vm.ok(`echo 86400 >/sys/block/${disk}/device/timeout`);
  const gone = await bus.serve(1, await fileBackend(vm, "store1"));
  const device = await bus.scan(0, 1);
  await vm.ok(`echo 0 >${gone}/enable`);
  await bus.record();
  // Between two of the commands that time out there is a while, longer where the machine is slower.
  await vm.ok(
    `sg=/dev/$(ls /sys/bus/scsi/devices/${device}/scsi_generic)
    for ms in 50 200 500; do
      echo \${ms}000000 >${MODEL}/disk_busy_ns
      dd if=/dev/${disk} of=/dev/null bs=512 count=4 iflag=direct status=none &
      for n in 1 2 3 4; do ! sg_raw $sg 00 00 00 00 00 00 2>/dev/null || exit 1; done
      wait $!
    done`,
    { timeout: 60_000 },
  );
  const kinds = (await bus.recorded()).map(({ kind }) => kind).join(" ");
  assert.match(kinds, /selection bus-free arbitration reselection/);
  await bus.tearDown();
  await removeFileBackends(vm);
});

tests.test("two adapters are targets of each other, and of resets, beside a disk: nothing is lost", async (bench) => {
  const vm = bench.vm("loop");
  const bus = await ModelledBus.create(vm, { patched: true, adapters: 2, disk: true });
  await bus.set("arbitration_ns", JOIN_NS);
  const disks = [await bus.disk()];
  for (const [from, to] of [
    [0, 1],
    [1, 0],
  ] as const) {
    await bus.serve(to, await fileBackend(vm, `store${to}`));
    disks.push(await blockOf(vm, await bus.scan(from, to)));
  }
  for (const disk of disks) {
    await copy(vm, disk);
    await survivesBadParity(vm, disk);
    await failsInSpiteOfBadParity(vm, disk);
  }
  // Each writes what nobody else writes, in its own part of each disk, reads it back, and tells when it has ended.
  console.log(`  seed ${SEED}`);
  await vm.ok(`rm -f /run/done.*; : >/run/failed
    for disk in ${disks.join(" ")}; do (
      for round in $(seq 10); do
        dd if=/dev/urandom of=/run/out.$disk bs=4k count=5 status=none
        dd if=/run/out.$disk of=/dev/$disk bs=4k seek=$((round * 7)) oflag=direct status=none &&
        dd if=/dev/$disk of=/run/in.$disk bs=4k count=5 skip=$((round * 7)) iflag=direct status=none &&
        cmp /run/out.$disk /run/in.$disk || echo $disk $round >>/run/failed
      done 2>>/run/failed; : >/run/done.$disk ) </dev/null >/dev/null 2>&1 &
    done`);
  const chance = random(SEED);
  for (let i = 0; i < RESETS; i++) {
    await vm.ok(`sleep ${(chance.next().value * 0.6).toFixed(3)}`);
    await bus.reset();
  }
  await waitFor("all of them to end", async () => (await vm.ok("ls /run/done.* | wc -l")) === String(disks.length), {
    timeout: 120_000,
  });
  assert.is(await vm.ok("cat /run/failed"), "");
  assert.ok((await bus.count("contended")) > 0, "more than one wanted the bus at the same moment");
  await bus.tearDown();
  await removeFileBackends(vm);
});

/** Blocks that are written with interrupts that come late. */
const LATE = 8;
/** More answers of BUSY than the mid-layer's own error recovery has patience for. */
const BUSY = 10;
/** In the middle of a write: an access to the initiator's registers. */
const RESET_AT = 100;
/** In the middle of the data of a command that transfers a block: its Nth byte or REQ. */
const MIDDLE = 300;

/** Writes and reads back a block. */
function blockScript(disk: string): string {
  return `dd if=/dev/urandom of=/run/data.${disk} bs=512 count=1 status=none &&
    dd if=/run/data.${disk} of=/dev/${disk} oflag=direct status=none &&
    dd if=/dev/${disk} of=/run/back.${disk} count=1 iflag=direct status=none && cmp /run/data.${disk} /run/back.${disk}`;
}

tests.test("a REQ that is lost, a stuck BSY, a peer that stalls or is slow: each ends in recovery", async (bench) => {
  const vm = bench.vm("loop");
  const bus = await ModelledBus.create(vm, { patched: true, adapters: 2, disk: true });
  const scripted = await bus.disk();
  await bus.serve(1, await fileBackend(vm, "store"));
  const device = await bus.scan(0, 1);
  const store = await blockOf(vm, device);
  const works = (disk: string): Promise<string> => vm.ok(blockScript(disk), { timeout: 60_000 });
  const stalled = (): Promise<unknown> =>
    waitFor("somebody to stall", async () => (await bus.count("stalled")) === 1 || undefined, { timeout: 20_000 });

  // nobody gets the bus until somebody resets it
  await bus.set("stuck", 1);
  const waiting = vm.start(blockScript(scripted));
  await waitFor(
    "a command to wait",
    async () => (await vm.ok(`tr -d ' 0\\n' </sys/block/${scripted}/inflight`)) !== "" || undefined,
    { timeout: 10_000 },
  );
  await bus.reset();
  assert.is((await waiting.done).code, 0);
  assert.is(await bus.count("stuck"), 0);

  // the initiator's patience ends first: it resets the bus
  await vm.ok(`echo 2 >/sys/block/${scripted}/device/timeout`);
  await bus.set("request_at", MIDDLE);
  await works(scripted);
  assert.is(await bus.count("request_at"), 0);

  // the target's ends first: it leaves the bus, and the initiator repeats the command
  await bus.set("stall_id", IDS[0] ?? 0);
  await bus.set("stall_at", MIDDLE);
  const work = vm.start(blockScript(store));
  await stalled();
  await waitFor("the target to leave", async () => (await bus.count("busy")) === 0 || undefined, { timeout: 20_000 });
  await bus.set("stalled", 0);
  assert.is((await work.done).code, 0);

  // a target that is gone in the middle: its command fails, others do not, and it is used again when it is back
  await bus.set("stall_id", IDS[1] ?? 0);
  await bus.set("stall_at", MIDDLE);
  const lost = vm.start(blockScript(store));
  await stalled();
  assert.is.not((await lost.done).code, 0, "nobody is there");
  await works(scripted);
  await bus.set("stalled", 0);
  await works(store);

  // UNIT ATTENTION, as after a reset in the middle, and no time to tell why: the command is repeated
  await bus.set("disk_sense_busy", BUSY);
  await bus.set("reset_at", RESET_AT);
  await works(scripted);
  assert.is(await bus.count("disk_sense_busy"), BUSY - 1);
  await bus.set("disk_sense_busy", 0);

  // REQs that are not there yet, and interrupts that come when they have been switched off
  await bus.set("byte_ns", 20_000);
  await bus.set("late_irqs", 1);
  for (const disk of [scripted, store]) for (let time = 0; time < LATE; time++) await works(disk);
  assert.is(await vm.ok("dmesg | grep -c 'unexpected state' || true"), "0");
  await bus.tearDown();
  await removeFileBackends(vm);
});

const BLOCK = [...Buffer.from("one block of the scripted disk; ".repeat(16))];

/** To the scripted disk. The first one gets a unit attention, the last one reads behind the end. */
const DISK_COMMANDS: readonly Command[] = [
  { cdb: [0x00, 0, 0, 0, 0, 0] },
  { cdb: [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], data: 8 },
  { cdb: [0x2a, 0, 0, 0, 0, 5, 0, 0, 1, 0], data: BLOCK },
  { cdb: [0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0], data: BLOCK.length },
  { cdb: [0x28, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 1, 0], data: BLOCK.length },
];

tests.test(
  "what happens on this bus and on firmware/sim's is recorded alike, and each plays the other's",
  async (bench) => {
    const vm = bench.vm("loop");
    const options = { patched: true, synchronous: false } as const;
    const [bus, disk] = await withoutDrivers(vm, async () => {
      const made = await ModelledBus.create(vm, { ...options, adapters: 2, disk: true });
      const seen = await Promise.all([0, 1].map(async (n) => `${(await made.host(n)).slice(4)}:0:${DISK_ID}:0`));
      for (const device of seen) {
        // it is shown when the scan has ended
        await waitFor(
          `the scripted disk, ${device}`,
          async () => (await vm.run(`test -e /sys/bus/scsi/devices/${device}`)).code === 0 || undefined,
          { timeout: 20_000 },
        );
        await made.forget(device);
      }
      return [made, await recordCommands(made, DISK_ID, DISK_COMMANDS)] as const;
    });
    assert.is(differsFromKept("disk", disk), undefined);
    assert.is(difference(disk, replay(disk)), undefined);

    await bus.serve(1, await fileBackend(vm, "store"));
    const store = await blockOf(vm, await bus.scan(0, 1));
    await vm.ok(blockScript(store), { timeout: 60_000 });
    await bus.record();
    await vm.ok(blockScript(store), { timeout: 60_000 });
    const target = await bus.recorded();
    assert.ok(target.filter(({ kind }) => kind.startsWith("data-")).length >= 2, "a write and a read");
    assert.is(difference(target, replay(target)), undefined);
    await bus.tearDown();
    await removeFileBackends(vm);

    await withoutDrivers(vm, async () => {
      const empty = await ModelledBus.create(vm, { ...options, adapters: 1, disk: false });
      await waitFor(
        "all IDs to be scanned",
        async () => ((await empty.count("arbitrations")) >= 7 && (await empty.count("busy")) === 0) || undefined,
        { timeout: 20_000 },
      );
      for (const name of ["adapter", "disk"]) {
        const trace = kept(name);
        await empty.play(trace);
        const recorded = await recordCommands(empty, connections(trace)[0]?.target ?? 0, commandsOf(trace));
        assert.is(difference(trace, recorded), undefined);
        assert.is(await empty.count("play"), 0);
      }
      const synchronous = vm.run(`echo '0 arbitration 7
0 selection 7 2 atn
0 message-in 01 03 01 32 08
0 bus-free' | dd of=${MODEL}/play bs=1k`);
      assert.match((await synchronous).stderr, /Invalid argument/);
      await empty.tearDown();
    });
  },
);

tests.test(
  "selections, disconnections, aborts and resets at random: no write is lost, none comes after a later one",
  async (bench) => {
    console.log(`  ${await interleave(bench.vm("loop"), ROUNDS)}`);
  },
);

for (const [stations, bytes] of [
  [2, 524_288],
  [3, 262_144],
  [7, 262_144],
] as const)
  tests.test(`RFC 2143, symmetric: ${stations} adapters send to each other, through a reset, too`, async (bench) => {
    const vm = bench.vm("loop");
    const bus = await ModelledBus.create(vm, { patched: true, adapters: stations, disk: false });
    const all = [...IDS.slice(0, stations).keys()];
    const rig = await BusStations.create(bus, { stations, targets: all });
    await rig.reachAll();
    for (const station of all) {
      const is = (what: string, value: string): Promise<unknown> =>
        waitFor(
          `${what} ${value} at ${station}`,
          async () => (await rig.peers(station, what)).every((one) => one === value) || undefined,
          { timeout: 15_000 },
        );
      await is("mode", "symmetric");
      await is("held_gets", "0");
    }
    const relayed = await rig.count("relayed");
    const before = await bus.count("data_bytes");
    const pairs = all.slice(0, 4).map((from) => [from, (from + 1) % stations] as const);
    await rig.copy(pairs, bytes);
    assert.ok((await bus.count("data_bytes")) - before >= pairs.length * bytes, "over the bus");
    await bus.reset();
    await rig.reachAll();
    assert.is(await rig.count("relayed"), relayed, "each sends to each by itself");
    if (stations > 3) assert.ok((await bus.count("contended")) > 0, "more than one wanted the bus at the same moment");
    await rig.tearDown();
  });

tests.test(
  "two adapters that are targets, three that ask them by GET: each reaches each, through a reset, too",
  async (bench) => {
    const bus = await ModelledBus.create(bench.vm("loop"), { patched: true, adapters: 5, disk: false });
    const rig = await BusStations.create(bus, { stations: 5, targets: [0, 1] });
    // as an initiator's only command, a GET is in the way of what it sends
    for (const hub of [0, 1]) await rig.set(hub, "hold_time_ms", "50");
    await rig.reachAll();
    const modes = ["get", "get", "get", "symmetric"].join();
    for (const hub of [0, 1])
      await waitFor(`${modes} at ${hub}`, async () => (await rig.peers(hub, "mode")).sort().join() === modes, {
        timeout: 15_000,
      });
    const relayed = await rig.count("relayed");
    await rig.copy(
      [
        [2, 0],
        [1, 3],
        [0, 1],
        [4, 2],
      ],
      262_144,
    );
    assert.ok((await rig.count("relayed")) > relayed, "what an initiator sends to another");
    await bus.reset();
    await rig.reachAll();
    await rig.tearDown();
  },
);

tests.run();
