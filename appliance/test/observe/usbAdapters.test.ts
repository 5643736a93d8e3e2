// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Sysfs } from "../../src/observe/sysfs.ts";
import { listUsbAdapters } from "../../src/observe/usbAdapters.ts";
import { plugIn, SERIAL, unplug } from "../support/fakeAdapter.ts";
import { temporaryTree, writeLink } from "../support/tree.ts";

test("an adapter's interface is no Ethernet that the LAN could be, whatever its name; another device's is", () => {
  const tree = temporaryTree();
  const sysfs = new Sysfs(`${tree.root}/sys`);
  writeLink(tree, "eth0", { index: 9, address: "52:54:00:00:00:01" });
  plugIn(tree, { interface: "eth1", index: 2 });
  assert.equal(
    sysfs.ethernets().map(({ name }) => name),
    ["eth0"],
  );
  unplug(tree, { interface: "eth1" });
  plugIn(tree, { interface: "eth1", index: 2, manufacturer: "Realtek" });
  assert.equal(
    sysfs.ethernets().map(({ name }) => name),
    ["eth1", "eth0"],
  );
  tree.dispose();
});

test("what is plugged in, with the segment that uses it; a boot loader is named", () => {
  const tree = temporaryTree();
  const list = () => listUsbAdapters(`${tree.root}/sys`, new Map([[SERIAL, "seg0"]]));
  assert.equal(list(), []);
  plugIn(tree, { interface: "seg0" });
  plugIn(tree, { port: "3-1.2", serial: "0000000000000002", interface: null, tty: null });
  plugIn(tree, { port: "3-1.3", serial: "0000000000000003", interface: null, manufacturer: "somebody" });
  tree.write({ "sys/bus/usb/devices/1-4/idVendor": "2e8a", "sys/bus/usb/devices/1-4/idProduct": "0003" });
  const entries = list();
  assert.equal(
    entries.map(({ port, device, link, state }) => [port, device, link, state]),
    [
      [SERIAL, "seg0", "up", "exported"],
      ["0000000000000002", null, "unknown", "usable"],
      [null, null, "unknown", "unusable"],
    ],
  );
  assert.equal(entries[0]?.exports, [{ segment: "seg0", target: SERIAL, enabled: true }]);
  assert.is(entries[2]?.problem?.code, "adapter-boot-loader");
  tree.dispose();
});

test.run();
