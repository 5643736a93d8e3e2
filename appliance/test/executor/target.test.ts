// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setBackstore, setIscsiTarget, setLoopTarget } from "../../src/executor/operations/target.ts";
import type { IscsiTargetOperation } from "../../src/protocol/operations.ts";
import { ScsigateError } from "../../src/shared/errors.ts";
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

lio.run();
