// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Adapter } from "../../src/api/status.ts";
import { type Fabric, OF_ADAPTERS, readAdapters } from "../../src/observe/adapters.ts";
import type { InterfaceAddress } from "../../src/observe/ipJson.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

const LIO = "sys/kernel/config/target";
const address = (cidr: string): InterfaceAddress => ({ family: "inet", cidr, scope: "global" });
const ADDRESSES = new Map([
  ["lo", [address("127.0.0.1/8")]],
  ["eth0", [address("192.168.1.2/24")]],
  ["seg0", [address("10.143.0.1/24")]],
]);

/** A target with an enabled portal group that leads to a segment. */
function target(tree: Tree, path: string, segment: string, enable = 1): void {
  const folder = join(tree.root, LIO, path, "tpgt_1/lun/lun_0");
  tree.write({ [`${LIO}/${path}/tpgt_1/enable`]: enable });
  mkdirSync(folder, { recursive: true });
  symlinkSync(`../../../../../../core/ipscsi_0/${segment}`, join(folder, "scsigate"));
}

const adapters = suite<{ tree: Tree; read(fabrics?: readonly Fabric[]): Adapter[]; one(fabric: string): Adapter }>(
  "adapters",
);
adapters.before.each((context) => {
  const tree = temporaryTree();
  context.tree = tree;
  const at = (name: string) => join(tree.root, name);
  tree.write({
    "proc/sys/kernel/osrelease": "6.1.0-test",
    "lib/modules/6.1.0-test/modules.dep": [
      "kernel/drivers/target/loopback/tcm_loop.ko: kernel/drivers/target/target_core_mod.ko",
      "kernel/drivers/target/iscsi/iscsi_target_mod.ko.xz:",
      "kernel/drivers/scsi/qla2xxx/tcm_qla2xxx.ko:",
      "kernel/drivers/target/sbp/sbp_target.ko:",
    ].join("\n"),
  });
  const sources = { sys: at("sys"), proc: at("proc"), modules: at("lib/modules") };
  context.read = (fabrics) => readAdapters(sources, ADDRESSES, ["seg0"], fabrics);
  context.one = (fabric) => {
    const [found, ...more] = context.read().filter((adapter) => adapter.fabric === fabric);
    assert.is(more.length, 0);
    assert.ok(found, `no ${fabric}`);
    return found as Adapter;
  };
});
adapters.after.each(({ tree }) => tree.dispose());

adapters("a machine with an Ethernet has portals and the loop, and no more", ({ tree, read }) => {
  tree.write({ "sys/class/net/eth0/carrier": 1 });
  assert.equal(read(), [
    {
      ...{ fabric: "iscsi", port: "192.168.1.2:3260", device: "eth0", link: "up" },
      ...{ state: "usable", exports: [], problem: null },
    },
    { fabric: "loop", port: null, device: null, link: "up", state: "usable", exports: [], problem: null },
  ]);
});

adapters("a portal shows the targets that listen there", ({ tree, read }) => {
  target(tree, "iscsi/iqn.2026-11.org.scsigate:seg0", "seg0");
  mkdirSync(join(tree.root, LIO, "iscsi/iqn.2026-11.org.scsigate:seg0/tpgt_1/np/0.0.0.0:3260"), { recursive: true });
  target(tree, "iscsi/iqn.2026-11.org.scsigate:seg1", "seg1", 0);
  mkdirSync(join(tree.root, LIO, "iscsi/iqn.2026-11.org.scsigate:seg1/tpgt_1/np/10.9.9.9:3260"), { recursive: true });
  const [portal] = read();
  assert.is(portal?.state, "exported");
  assert.equal(portal?.exports, [{ segment: "seg0", target: "iqn.2026-11.org.scsigate:seg0", enabled: true }]);
});

function fibreChannel(tree: Tree, host: string, driver: string): void {
  tree.write({
    [`sys/class/fc_host/${host}/port_name`]: "0x21000024ff123456",
    [`sys/class/fc_host/${host}/port_state`]: "Linkdown",
    [`sys/class/scsi_host/${host}/proc_name`]: driver,
  });
}

adapters("a QLogic port is usable when its driver leaves target mode on", ({ tree, one }) => {
  fibreChannel(tree, "host3", "qla2xxx");
  tree.write({ "sys/module/qla2xxx/parameters/qlini_mode": "exclusive" });
  assert.equal(one("qla2xxx"), {
    ...{ fabric: "qla2xxx", port: "21:00:00:24:ff:12:34:56", device: "host3", link: "down" },
    ...{ state: "usable", exports: [], problem: null },
  });
  target(tree, "qla2xxx/21:00:00:24:ff:12:34:56", "seg0");
  assert.is(one("qla2xxx").state, "exported");
});

adapters("those of host adapters alone are neither portals nor the loop", ({ tree, read }) => {
  tree.write({ "sys/class/net/eth0/carrier": 1 });
  assert.equal(read(OF_ADAPTERS), []);
  fibreChannel(tree, "host3", "lpfc");
  assert.equal(
    read(OF_ADAPTERS).map(({ fabric }) => fabric),
    ["qla2xxx"],
  );
});

adapters("a port that cannot be a target says why, and what to do", ({ tree, one }) => {
  fibreChannel(tree, "host3", "qla2xxx");
  const problem = () => one("qla2xxx").problem?.message ?? "";
  assert.match(problem(), "qlini_mode=enabled");
  assert.match(one("qla2xxx").problem?.nextStep ?? "", "qla2xxx.qlini_mode=exclusive");
  tree.remove("sys/class");
  fibreChannel(tree, "host4", "lpfc");
  assert.match(problem(), "lpfc has no target mode");
  assert.is(one("qla2xxx").state, "unusable");
});

adapters("FireWire: the machine's own cards, not the other nodes of the bus", ({ tree, one }) => {
  tree.write({
    "sys/bus/firewire/devices/fw0/is_local": 1,
    "sys/bus/firewire/devices/fw0/guid": "0x0011223344556677",
    "sys/bus/firewire/devices/fw1/is_local": 0,
    "sys/bus/firewire/devices/fw1/guid": "0x8899aabbccddeeff",
    "sys/bus/firewire/devices/fw0.0/specifier_id": "0x00609e",
  });
  assert.is(one("sbp").port, "0011223344556677");
  assert.is(one("sbp").state, "usable");
});

adapters("a port whose module this kernel lacks says so; a loaded one needs no list", ({ tree, one }) => {
  const port = "sys/class/infiniband/rxe0/ports/1";
  tree.write({ [`${port}/gids/0`]: "fe80:0000:0000:0000:0002:c903:00ab:cdef", [`${port}/state`]: "4: ACTIVE" });
  assert.is(one("srpt").port, "0xfe800000000000000002c90300abcdef");
  assert.is(one("srpt").device, "rxe0/1");
  assert.match(one("srpt").problem?.message ?? "", "no module ib_srpt");
  tree.write({ "sys/module/ib_srpt/refcnt": 0 });
  assert.is(one("srpt").state, "usable");
  assert.is(one("srpt").link, "up");
});

adapters("a target that is still there without its adapter's port hides nothing else", ({ tree, read }) => {
  target(tree, "qla2xxx/21:00:00:24:ff:12:34:56", "seg0");
  assert.equal(
    read().map(({ fabric, state }) => [fabric, state]),
    [
      ["iscsi", "usable"],
      ["loop", "usable"],
    ],
  );
});

adapters.run();
