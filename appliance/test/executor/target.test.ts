// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { removeDriverDisk, setDriverDisk } from "../../src/executor/operations/driverDisk.ts";
import {
  pruneTargets,
  setBackstore,
  setIscsiTarget,
  setLoopTarget,
  setPortTarget,
} from "../../src/executor/operations/target.ts";
import {
  type IscsiTargetOperation,
  type PortTargetOperation,
  withoutPasswords,
} from "../../src/protocol/operations.ts";
import { ScsigateError, toProblem } from "../../src/shared/errors.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";

const A = "iqn.2026-11.org.scsigate:station-a";
const B = "iqn.2026-11.org.scsigate:station-b";
const TPG = "iscsi/iqn.2026-11.org.scsigate:seg0/tpgt_1";

function target(change: Partial<IscsiTargetOperation> = {}): IscsiTargetOperation {
  return {
    kind: "iscsiTarget",
    segment: "seg0",
    target: "iqn.2026-11.org.scsigate:seg0",
    portals: ["0.0.0.0:3260"],
    initiators: [A, B],
    driverDisk: false,
    ...change,
  };
}

const lio = suite<{ executor: TestExecutor }>("LIO");
lio.before.each((context) => {
  context.executor = testExecutor();
});
lio.after.each((context) => context.executor.tree.dispose());

lio("a storage object is configured before it is enabled", async ({ executor: { context, targetFs } }) => {
  assert.is(await setBackstore({ kind: "backstore", segment: "seg0" }, context), true);
  assert.equal(targetFs.journal, [
    "make core/ipscsi_0",
    "make core/ipscsi_0/seg0",
    "write core/ipscsi_0/seg0/control=segment=seg0",
    "write core/ipscsi_0/seg0/enable=1",
  ]);
});

lio("a target admits the named initiators and nobody else", async ({ executor: { context, targetFs } }) => {
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  assert.is(await setIscsiTarget(target(), context), true);
  assert.is(targetFs.files.get(`${TPG}/attrib/authentication`), "0");
  assert.is(targetFs.files.get(`${TPG}/attrib/generate_node_acls`), "0");
  assert.is(targetFs.files.get(`${TPG}/attrib/demo_mode_write_protect`), "0");
  assert.is(targetFs.files.get(`${TPG}/enable`), "1");
  assert.is(targetFs.links.get(`${TPG}/lun/lun_0/scsigate`), "core/ipscsi_0/seg0");
  for (const initiator of [A, B]) {
    assert.is(targetFs.links.get(`${TPG}/acls/${initiator}/lun_0/scsigate`), `${TPG}/lun/lun_0`);
  }
  assert.ok(targetFs.journal.at(-1)?.endsWith("/enable=1"), "it opens only when all is in place");
});

lio("a second time changes nothing: a restart disturbs nobody", async ({ executor: { context, targetFs } }) => {
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await setIscsiTarget(target(), context);
  const before = targetFs.journal.length;
  assert.is(await setBackstore({ kind: "backstore", segment: "seg0" }, context), false);
  assert.is(await setIscsiTarget(target(), context), false);
  assert.is(targetFs.journal.length, before);
});

lio("an initiator or portal that is no longer named is removed, and the rest stays", async ({ executor }) => {
  const { context, targetFs } = executor;
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await setIscsiTarget(target({ portals: ["0.0.0.0:3260", "10.0.2.15:3261"] }), context);
  const before = targetFs.journal.length;
  assert.is(await setIscsiTarget(target({ initiators: [B] }), context), true);
  assert.equal(targetFs.journal.slice(before), [
    `unlink ${TPG}/acls/${A}/lun_0/scsigate`,
    `remove ${TPG}/acls/${A}/lun_0`,
    `remove ${TPG}/acls/${A}`,
    `remove ${TPG}/np/10.0.2.15:3261`,
  ]);
});

lio("half a bring-up is completed", async ({ executor: { context, targetFs } }) => {
  await targetFs.make("core/ipscsi_0");
  await targetFs.make("core/ipscsi_0/seg0");
  await targetFs.write("core/ipscsi_0/seg0/control", "segment=seg0");
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await targetFs.make("iscsi");
  await targetFs.make("iscsi/iqn.2026-11.org.scsigate:seg0");
  await setIscsiTarget(target(), context);
  assert.is(targetFs.files.get(`${TPG}/enable`), "1");
});

lio("an error says which step failed", async ({ executor: { context } }) => {
  try {
    await setIscsiTarget(target(), context); // there is no storage object
    assert.unreachable();
  } catch (error) {
    assert.instance(error, ScsigateError);
    assert.match(String(error), "iSCSI target iqn.2026-11.org.scsigate:seg0");
  }
});

const CHAP = { user: "stations", password: "correct-horse" };
const MUTUAL = { ...CHAP, gateway: { user: "gateway", password: "battery-staple" } };

lio("with CHAP, each initiator has its password before it has the LUN", async ({ executor }) => {
  const { context, targetFs } = executor;
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await setIscsiTarget(target({ initiators: [A], chap: MUTUAL }), context);
  assert.is(targetFs.files.get(`${TPG}/attrib/authentication`), "1");
  const auth = `${TPG}/acls/${A}/auth`;
  assert.is(targetFs.files.get(`${auth}/userid`), "stations");
  assert.is(targetFs.files.get(`${auth}/password`), "correct-horse", "no line end: it would be a part of the password");
  assert.is(targetFs.files.get(`${auth}/userid_mutual`), "gateway");
  assert.is(targetFs.files.get(`${auth}/password_mutual`), "battery-staple");
  const { journal } = targetFs;
  const lun = journal.indexOf(`make ${TPG}/acls/${A}/lun_0`);
  assert.ok(journal.findIndex((line) => line.startsWith(`write ${auth}/password=`)) < lun);
  const before = journal.length;
  assert.is(await setIscsiTarget(target({ initiators: [A], chap: MUTUAL }), context), false);
  assert.is(journal.length, before);
});

lio("CHAP is taken back: from mutual to one way, and to none", async ({ executor: { context, targetFs } }) => {
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await setIscsiTarget(target({ initiators: [A], chap: MUTUAL }), context);
  const auth = `${TPG}/acls/${A}/auth`;
  assert.is(await setIscsiTarget(target({ initiators: [A], chap: CHAP }), context), true);
  assert.is(targetFs.files.get(`${auth}/userid_mutual`), "NULL");
  assert.is(targetFs.files.get(`${auth}/password_mutual`), "NULL");
  assert.is(targetFs.files.get(`${auth}/userid`), "stations");
  assert.is(await setIscsiTarget(target({ initiators: [A] }), context), true);
  assert.is(targetFs.files.get(`${auth}/password`), "NULL");
  assert.is(targetFs.files.get(`${TPG}/attrib/authentication`), "0");
  assert.is(await setIscsiTarget(target({ initiators: [A] }), context), false);
});

lio("no password gets into the log or a plan that is shown", () => {
  const shown = JSON.stringify(withoutPasswords(target({ chap: MUTUAL })));
  assert.not.match(shown, "correct-horse");
  assert.not.match(shown, "battery-staple");
  assert.match(shown, "stations");
  assert.equal(withoutPasswords(target()), target());
});

const FC = "21:00:00:24:ff:12:34:56";
const FC_HOST = "21:00:00:24:ff:65:43:21";

function port(change: Partial<PortTargetOperation> = {}): PortTargetOperation {
  const named = { port: FC, initiators: [FC_HOST], open: false, driverDisk: false };
  return { kind: "portTarget", fabric: "qla2xxx", segment: "seg0", ...named, ...change };
}

lio("a Fibre Channel port admits the named hosts and nobody else", async ({ executor: { context, targetFs } }) => {
  targetFs.ports.add(`qla2xxx/${FC}`);
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  assert.is(await setPortTarget(port(), context), true);
  const tpg = `qla2xxx/${FC}/tpgt_1`;
  assert.is(targetFs.files.get(`${tpg}/attrib/generate_node_acls`), "0", "the kernel's default lets everybody in");
  assert.is(targetFs.links.get(`${tpg}/acls/${FC_HOST}/lun_0/scsigate`), `${tpg}/lun/lun_0`);
  assert.ok(targetFs.journal.at(-1)?.endsWith("/enable=1"));
  assert.is(await setPortTarget(port(), context), false);
});

lio("an open port admits every host, for writing too, and can be closed", async ({ executor }) => {
  const { context, targetFs } = executor;
  targetFs.ports.add(`qla2xxx/${FC}`);
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await setPortTarget(port({ open: true, initiators: [] }), context);
  const attributes = ["generate_node_acls", "demo_mode_login_only", "demo_mode_write_protect"];
  const values = () => attributes.map((name) => targetFs.files.get(`qla2xxx/${FC}/tpgt_1/attrib/${name}`));
  assert.equal(values(), ["1", "0", "0"]);
  await setPortTarget(port(), context);
  assert.equal(values(), ["0", "1", "0"]);
});

lio("InfiniBand and FireWire ports are targets, too", async ({ executor: { context, targetFs } }) => {
  const gid = "0xfe800000000000000002c90300abcdef";
  const host = "0x00000000000000000002c90300fedcba";
  targetFs.ports.add(`srpt/${gid}`).add("sbp/0011223344556677");
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await setPortTarget(port({ fabric: "srpt", port: gid, initiators: [host] }), context);
  assert.is(targetFs.links.get(`srpt/${gid}/tpgt_1/acls/${host}/lun_0/scsigate`), `srpt/${gid}/tpgt_1/lun/lun_0`);
  const guid = "0011223344556677";
  await setPortTarget(port({ fabric: "sbp", port: guid, initiators: [], open: true }), context);
  assert.is(targetFs.files.get(`sbp/${guid}/tpgt_1/enable`), "1");
});

lio("a port that is not there is named, with where to look", async ({ executor: { context } }) => {
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  const problem = await setPortTarget(port(), context).catch(toProblem);
  assert.ok(typeof problem === "object");
  assert.is(problem.code, "adapter-missing");
  assert.match(problem.message, FC);
  assert.match(problem.nextStep, "scsigate adapters");
});

lio("a port that is not configured any more goes, and another one's target stays", async ({ executor }) => {
  const { context, targetFs } = executor;
  targetFs.ports.add(`qla2xxx/${FC}`);
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await setPortTarget(port(), context);
  assert.is(await pruneTargets([FC], [], targetFs), false);
  assert.is(await pruneTargets([], [], targetFs), true);
  assert.is(await targetFs.exists(`qla2xxx/${FC}`), false);
});

lio("a target that is given to another segment leads there, for the named hosts", async ({ executor }) => {
  const { context, targetFs } = executor;
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  await setBackstore({ kind: "backstore", segment: "seg1" }, context);
  await setIscsiTarget(target(), context);
  assert.is(await setIscsiTarget(target({ segment: "seg1" }), context), true);
  assert.is(targetFs.links.get(`${TPG}/lun/lun_0/scsigate`), "core/ipscsi_0/seg1");
  assert.is(targetFs.links.get(`${TPG}/acls/${A}/lun_0/scsigate`), `${TPG}/lun/lun_0`);
});

lio("a loop target gets its nexus before its LUN", async ({ executor: { context, targetFs } }) => {
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  const operation = {
    kind: "loopTarget",
    segment: "seg0",
    target: "naa.3000000000000001",
    initiator: "naa.3000000000000002",
  } as const;
  assert.is(await setLoopTarget(operation, context), true);
  const tail = targetFs.journal.slice(-3).map((line) => line.split(" ")[0]);
  assert.equal(tail, ["write", "make", "link"]);
  assert.is(await setLoopTarget(operation, context), false);
});

const DISK = "core/fileio_0/scsigate-driver";
const SERIAL = "525400abcdef";

async function withDisk({ context, targetFs, tree }: TestExecutor): Promise<void> {
  tree.write({ "driver.img": "a file system" });
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  assert.is(await setDriverDisk({ kind: "driverDisk", serial: SERIAL }, context), true);
  assert.is(targetFs.files.get(`${DISK}/enable`), "1");
}

lio("the driver disk is a copy in memory, of the image's size", async ({ executor }) => {
  const { context, targetFs, tree } = executor;
  await withDisk(executor);
  const copy = join(tree.root, "run/scsigate/driver.img");
  assert.is(readFileSync(copy, "utf8"), "a file system\n");
  assert.is(targetFs.files.get(`${DISK}/control`), `fd_dev_name=${copy},fd_dev_size=14`);
  assert.is(targetFs.files.get(`${DISK}/wwn/vpd_unit_serial`), `${SERIAL}-driver`);
  assert.is(await setDriverDisk({ kind: "driverDisk", serial: SERIAL }, context), false);
});

lio("hosts get the driver disk as LUN 1, to read only, and the segment stays LUN 0", async ({ executor }) => {
  const { context, targetFs } = executor;
  await withDisk(executor);
  assert.is(await setIscsiTarget(target({ driverDisk: true }), context), true);
  assert.is(targetFs.links.get(`${TPG}/lun/lun_0/scsigate`), "core/ipscsi_0/seg0");
  assert.is(targetFs.links.get(`${TPG}/lun/lun_1/scsigate`), DISK);
  for (const initiator of [A, B]) {
    assert.is(targetFs.links.get(`${TPG}/acls/${initiator}/lun_1/scsigate`), `${TPG}/lun/lun_1`);
    assert.is(targetFs.files.get(`${TPG}/acls/${initiator}/lun_1/write_protect`), "1");
    assert.is(targetFs.files.get(`${TPG}/acls/${initiator}/lun_0/write_protect`), "0");
  }
  assert.ok(targetFs.journal.at(-1)?.endsWith("/enable=1"), "nobody comes in before the disk is protected");
  assert.is(await setIscsiTarget(target({ driverDisk: true }), context), false);
});

lio("switched off, the driver disk goes, and the segment and its hosts stay", async ({ executor }) => {
  const { context, targetFs } = executor;
  await withDisk(executor);
  await setIscsiTarget(target({ driverDisk: true }), context);
  const before = targetFs.journal.length;
  assert.is(await setIscsiTarget(target(), context), true);
  assert.equal(
    targetFs.journal.slice(before).filter((line) => !line.includes("lun_1")),
    [],
  );
  assert.is(await targetFs.exists(`${TPG}/lun/lun_1`), false);
  assert.is(targetFs.links.get(`${TPG}/acls/${A}/lun_0/scsigate`), `${TPG}/lun/lun_0`);
  assert.is(await removeDriverDisk(context), true);
  assert.is(await targetFs.exists(DISK), false);
  assert.is(await removeDriverDisk(context), false);
});

lio("another version of the driver disk takes the old one's place, with another object", async ({ executor }) => {
  const { context, targetFs, tree } = executor;
  await withDisk(executor);
  await setIscsiTarget(target({ driverDisk: true }), context);
  tree.write({ "driver.img": "a newer file system" });
  assert.is(await setDriverDisk({ kind: "driverDisk", serial: SERIAL }, context), true);
  assert.is(await targetFs.exists(`${TPG}/lun/lun_1`), false, "no host reads while it changes");
  assert.is(await setIscsiTarget(target({ driverDisk: true }), context), true);
  assert.is(targetFs.links.get(`${TPG}/lun/lun_1/scsigate`), DISK);
});

lio("without the image the problem is told, and the segment is exported all the same", async ({ executor }) => {
  const { context, targetFs } = executor;
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  const problem = await setDriverDisk({ kind: "driverDisk", serial: SERIAL }, context).catch(toProblem);
  assert.is(typeof problem === "object" && problem.code, "driver-disk-missing");
  await setIscsiTarget(target({ driverDisk: true }), context);
  assert.is(await targetFs.exists(`${TPG}/lun/lun_1`), false);
  assert.is(targetFs.files.get(`${TPG}/enable`), "1");
});

lio("a removed target takes its LUN of the driver disk along, another one keeps it", async ({ executor }) => {
  const { context, targetFs } = executor;
  await withDisk(executor);
  targetFs.ports.add(`qla2xxx/${FC}`);
  await setIscsiTarget(target({ driverDisk: true }), context);
  await setPortTarget(port({ driverDisk: true }), context);
  assert.is(await pruneTargets([FC], [], targetFs), true);
  assert.is(await targetFs.exists("iscsi/iqn.2026-11.org.scsigate:seg0"), false);
  assert.is(targetFs.links.get(`qla2xxx/${FC}/tpgt_1/lun/lun_1/scsigate`), DISK);
  assert.is(targetFs.files.get(`qla2xxx/${FC}/tpgt_1/acls/${FC_HOST}/lun_1/write_protect`), "1");
});

lio("on an open port, disks are protected from everybody", async ({ executor }) => {
  const { context, targetFs } = executor;
  await withDisk(executor);
  targetFs.ports.add(`qla2xxx/${FC}`);
  await setPortTarget(port({ open: true, initiators: [], driverDisk: true }), context);
  assert.is(targetFs.files.get(`qla2xxx/${FC}/tpgt_1/attrib/demo_mode_write_protect`), "1");
});

lio.run();
