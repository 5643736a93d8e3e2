// SPDX-License-Identifier: Apache-2.0
// An adapter from plugging in to unplugging: sysfs is a fixture, what answers is a stand-in, time is the test's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LinkReading } from "../../src/observe/sysfs.ts";
import { adapterRig } from "../support/adapterRig.ts";
import { plugIn, SERIAL, unplug } from "../support/fakeAdapter.ts";
import { configOf } from "../support/telemetryRig.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

const test = suite("an adapter, as the service sees it");
let tree: Tree;

test.before.each(() => {
  tree = temporaryTree();
});
test.after.each(() => tree.dispose());

const SECOND = "E66160F423780000";
const LINK = { address: "02:00:5e:10:00:01", mtu: 1500, carrier: true } as LinkReading;
const CONFIG = configOf({
  version: 1,
  segments: [
    { name: "seg0", fabric: { type: "adapter", serial: SERIAL } },
    { name: "seg1", fabric: { type: "adapter", serial: SECOND } },
    { name: "seg2" },
  ],
});

const rig = (config = CONFIG) => adapterRig(tree, () => config);

test("absent, then plugged in and working, then unplugged: each is a state with a next step", async () => {
  const { clock, watch, state, problem, plugged, opened } = rig();
  await clock.pass(2010);
  assert.is(state(), "absent");
  assert.is(problem()?.code, "adapter-absent");
  assert.match(problem()?.nextStep ?? "", /cable/);
  assert.is(watch.reading("seg0", undefined), undefined);

  plugIn(tree, { interface: "enx02005e100001", tty: "ttyACM0" });
  await clock.pass(2000);
  assert.is(state(), "working");
  assert.is(problem(), null);
  assert.is(plugged(), 1);
  const { firmware, scsiId, interface: name, line } = watch.status("seg0") ?? {};
  assert.equal([firmware, scsiId, name], ["0.1.0", 4, "enx02005e100001"]);
  assert.is(line?.["opens"], 1);
  assert.is(line?.["answers"], 12);

  // Out and in again between two looks: its interface has another name.
  unplug(tree, { interface: "enx02005e100001" });
  plugIn(tree, { interface: "usb4", tty: "ttyACM0" });
  await clock.pass(2000);
  assert.equal([state(), plugged()], ["working", 2]);
  unplug(tree, { interface: "usb4" });
  await clock.pass(2000);
  assert.is(state(), "absent");
  assert.equal([watch.status("seg0")?.counters, watch.status("seg0")?.firmware], [null, null]);
  plugIn(tree, { port: "2-1.4", tty: "ttyACM1" });
  await clock.pass(2000);
  assert.is(state(), "working");
  assert.is(plugged(), 3);
  assert.equal(opened, ["ttyACM0", "ttyACM1"]);
  watch.stop();
});

test("several at once, each by its serial number; a segment without one has no bus", async () => {
  const { clock, watch, second, state } = rig();
  second.serial = SECOND;
  second.counters = { selections3: 7 };
  plugIn(tree);
  plugIn(tree, { port: "1-2", serial: SECOND, interface: "usb1", tty: "ttyACM1", index: 8 });
  await clock.pass(2010);
  assert.equal([state("seg0"), state("seg1")], ["working", "working"]);
  assert.is(watch.status("seg0")?.counters?.["selections3"], 0);
  assert.is(watch.status("seg1")?.counters?.["selections3"], 7);
  assert.is(watch.status("seg2"), null);
  assert.is(watch.status("seg9"), null);
  watch.stop();
});

test("in the boot loader: said, as far as it can be known", async () => {
  const { clock, watch, state, problem } = rig();
  tree.write({
    "sys/bus/usb/devices/1-1/idVendor": "2e8a",
    "sys/bus/usb/devices/1-1/idProduct": "0003",
    "sys/bus/usb/devices/1-1/serial": "E0C9125B0D9B",
  });
  await clock.pass(2010);
  assert.is(state(), "boot-loader");
  assert.match(problem()?.nextStep ?? "", /uf2/);
  watch.stop();
});

test("wrong: another device with the number, another number within, no hub, newer firmware", async () => {
  const { clock, watch, firmware, state, problem } = rig();
  plugIn(tree, { manufacturer: "Raspberry Pi" });
  await clock.pass(2010);
  assert.is(state(), "wrong");
  assert.match(problem()?.message ?? "", /Raspberry Pi/);
  unplug(tree);
  plugIn(tree);
  for (const [change, what] of [
    [{ serial: "another" }, /calls itself another/],
    [{ serial: SERIAL, capabilities: 2 }, /no hub/],
    [{ capabilities: 3, version: 2 }, /newer/],
  ] as const) {
    Object.assign(firmware, change);
    await clock.pass(2000);
    assert.is(state(), "wrong");
    assert.match(problem()?.message ?? "", what);
  }
  watch.stop();
});

test("old firmware", async () => {
  const { clock, watch, firmware, state, problem } = rig();
  Object.assign(firmware, { version: 0, firmware: "0.0.9" });
  plugIn(tree);
  await clock.pass(2010);
  assert.is(state(), "old");
  assert.match(problem()?.message ?? "", /0\.0\.9/);
  watch.stop();
});

test("silent: shown as working until what it said is stale, then as silent, and without its figures", async () => {
  const { clock, watch, firmware, state, problem } = rig();
  firmware.stations = [{ initiator: 7, address: "02:00:5e:10:00:0a" }];
  plugIn(tree);
  await clock.pass(2010);
  firmware.mute = true;
  await clock.pass(5000);
  assert.is(state(), "working");
  assert.is(watch.reading("seg0", LINK)?.peers.length, 1);
  await clock.pass(7000);
  assert.is(state(), "silent");
  assert.is(problem()?.code, "adapter-silent");
  assert.is(watch.status("seg0")?.counters, null);
  assert.equal(watch.reading("seg0", LINK)?.peers, []);
  firmware.mute = false;
  await clock.pass(5000);
  assert.is(state(), "working");
  watch.stop();
});

test("a port that cannot be opened, or is not there", async () => {
  const { clock, watch, lock, state, problem } = rig();
  lock(true);
  plugIn(tree);
  await clock.pass(2010);
  assert.is(state(), "unreachable");
  assert.match(problem()?.message ?? "", /ttyACM0 cannot be opened: .*lock/);
  assert.is(watch.status("seg0")?.line["openFailures"], 1);
  lock(false);
  await clock.pass(2000);
  assert.is(state(), "working");
  unplug(tree);
  plugIn(tree, { tty: null });
  await clock.pass(2000);
  assert.match(problem()?.nextStep ?? "", /cdc_acm/);
  watch.stop();
});

test("a line that is cut between two rounds is opened anew", async () => {
  const { clock, watch, lines, opened, state } = rig();
  plugIn(tree);
  await clock.pass(2010);
  lines[0]?.destroy();
  await clock.pass(2000);
  assert.is(state(), "working");
  assert.equal(opened, ["ttyACM0", "ttyACM0"]);
  assert.is(watch.status("seg0")?.line["disconnects"], 1);
  watch.stop();
});

test("stations as the driver shows them; counters go on where 32 bits end, and start anew with the adapter", async () => {
  const { clock, watch, firmware } = rig();
  const counters = { rxPackets: 0xfffffff0, rxBytes: 5, rxForged: 1, txMessages: 2, txQueueFull: 3 };
  firmware.stations = [
    { initiator: 8, address: "02:00:5e:10:00:0b", up: false },
    { initiator: 7, address: "02:00:5e:10:00:0a", name: "falcon\u0007", counters },
  ];
  firmware.counters = { selections7: 0xffffffff, parityErrors: 2 };
  plugIn(tree);
  await clock.pass(2010);
  const reading = watch.reading("seg0", LINK);
  assert.is(reading?.mode, "hub");
  const [first, last] = reading?.peers ?? [];
  assert.equal(
    [first?.address, first?.name, first?.state, first?.nexus],
    ["02:00:5e:10:00:0a", "falcon?", "up", "SCSI ID 7"],
  );
  assert.equal([last?.state, last?.nexus], ["down", "no SCSI ID"]);
  const { rx_packets, rx_errors, tx_dropped, commands } = first?.counters ?? {};
  assert.equal([rx_packets, rx_errors, tx_dropped, commands], [0xfffffff0, 1, 3, 2]);

  firmware.stations = [{ initiator: 7, address: "02:00:5e:10:00:0a", counters: { ...counters, rxPackets: 16 } }];
  firmware.counters = { selections7: 1, parityErrors: 2 };
  await clock.pass(2000);
  assert.is(watch.reading("seg0", LINK)?.peers[0]?.counters.rx_packets, 2 ** 32 + 16);
  assert.is(watch.status("seg0")?.counters?.["selections7"], 2 ** 32 + 1);

  firmware.stations = [{ initiator: 7, address: "02:00:5e:10:00:0a", counters: { rxPackets: 4 } }];
  firmware.counters = { parityErrors: 3 };
  firmware.uptimeSeconds = 1;
  await clock.pass(2000);
  assert.is(watch.reading("seg0", LINK)?.peers[0]?.counters.rx_packets, 4);
  assert.equal(
    [watch.status("seg0")?.counters?.["selections7"], watch.status("seg0")?.counters?.["parityErrors"]],
    [0, 3],
  );

  // The station came anew, the adapter did not.
  firmware.stations = [{ initiator: 7, address: "02:00:5e:10:00:0a", counters: { rxPackets: 1, rxBytes: 90 } }];
  await clock.pass(2000);
  assert.is(watch.reading("seg0", LINK)?.peers[0]?.counters.rx_packets, 1);
  watch.stop();
});

test.run();
