// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cluster } from "../../src/topologies/cluster.ts";
import { debian } from "../../src/topologies/debian.ts";
import type { VmSpec } from "../../src/topologies/types.ts";
import { qemuArgs } from "../../src/vm/qemu-args.ts";

const test = suite("QEMU command line");

const context = {
  dir: "/d",
  emulator: { program: "qemu", args: ["-L", "/firmware"], env: {} },
  kernel: "/k",
  initrd: "/i",
  ports: { https: 1, http: 2, iscsi: 3, mqtt: 4 },
  verity: "1,1,aa,bb",
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

test("the emulator's own arguments come first", () => {
  assert.equal(argsOf("gateway").slice(0, 2), context.emulator.args);
});

test("processors take turns, except where speed is measured", () => {
  const [gateway] = cluster.vms;
  assert.equal(option(argsOf("gateway"), "-accel"), ["tcg,thread=single"]);
  const measured = qemuArgs(cluster, gateway as VmSpec, { ...context, parallel: true });
  assert.equal(option(measured, "-accel"), ["tcg,thread=multi"]);
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

test("the gateway alone has a disk, in the folder of the run, and its kernel is told where the root is", () => {
  const args = argsOf("gateway");
  assert.equal(option(args, "-drive"), ["if=none,id=disk,file=/d/gateway.disk,format=raw,cache=unsafe,discard=unmap"]);
  assert.ok(option(args, "-device").includes("virtio-blk-pci,drive=disk"));
  assert.match(option(args, "-append")[0] ?? "", /^scsigate\.slot=A scsigate\.verity=1,1,aa,bb /);
  assert.equal(option(argsOf("lan"), "-drive"), []);
});

test("with a firmware, nothing but the disk says what is started", () => {
  const gateway = cluster.vms.find((spec) => spec.name === "gateway") as VmSpec;
  for (const firmware of ["bios", "uefi"] as const) {
    const args = qemuArgs(cluster, { ...gateway, image: { dataMiB: 32, firmware } }, context);
    assert.equal(option(args, "-kernel"), []);
    assert.is(
      option(args, "-drive").some((value) => value.startsWith("if=pflash")),
      firmware === "uefi",
    );
  }
});

test("the Debian machine has a disk of its own, and the driver disk, read-only, beside its segment", () => {
  const vm = debian.vms.find((spec) => spec.debian) as VmSpec;
  const args = qemuArgs(debian, vm, { ...context, ports: { ...context.ports, echo: 5 } });
  assert.equal(option(args, "-drive"), [
    "if=none,id=lun0,file=iscsi://127.0.0.1:3/iqn.2026-11.org.scsigate:seg0/0,format=raw",
    "if=none,id=disk0,file=iscsi://127.0.0.1:3/iqn.2026-11.org.scsigate:seg0/1,format=raw,readonly=on",
    "if=none,id=root,file=/d/host.root,format=raw,cache=unsafe",
  ]);
  assert.ok(option(args, "-device").includes("scsi-generic,drive=disk0,bus=scsi0.0,scsi-id=1"));
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
