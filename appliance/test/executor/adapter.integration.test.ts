// SPDX-License-Identifier: Apache-2.0
// Packets through a segment with the fabric adapter, in network namespaces. A veth pair stands in for the adapter's CDC-NCM
// interface and what is behind it: the kernel's NCM driver, USB and the firmware have no part in this.
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";

const test = suite("a segment with an adapter, with real interfaces");
const APPLY = `${process.execPath} --import tsx ${fileURLToPath(new URL("../support/applyAdapterPlan.ts", import.meta.url))}`;

const SETUP = [
  `cd ${fileURLToPath(new URL("../..", import.meta.url))}`,
  "mount -t tmpfs tmpfs /run; mount -t sysfs sysfs /sys; ip link set lo up",
  "ip netns add station; ip netns add lan",
  "plug() { ip link add $1 type veth peer name e netns station; ip -n station link set e up",
  "ip -n station address add 10.143.0.9/24 dev e; ip link set $1 up; }", // udev has set it up already
  "ip link add eth0 type veth peer name e netns lan; ip link set eth0 up; ip -n lan link set e up",
  "ip -n lan address add 10.143.0.77/24 dev e",
  "ask() { ip netns exec $1 ping -q -c 1 -W 3 $2 >/dev/null && echo answered || echo silence; }",
].join("\n");

if (hasNamespaces) {
  test("routed: the gateway answers on it; unplugged and plugged in under another name, again", () => {
    const { said } = runInNamespaces(
      [
        SETUP,
        `plug enx02005e100001; ${APPLY} routed enx02005e100001 seg0; ask station 10.143.0.1`,
        "ip link del seg0; ip link show seg0 2>/dev/null || echo gone",
        `plug usb3; ${APPLY} routed usb3 seg0; ask station 10.143.0.1`,
      ].join("\n"),
    );
    assert.equal(said, ["answered", "gone", "answered"]);
  });

  test("bridge: it is a port beside the LAN's, and hosts of both reach each other", () => {
    const { said } = runInNamespaces(
      [
        SETUP,
        `plug usb0; ${APPLY} bridge usb0 seg0; ip link set scsibr0 up`,
        "basename $(readlink /sys/class/net/seg0/master); ask station 10.143.0.77; ask lan 10.143.0.9",
        "ip -4 -o address show dev seg0 | wc -l",
      ].join("\n"),
    );
    assert.equal(said, ["scsibr0", "answered", "answered", "0"]);
  });
} else {
  test.skip("no namespaces on this machine", () => undefined);
}

test.run();
