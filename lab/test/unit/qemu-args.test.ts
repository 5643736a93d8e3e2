// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cluster } from "../../src/topologies/cluster.ts";
import type { VmSpec } from "../../src/topologies/types.ts";
import { qemuArgs } from "../../src/vm/qemu-args.ts";

const test = suite("QEMU command line");

const context = {
  dir: "/d",
  kernel: "/k",
  initrd: "/i",
  ports: { https: 1, http: 2, iscsi: 3, mqtt: 4 },
  tscKhz: 2_600_000,
};

function argsOf(name: string): string[] {
  const vm = cluster.vms.find((spec) => spec.name === name) as VmSpec;
  return qemuArgs(cluster, vm, context);
}

const option = (args: readonly string[], name: string): string[] => args.filter((_, index) => args[index - 1] === name);

test("the gateway's ports are forwarded from the loopback only", () => {
  const user = option(argsOf("gateway"), "-netdev").find((value) => value.startsWith("user,")) ?? "";
  const forwards = user.split(",").filter((part) => part.startsWith("hostfwd="));
  assert.equal(forwards, [
    "hostfwd=tcp:127.0.0.1:3-10.0.2.15:3260",
    "hostfwd=tcp:127.0.0.1:1-10.0.2.15:443",
    "hostfwd=tcp:127.0.0.1:2-10.0.2.15:80",
  ]);
});

test("both ends of a wire name each other", () => {
  const end = (name: string): string =>
    option(argsOf(name), "-netdev").find((value) => value.startsWith("dgram")) ?? "";
  assert.match(end("gateway"), "local.path=/d/wire-lan.0,remote.type=unix,remote.path=/d/wire-lan.1");
  assert.match(end("lan"), "local.path=/d/wire-lan.1,remote.type=unix,remote.path=/d/wire-lan.0");
});

test("a station has an LSI53C895A with the gateway's LUN and its own initiator name", () => {
  const args = argsOf("station-b");
  assert.equal(option(args, "-iscsi"), ["initiator-name=iqn.2026-11.org.scsigate:station-b"]);
  assert.equal(option(args, "-drive"), [
    "if=none,id=lun0,file=iscsi://127.0.0.1:3/iqn.2026-11.org.scsigate:seg0/0,format=raw",
  ]);
  assert.ok(option(args, "-device").includes("lsi53c895a,id=scsi0"));
  assert.ok(option(args, "-device").includes("scsi-generic,drive=lun0,bus=scsi0.0"));
  assert.equal(option(args, "-netdev"), []);
});

test("the gateway alone has a disk for its data, in the folder of the run", () => {
  assert.equal(option(argsOf("gateway"), "-drive"), ["if=none,id=data,file=/d/gateway.data,format=raw,cache=unsafe"]);
  assert.ok(option(argsOf("gateway"), "-device").includes("virtio-blk-pci,drive=data"));
  assert.equal(option(argsOf("lan"), "-drive"), []);
});

test("interfaces keep their order, so eth0 stays eth0", () => {
  const cards = option(argsOf("gateway"), "-device").filter((value) => value.startsWith("virtio-net-pci"));
  assert.match(cards[0] ?? "", "mac=52:54:00:5c:51:10");
  assert.match(cards[1] ?? "", "mac=52:54:00:5c:51:11");
});

test("every VM has an agent for the driver and two for people, and a source of randomness", () => {
  for (const vm of cluster.vms) {
    const devices = option(argsOf(vm.name), "-device");
    for (const port of ["agent", "shell0", "shell1"]) {
      assert.ok(devices.includes(`virtserialport,chardev=${port},name=lab.${port}`));
    }
    assert.ok(devices.includes("virtio-rng-pci,rng=rng"));
  }
});

test("the guest is told the rate of its counter, and does not measure it", () => {
  assert.match(option(argsOf("lan"), "-append")[0] ?? "", / tsc_early_khz=2600000 /);
});

test.run();
